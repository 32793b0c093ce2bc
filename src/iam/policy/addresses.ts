import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as 16-bit groups: two of IPv4, eight of IPv6. */
export type Address = readonly number[];

export interface AddressRange {
  readonly address: Address;
  /** Length of the prefix in bits. */
  readonly bits: number;
}

/** `undefined` for what is no address. An IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`) is the IPv4 address. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return parseIPv4(text);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const groups = parseIPv6(text);
  const mapped = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff;
  return mapped ? groups.slice(6) : groups;
}

/** An address in CIDR notation; without a prefix, that one address. */
export function parseRange(text: string): AddressRange | undefined {
  const [base = '', prefix, ...rest] = text.split('/');
  const address = parseAddress(base);
  if (address === undefined || rest.length > 0) return undefined;
  const width = address.length * 16;
  if (prefix === undefined) return { address, bits: width };
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) - (base.includes(':') && width === 32 ? 96 : 0) : -1;
  return bits >= 0 && bits <= width ? { address, bits } : undefined;
}

/** Addresses of one kind are never within ranges of the other. */
export function within(address: Address, range: AddressRange): boolean {
  if (address.length !== range.address.length) return false;
  let bits = range.bits;
  for (let at = 0; bits > 0; at++, bits -= 16) {
    const difference = (address[at] as number) ^ (range.address[at] as number);
    if (difference >>> Math.max(0, 16 - bits) !== 0) return false;
  }
  return true;
}

function parseIPv4(text: string): Address {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function parseIPv6(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap(group => (group.includes('.') ? parseIPv4(group) : [Number.parseInt(group, 16)]));
}
