/** Do two IPv4 prefixes (or single addresses) share an address? False for what is no IPv4 prefix. */
export function overlaps(left: string, right: string): boolean {
  const a = range(left);
  const b = range(right);
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last;
}

function range(prefix: string): { first: number; last: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(prefix);
  if (match === null) return undefined;
  const size = 2 ** (32 - Number(match[5] ?? 32));
  const address = match.slice(1, 5).reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}
