import { isIPv6 } from 'node:net';

/**
 * An IPv6 block with its host bits cleared, written as RFC 5952 wants it: `2001:DB8::1/32` to `2001:db8::/32`.
 * Undefined when it is not an IPv6 block.
 */
export function canonicalIpv6Cidr(text: string): string | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIpv6(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 128) return undefined;
  const hostBits = BigInt(128 - prefixLength);
  return `${formatIpv6((address >> hostBits) << hostBits)}/${prefixLength}`;
}

/** An IPv6 block. Addresses are numbers of 128 bits. */
export interface Cidr6 {
  readonly first: bigint;
  readonly last: bigint;
  /** 0 to 128. */
  readonly prefixLength: number;
}

/** Reads `2001:db8::/32`; bits beyond the prefix are ignored. Undefined when it is not an IPv6 block. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const canonical = canonicalIpv6Cidr(text);
  if (canonical === undefined) return undefined;
  const slash = canonical.indexOf('/');
  const first = parseIpv6(canonical.slice(0, slash)) ?? 0n;
  const prefixLength = Number(canonical.slice(slash + 1));
  return { first, last: first + (1n << BigInt(128 - prefixLength)) - 1n, prefixLength };
}

/** Whether two blocks share an address. */
export function overlap6(a: Cidr6, b: Cidr6): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether a block lies inside another. */
export function inside6(inner: Cidr6, outer: Cidr6): boolean {
  return inner.first >= outer.first && inner.last <= outer.last;
}

/** An address as a number of 128 bits; undefined when it is none or has a zone. */
export function parseIpv6(text: string): bigint | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = withoutDottedQuad(text).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  let value = 0n;
  for (const group of [...left, ...zeros, ...right]) value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  return value;
}

/** @see https://www.rfc-editor.org/rfc/rfc5952 */
export function formatIpv6(address: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((address >> shift) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  const text = (part: readonly number[]) => part.map(group => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

/** `::ffff:10.0.0.1` to `::ffff:a00:1`. */
function withoutDottedQuad(text: string): string {
  const quad = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (quad === null) return text;
  const [a = 0, b = 0, c = 0, d = 0] = quad.slice(1).map(Number);
  return `${text.slice(0, quad.index)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
