/** A secret that a test run has used. */
export interface Secret {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Ways in which a secret may have been written down: as it is, in a URL, in JSON, in base64 at any offset, in hex. */
export function formsOf({ bytes }: Secret): Buffer[] {
  const forms = [bytes, Buffer.from(bytes.toString('hex'))];
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) {
    forms.push(Buffer.from(encodeURIComponent(text)), Buffer.from(JSON.stringify(text).slice(1, -1)));
    forms.push(Buffer.from(new URLSearchParams({ a: text }).toString().slice(2)));
  }
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The characters at the ends depend on the neighbours too.
    const inner = encoded.slice(offset === 0 ? 0 : 4, -2);
    forms.push(Buffer.from(inner), Buffer.from(inner.replaceAll('+', '-').replaceAll('/', '_')));
  }
  return forms.filter(form => form.length >= 8);
}

/** The forms of secrets that occur in some bytes, as `NAME in PLACE`. */
export function leaks(secrets: readonly Secret[], places: Iterable<readonly [place: string, bytes: Buffer]>): string[] {
  const found = new Set<string>();
  const all = secrets.map(secret => ({ name: secret.name, forms: formsOf(secret) }));
  for (const [place, bytes] of places) {
    for (const { name, forms } of all) if (forms.some(form => bytes.includes(form))) found.add(`${name} in ${place}`);
  }
  return [...found];
}

export const secret = (name: string, text: string): Secret => ({ name, bytes: Buffer.from(text) });

/** What of a private key is no part of its public key: lines of the file, and its last numbers. */
export function privateKey(name: string, pem: string): Secret[] {
  const lines = pem.split('\n').filter(line => line !== '' && !line.startsWith('-----'));
  const der = Buffer.from(lines.join(''), 'base64');
  return [
    { name: `${name}, the last numbers`, bytes: der.subarray(-48) },
    ...lines.filter(line => line.length >= 64).map((line, at) => secret(`${name}, line ${at + 1}`, line)),
  ];
}
