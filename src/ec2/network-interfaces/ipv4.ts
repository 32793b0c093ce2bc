/** An IPv4 block. Addresses are unsigned 32-bit numbers. */
export interface Cidr {
  readonly first: number;
  readonly last: number;
  /** 0 to 32. */
  readonly prefixLength: number;
}

const octet = /^(?:0|[1-9]\d{0,2})$/;

/** Dotted quad to number; undefined unless it is exactly four decimal octets. */
export function addressToNumber(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!octet.test(part)) return undefined;
    const byte = Number(part);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return value;
}

export function numberToAddress(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Reads `10.0.0.0/16`; bits beyond the prefix are ignored. Undefined when it is not an IPv4 block. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = addressToNumber(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9]\d?)$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 32) return undefined;
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefixLength };
}

/** `100.68.0.18/18` to `100.68.0.0/18`: the block with its host bits cleared. */
export function formatCidr(cidr: Cidr): string {
  return `${numberToAddress(cidr.first)}/${cidr.prefixLength}`;
}

export function contains(cidr: Cidr, address: number): boolean {
  return address >= cidr.first && address <= cidr.last;
}

export function cidrSize(cidr: Cidr): number {
  return cidr.last - cidr.first + 1;
}

/** Whether two blocks share an address. */
export function overlap(a: Cidr, b: Cidr): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether a block lies inside another. */
export function inside(inner: Cidr, outer: Cidr): boolean {
  return inner.first >= outer.first && inner.last <= outer.last;
}
