/*
 * QR codes with bytes at error correction level L, which is what screens need.
 * https://www.iso.org/standard/83389.html (ISO/IEC 18004)
 */

/** Error correction codewords of a block, and blocks, of versions 1 to 25. */
const correction = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26];
const blocks = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12];

/**
 * The modules of a text, row by row; true is dark.
 * @throws RangeError for more than 1,250 bytes or so
 */
export function qrModules(text: string): boolean[][] {
  const bytes = Buffer.from(text);
  const version = smallestVersion(bytes.length);
  const codewords = interleave(dataCodewords(bytes, version), version);
  let best: Grid | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let mask = 0; mask < masks.length; mask++) {
    const grid = new Grid(version);
    grid.drawCodewords(codewords, masks[mask] ?? (() => false));
    grid.drawFormat(mask);
    const penalty = penaltyOf(grid.dark);
    if (penalty < least) [best, least] = [grid, penalty];
  }
  return best?.dark ?? [];
}

function rawCodewords(version: number): number {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    modules -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) modules -= 36;
  }
  return Math.floor(modules / 8);
}

const correctionOf = (version: number): number => correction[version - 1] ?? 0;
const blocksOf = (version: number): number => blocks[version - 1] ?? 1;
const capacityOf = (version: number): number => rawCodewords(version) - correctionOf(version) * blocksOf(version);
const lengthBits = (version: number): number => (version < 10 ? 8 : 16);

function smallestVersion(length: number): number {
  for (let version = 1; version <= correction.length; version++) {
    if (4 + lengthBits(version) + 8 * length <= 8 * capacityOf(version)) return version;
  }
  throw new RangeError(`${length} bytes are too many for a QR code`);
}

/** Mode, length, bytes, end, and padding. */
function dataCodewords(bytes: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const push = (value: number, length: number) => {
    for (let bit = length - 1; bit >= 0; bit--) bits.push((value >> bit) & 1);
  };
  push(0b0100, 4);
  push(bytes.length, lengthBits(version));
  for (const byte of bytes) push(byte, 8);
  const capacity = 8 * capacityOf(version);
  push(0, Math.min(4, capacity - bits.length));
  push(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) push(pad, 8);
  const codewords: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    codewords.push(bits.slice(at, at + 8).reduce((value, bit) => (value << 1) | bit, 0));
  }
  return codewords;
}

/** Splits data into blocks, adds to each its error correction, and takes of all blocks in turn. */
function interleave(data: readonly number[], version: number): number[] {
  const count = blocksOf(version);
  const longer = data.length % count;
  const shortLength = Math.floor(data.length / count);
  const parts: { data: readonly number[]; correction: readonly number[] }[] = [];
  let at = 0;
  for (let block = 0; block < count; block++) {
    const length = shortLength + (block >= count - longer ? 1 : 0);
    const part = data.slice(at, at + length);
    parts.push({ data: part, correction: remainder(part, correctionOf(version)) });
    at += length;
  }
  const result: number[] = [];
  for (let i = 0; i <= shortLength; i++)
    for (const part of parts) if (i < part.data.length) result.push(part.data[i] ?? 0);
  for (let i = 0; i < correctionOf(version); i++) for (const part of parts) result.push(part.correction[i] ?? 0);
  return result;
}

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

/** Reed-Solomon: the remainder of the data by the generator of a degree. */
function remainder(data: readonly number[], degree: number): number[] {
  let generator = [1];
  let root = 1;
  for (let at = 0; at < degree; at++) {
    const next = [...generator, 0];
    for (const [place, coefficient] of generator.entries())
      next[place + 1] = (next[place + 1] ?? 0) ^ multiply(coefficient, root);
    generator = next;
    root = multiply(root, 2);
  }
  const result = new Array<number>(degree).fill(0);
  for (const byte of data) {
    const factor = byte ^ (result.shift() ?? 0);
    result.push(0);
    for (let at = 0; at < degree; at++) result[at] = (result[at] ?? 0) ^ multiply(generator[at + 1] ?? 0, factor);
  }
  return result;
}

type Mask = (x: number, y: number) => boolean;

