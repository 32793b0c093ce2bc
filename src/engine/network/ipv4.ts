import { EngineError } from '../engine.ts';

/** IPv4 arithmetic on unsigned 32-bit numbers; IPv4 addresses are strings everywhere else. */

export interface Prefix {
  /** The network address as a number, host bits zero. */
  readonly network: number;
  /** Prefix length, 0 to 32. */
  readonly length: number;
}

/** @throws EngineError `Invalid` when `text` is not a dotted quad. */
export function parseAddress(text: string): number {
  const parts = text.split('.');
  let value = 0;
  for (const part of parts) {
    const byte = /^\d{1,3}$/.test(part) ? Number(part) : 256;
    if (byte > 255 || parts.length !== 4) throw new EngineError('Invalid', `${text} is not an IPv4 address.`);
    value = value * 256 + byte;
  }
  return value;
}

export function formatAddress(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** Reads `a.b.c.d/n` (or an address, which is a /32); host bits are cleared. @throws EngineError `Invalid`. */
export function parsePrefix(text: string): Prefix {
  const [address = '', length = '32', ...rest] = text.split('/');
  const bits = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (bits > 32 || rest.length > 0) throw new EngineError('Invalid', `${text} is not an IPv4 CIDR block.`);
  return { network: (parseAddress(address) & maskOf(bits)) >>> 0, length: bits };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.network)}/${prefix.length}`;
}

/** Does `outer` hold all of `inner`? */
export function contains(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && (inner.network & maskOf(outer.length)) >>> 0 === outer.network;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

/** The address `offset` places after the prefix's first; negative counts from its end (-1 is the last). */
export function addressAt(prefix: Prefix, offset: number): string {
  const size = 2 ** (32 - prefix.length);
  return formatAddress(prefix.network + (offset < 0 ? size + offset : offset));
}

/** All addresses of a prefix, which should be a short list. */
export function addressesOf(prefix: Prefix): string[] {
  return Array.from({ length: 2 ** (32 - prefix.length) }, (_, offset) => addressAt(prefix, offset));
}

export function netmask(prefix: Prefix): string {
  return formatAddress(maskOf(prefix.length));
}

/** The same set of addresses without prefixes that others contain, sorted: what an nftables interval set takes. */
export function withoutContained(cidrs: readonly string[]): string[] {
  const prefixes = cidrs.map(parsePrefix).sort((a, b) => a.network - b.network || a.length - b.length);
  const kept: Prefix[] = [];
  for (const prefix of prefixes) {
    const last = kept.at(-1);
    if (last === undefined || !contains(last, prefix)) kept.push(prefix);
  }
  return kept.map(formatPrefix);
}
