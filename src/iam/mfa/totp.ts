import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Bytes in base32 without padding. @see https://www.rfc-editor.org/rfc/rfc4648#section-6 */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    value = (value << 5) | alphabet.indexOf(character);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 255);
    }
    value &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}

/** A new shared secret: 320 bits in 64 characters of base32. */
export function newSeed(): string {
  return toBase32(randomBytes(40));
}

/** Number of the 30 seconds that a time is in. @param time milliseconds since the epoch */
export function stepOf(time: number): number {
  return Math.floor(time / 30_000);
}

/**
 * The six digits of a step.
 * @see https://www.rfc-editor.org/rfc/rfc6238
 */
export function codeAt(seed: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', fromBase32(seed)).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** The step, of some around an expected one, whose code (and the next one's, when given) this is; the nearest first. */
export function stepOfCodes(
  seed: string,
  codes: readonly [string, string?],
  expected: number,
  window: number,
): number | undefined {
  for (let distance = 0; distance <= window; distance++) {
    for (const step of distance === 0 ? [expected] : [expected - distance, expected + distance]) {
      if (step >= 0 && codes.every((code, at) => code === undefined || isCode(codeAt(seed, step + at), code)))
        return step;
    }
  }
  return undefined;
}

function isCode(right: string, given: string): boolean {
  return given.length === right.length && timingSafeEqual(Buffer.from(given), Buffer.from(right));
}
