/** First bytes of what programs compress. */
const signatures: readonly (readonly [program: string, hex: string])[] = [
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['bzip2', '425a68'],
  ['zip', '504b0304'],
  ['7z', '377abcaf271c'],
];

/** The program that compressed a file, by its first bytes; undefined when it is not compressed. */
export function compressionOf(first: Buffer): string | undefined {
  const hex = first.toString('hex');
  return signatures.find(([, signature]) => hex.startsWith(signature))?.[0];
}