const masks: readonly Mask[] = [
  (x, y) => (x + y) % 2 === 0,
  (_x, y) => y % 2 === 0,
  x => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** A code under construction: its patterns are drawn first, then data around them. */
class Grid {
  readonly dark: boolean[][];
  readonly #taken: boolean[][];
  readonly #size: number;

  constructor(version: number) {
    const size = 17 + 4 * version;
    this.#size = size;
    this.dark = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
    this.#taken = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
    for (let at = 0; at < size; at++) {
      this.#set(6, at, at % 2 === 0);
      this.#set(at, 6, at % 2 === 0);
    }
    for (const [x, y] of [
      [3, 3],
      [size - 4, 3],
      [3, size - 4],
    ] as const)
      this.#square(x, y, 4, new Set([2, 4]));
    const centres = alignmentCentres(version);
    const last = centres.length - 1;
    for (const [i, x] of centres.entries()) {
      for (const [j, y] of centres.entries()) {
        const atFinder = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!atFinder) this.#square(x, y, 2, new Set([1]));
      }
    }
    this.drawFormat(0);
    if (version >= 7) this.#drawVersion(version);
  }

  #set(x: number, y: number, dark: boolean): void {
    const line = this.dark[y];
    const taken = this.#taken[y];
    if (line === undefined || taken === undefined || x < 0 || x >= this.#size) return;
    line[x] = dark;
    taken[x] = true;
  }

  /** Rings around a centre, all dark but some. */
  #square(cx: number, cy: number, radius: number, light: ReadonlySet<number>): void {
    for (let y = -radius; y <= radius; y++)
      for (let x = -radius; x <= radius; x++) this.#set(cx + x, cy + y, !light.has(Math.max(Math.abs(x), Math.abs(y))));
  }

  /** Level L and the mask, with their error correction, twice. */
  drawFormat(mask: number): void {
    const data = (0b01 << 3) | mask;
    const bits = ((data << 10) | checkBits(data, 10, 0x537)) ^ 0x5412;
    const bit = (at: number) => ((bits >> at) & 1) === 1;
    const size = this.#size;
    for (let at = 0; at <= 5; at++) this.#set(8, at, bit(at));
    this.#set(8, 7, bit(6));
    this.#set(8, 8, bit(7));
    this.#set(7, 8, bit(8));
    for (let at = 9; at < 15; at++) this.#set(14 - at, 8, bit(at));
    for (let at = 0; at < 8; at++) this.#set(size - 1 - at, 8, bit(at));
    for (let at = 8; at < 15; at++) this.#set(8, size - 15 + at, bit(at));
    this.#set(8, size - 8, true);
  }

  #drawVersion(version: number): void {
    const bits = (version << 12) | checkBits(version, 12, 0x1f25);
    for (let at = 0; at < 18; at++) {
      const dark = ((bits >> at) & 1) === 1;
      const a = this.#size - 11 + (at % 3);
      const b = Math.floor(at / 3);
      this.#set(a, b, dark);
      this.#set(b, a, dark);
    }
  }

  /** Two columns at a time from the right, up and down by turns. */
  drawCodewords(codewords: readonly number[], mask: Mask): void {
    let at = 0;
    for (let right = this.#size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      const upwards = ((right + 1) & 2) === 0;
      for (let step = 0; step < this.#size; step++) {
        const y = upwards ? this.#size - 1 - step : step;
        for (const x of [right, right - 1]) {
          const line = this.dark[y];
          if (line === undefined || this.#taken[y]?.[x]) continue;
          const bit = (((codewords[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1;
          line[x] = bit !== mask(x, y);
          at++;
        }
      }
    }
  }
}

/** The remainder of a BCH code. */
function checkBits(data: number, length: number, generator: number): number {
  let value = data;
  for (let at = 0; at < length; at++) value = (value << 1) ^ ((value >> (length - 1)) * generator);
  return value;
}

function alignmentCentres(version: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const centres = [6];
  for (let at = 17 + 4 * version - 7; centres.length < count; at -= step) centres.splice(1, 0, at);
  return centres;
}

/** How hard a code is to read: long runs, blocks, what looks like a finder, and too much of one shade. */
function penaltyOf(dark: readonly (readonly boolean[])[]): number {
  const size = dark.length;
  const lines = [
    ...dark.map(line => line.map(one => (one ? '1' : '0')).join('')),
    ...dark.map((_line, x) => dark.map(line => (line[x] ? '1' : '0')).join('')),
  ];
  let penalty = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    for (const _finder of line.matchAll(/(?=10111010000|00001011101)/g)) penalty += 40;
  }
  let total = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const one = dark[y]?.[x];
      if (one) total++;
      if (
        y + 1 < size &&
        x + 1 < size &&
        one === dark[y]?.[x + 1] &&
        one === dark[y + 1]?.[x] &&
        one === dark[y + 1]?.[x + 1]
      )
        penalty += 3;
    }
  }
  return penalty + 10 * Math.floor(Math.abs((total * 20) / (size * size) - 10));
}
