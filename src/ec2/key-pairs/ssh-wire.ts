/**
 * The data types of the SSH protocol that key files are made of.
 * @see https://www.rfc-editor.org/rfc/rfc4251#section-5
 */

/** A `uint32`. */
export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A `string`: its length, then its bytes. */
export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}

/** A non-negative `mpint` from big-endian bytes. */
export function sshMpint(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  const negative = (digits[0] ?? 0) >= 0x80;
  return sshString(negative ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

/** Takes `string`s off the front of a buffer. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  /** @throws RangeError when the buffer ends first. */
  string(): Buffer {
    const length = this.#bytes.readUInt32BE(this.#at);
    const start = this.#at + 4;
    if (start + length > this.#bytes.length) throw new RangeError('the SSH string is longer than the data');
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** A non-negative integer as big-endian bytes without leading zeros. @throws RangeError */
  mpint(): Buffer {
    const bytes = this.string();
    if ((bytes[0] ?? 0) >= 0x80) throw new RangeError('the SSH integer is negative');
    let start = 0;
    while (start < bytes.length && bytes[start] === 0) start++;
    return bytes.subarray(start);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}
