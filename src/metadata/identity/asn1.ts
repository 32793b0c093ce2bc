/**
 * Writes ASN.1 in DER, as far as certificates and PKCS #7 need it.
 * @see https://www.itu.int/rec/T-REC-X.690
 */

/** One element: its tag, the definite length, its contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.of(0x80 | digits.length, ...digits);
}

export const sequence = (...members: readonly Uint8Array[]) => element(0x30, ...members);

/** `SET OF`: DER wants its members in the order of their encodings. */
export const setOf = (...members: readonly Uint8Array[]) => element(0x31, ...members.toSorted(Buffer.compare));

export const octetString = (bytes: Uint8Array) => element(0x04, bytes);
export const bitString = (bytes: Uint8Array) => element(0x03, Buffer.of(0), bytes);
export const utf8String = (text: string) => element(0x0c, Buffer.from(text));
export const boolean = (value: boolean) => element(0x01, Buffer.of(value ? 0xff : 0));
export const asn1Null = element(0x05);

/** `[number]`, constructed: explicit tagging, or implicit tagging of a constructed type's contents. */
export const context = (number: number, ...contents: readonly Uint8Array[]) => element(0xa0 | number, ...contents);

/** A non-negative integer, from a small number or big-endian bytes. */
export function integer(value: number | Uint8Array): Buffer {
  const bytes = typeof value === 'number' ? Buffer.of(value) : value;
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return element(0x02, (digits[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), digits);
}

/** `1.2.840.113549.1.7.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80);
    bytes.push(...digits);
  }
  return element(0x06, Buffer.from(bytes));
}

/** `UTCTime` until 2049, `GeneralizedTime` from then on, as RFC 5280 asks. */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}

/** PEM with lines of 64 characters and a line end at its end. */
export function pem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${wrapBase64(der, 64)}\n-----END ${label}-----\n`;
}

/** Base64 in lines; none ends the last line. */
export function wrapBase64(bytes: Uint8Array, width: number): string {
  const text = Buffer.from(bytes).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += width) lines.push(text.slice(at, at + width));
  return lines.join('\n');
}
