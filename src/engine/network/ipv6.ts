import { isIPv6 } from 'node:net';
import { EngineError } from '../engine.ts';
import { type Prefix as Ipv4Prefix, parsePrefix as parseIpv4Prefix } from './ipv4.ts';

/** IPv6 arithmetic on 128-bit numbers; IPv6 addresses are strings everywhere else, in the form of RFC 5952. */

export interface Ipv6Prefix {
  /** The network address as a number, host bits zero. */
  readonly network: bigint;
  /** Prefix length, 0 to 128. */
  readonly length: number;
}

/** @throws EngineError `Invalid` when `text` is not an IPv6 address (zones and dotted quads are none here). */
export function parseIpv6(text: string): bigint {
  if (!isIPv6(text) || /[%.]/.test(text)) throw new EngineError('Invalid', `${text} is not an IPv6 address.`);
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return BigInt(`0x${[...before, ...zeros, ...after].map(group => group.padStart(4, '0')).join('')}`);
}

/** RFC 5952: lower case, the longest run of two or more zero groups shortened, the first of equals. */
export function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0n) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const text = (part: readonly bigint[]) => part.map(group => group.toString(16)).join(':');
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

/** The one way in which this address is written in commands and compared with what the kernel says. */
export function normalIpv6(text: string): string {
  return formatIpv6(parseIpv6(text));
}

function hostBits(length: number): bigint {
  return (1n << BigInt(128 - length)) - 1n;
}

/** Reads `address/length` (or an address, which is a /128); host bits are cleared. @throws EngineError `Invalid`. */
export function parseIpv6Prefix(text: string): Ipv6Prefix {
  const [address = '', length = '128', ...rest] = text.split('/');
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : 129;
  if (bits > 128 || rest.length > 0) throw new EngineError('Invalid', `${text} is not an IPv6 CIDR block.`);
  return { network: parseIpv6(address) & ~hostBits(bits), length: bits };
}

export function formatIpv6Prefix(prefix: Ipv6Prefix): string {
  return `${formatIpv6(prefix.network)}/${prefix.length}`;
}

/** Does `outer` hold all of `inner`? */
export function containsIpv6(outer: Ipv6Prefix, inner: Ipv6Prefix): boolean {
  return outer.length <= inner.length && (inner.network & ~hostBits(outer.length)) === outer.network;
}

export function overlapsIpv6(a: Ipv6Prefix, b: Ipv6Prefix): boolean {
  return containsIpv6(a, b) || containsIpv6(b, a);
}

/** The address `offset` places after the prefix's first. */
export function ipv6At(prefix: Ipv6Prefix, offset: number): string {
  return formatIpv6(prefix.network + BigInt(offset));
}

/** The same set of addresses without prefixes that others contain, sorted: what an nftables interval set takes. */
export function withoutContainedIpv6(cidrs: readonly string[]): string[] {
  const prefixes = cidrs
    .map(parseIpv6Prefix)
    .sort((a, b) => (a.network < b.network ? -1 : a.network > b.network ? 1 : a.length - b.length));
  const kept: Ipv6Prefix[] = [];
  for (const prefix of prefixes) {
    const last = kept.at(-1);
    if (last === undefined || !containsIpv6(last, prefix)) kept.push(prefix);
  }
  return kept.map(formatIpv6Prefix);
}

/** A CIDR block of either IP version. */
export function isIpv6Cidr(cidr: string): boolean {
  return cidr.includes(':');
}

/** @throws EngineError `Invalid` when it is no CIDR block of either IP version. */
export function parseCidr(cidr: string): Ipv4Prefix | Ipv6Prefix {
  return isIpv6Cidr(cidr) ? parseIpv6Prefix(cidr) : parseIpv4Prefix(cidr);
}

/** Link-local address that a MAC address leads to by itself (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map(byte => Number.parseInt(byte, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const identifier = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
  return formatIpv6(identifier.reduce((value, byte) => (value << 8n) | BigInt(byte), 0xfe80n << 48n));
}
