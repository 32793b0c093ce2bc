/**
 * A baseline JPEG encoder (ITU-T T.81, JFIF 1.02) for screenshots: 8 bits a sample, Huffman coding with the tables of
 * Annex K, no subsampling, since text in colour would blur.
 */
import type { Screen } from '../../engine/engine.ts';

/** The order in which a block's 64 coefficients are stored (figure A.6). */
const ZIGZAG = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
]);

/** Tables K.1 (luminance) and K.2 (chrominance): quantization at quality 50. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** A Huffman table as it stands in the file: how many codes of each length 1 to 16, and what they mean, in order. */
interface HuffmanTable {
  readonly counts: readonly number[];
  readonly values: readonly number[];
}

const bytes = (hex: string): number[] => [...Buffer.from(hex, 'hex')];

/** Tables K.3 to K.6. */
const DC_LUMINANCE: HuffmanTable = {
  counts: bytes('00010501010101010100000000000000'),
  values: bytes('000102030405060708090a0b'),
};
const DC_CHROMINANCE: HuffmanTable = {
  counts: bytes('00030101010101010101010000000000'),
  values: bytes('000102030405060708090a0b'),
};
const AC_LUMINANCE: HuffmanTable = {
  counts: bytes('0002010303020403050504040000017d'),
  values: bytes(
    '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a' +
      '434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8' +
      'a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
  ),
};
const AC_CHROMINANCE: HuffmanTable = {
  counts: bytes('00020102040403040705040400010277'),
  values: bytes(
    '0001020311040521310612415107617113223281081442' +
      '91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a6364656667' +
      '68696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9ca' +
      'd2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
  ),
};

/** Bits of an entropy-coded segment; a byte of ones is followed by a zero byte, so that it looks like no marker. */
class BitWriter {
  #buffer = new Uint8Array(65_536);
  #length = 0;
  #bits = 0;
  #count = 0;

  write(bits: number, count: number): void {
    this.#bits = (this.#bits << count) | bits;
    this.#count += count;
    while (this.#count >= 8) {
      this.#count -= 8;
      const byte = (this.#bits >>> this.#count) & 0xff;
      this.#push(byte);
      if (byte === 0xff) this.#push(0);
    }
    this.#bits &= (1 << this.#count) - 1;
  }

  /** Fills the last byte with ones. */
  finish(): Uint8Array {
    if (this.#count > 0) this.write((1 << (8 - this.#count)) - 1, 8 - this.#count);
    return this.#buffer.subarray(0, this.#length);
  }

  #push(byte: number): void {
    if (this.#length === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer[this.#length++] = byte;
  }
}

/** Code and length of each symbol (Annex C). */
function codesOf(table: HuffmanTable): { readonly code: Uint16Array; readonly length: Uint8Array } {
  const code = new Uint16Array(256);
  const length = new Uint8Array(256);
  let next = 0;
  let position = 0;
  table.counts.forEach((count, index) => {
    for (let left = count; left > 0; left--) {
      const symbol = table.values[position++] ?? 0;
      code[symbol] = next++;
      length[symbol] = index + 1;
    }
    next <<= 1;
  });
  return { code, length };
}

/** Basis of the discrete cosine transform: `COSINES[8 * frequency + sample]`, with its scale. */
const COSINES = Float64Array.from({ length: 64 }, (_, index) => {
  const frequency = index >> 3;
  const scale = frequency === 0 ? Math.SQRT1_2 / 2 : 0.5;
  return scale * Math.cos(((2 * (index & 7) + 1) * frequency * Math.PI) / 16);
});

/** Rows, then columns of an 8 by 8 block, in place. */
function transform(block: Float64Array, scratch: Float64Array): void {
  for (let pass = 0; pass < 2; pass++) {
    const [from, to] = pass === 0 ? [block, scratch] : [scratch, block];
    for (let line = 0; line < 8; line++) {
      for (let frequency = 0; frequency < 8; frequency++) {
        let sum = 0;
        for (let sample = 0; sample < 8; sample++) {
          sum += (COSINES[8 * frequency + sample] ?? 0) * (from[8 * line + sample] ?? 0);
        }
        // Transposed, so that the second pass takes the columns and puts them back in place.
        to[8 * frequency + line] = sum;
      }
    }
  }
}

/** One colour component: its samples, tables, and the previous block's first coefficient. */
class Component {
  readonly #plane: Float64Array;
  readonly #stride: number;
  readonly #divisors: Float64Array;
  readonly #dc: ReturnType<typeof codesOf>;
  readonly #ac: ReturnType<typeof codesOf>;
  readonly #block = new Float64Array(64);
  readonly #scratch = new Float64Array(64);
  #previous = 0;

  constructor(plane: Float64Array, stride: number, quantization: Uint8Array, dc: HuffmanTable, ac: HuffmanTable) {
    this.#plane = plane;
    this.#stride = stride;
    this.#divisors = Float64Array.from(quantization);
    this.#dc = codesOf(dc);
    this.#ac = codesOf(ac);
  }

  writeBlock(x: number, y: number, out: BitWriter): void {
    const block = this.#block;
    for (let row = 0; row < 8; row++) {
      const start = (y + row) * this.#stride + x;
      for (let column = 0; column < 8; column++) block[8 * row + column] = this.#plane[start + column] ?? 0;
    }
    transform(block, this.#scratch);
    for (let index = 0; index < 64; index++)
      block[index] = Math.round((block[index] ?? 0) / (this.#divisors[index] ?? 1));
    const first = block[0] ?? 0;
    this.#writeValue(this.#dc, 0, first - this.#previous, out);
    this.#previous = first;
    let zeros = 0;
    for (let index = 1; index < 64; index++) {
      const value = block[ZIGZAG[index] ?? 0] ?? 0;
      if (value === 0) {
        zeros++;
        continue;
      }
      for (; zeros > 15; zeros -= 16) this.#writeSymbol(this.#ac, 0xf0, out);
      this.#writeValue(this.#ac, zeros, value, out);
      zeros = 0;
    }
    if (zeros > 0) this.#writeSymbol(this.#ac, 0, out);
  }

  #writeSymbol(codes: ReturnType<typeof codesOf>, symbol: number, out: BitWriter): void {
    out.write(codes.code[symbol] ?? 0, codes.length[symbol] ?? 0);
  }

  /** The number of zeros before and the size of the value as one symbol, then the value's bits (F.1.2). */
  #writeValue(codes: ReturnType<typeof codesOf>, zeros: number, value: number, out: BitWriter): void {
    const size = 32 - Math.clz32(Math.abs(value));
    this.#writeSymbol(codes, (zeros << 4) | size, out);
    if (size > 0) out.write(value > 0 ? value : value + (1 << size) - 1, size);
  }
}

/** Y, Cb and Cr, level-shifted, in planes whose sides are multiples of 8; edges repeat the last pixel. */
function planesOf({ width, height, rgb }: Screen): {
  planes: [Float64Array, Float64Array, Float64Array];
  stride: number;
} {
  const stride = Math.ceil(width / 8) * 8;
  const rows = Math.ceil(height / 8) * 8;
  const planes: [Float64Array, Float64Array, Float64Array] = [
    new Float64Array(stride * rows),
    new Float64Array(stride * rows),
    new Float64Array(stride * rows),
  ];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < stride; x++) {
      const pixel = 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      const [r, g, b] = [rgb[pixel] ?? 0, rgb[pixel + 1] ?? 0, rgb[pixel + 2] ?? 0];
      planes[0][y * stride + x] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
      planes[1][y * stride + x] = -0.168736 * r - 0.331264 * g + 0.5 * b;
      planes[2][y * stride + x] = 0.5 * r - 0.418688 * g - 0.081312 * b;
    }
  }
  return { planes, stride };
}

/** The scaling of quantization tables by quality that the Independent JPEG Group made customary. */
function quantizationFor(table: readonly number[], quality: number): Uint8Array {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return Uint8Array.from(table, value => Math.min(255, Math.max(1, Math.floor((value * scale + 50) / 100))));
}

function segment(marker: number, ...content: (number | Iterable<number>)[]): number[] {
  const body = content.flatMap(part => (typeof part === 'number' ? [part] : [...part]));
  return [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 0xff, ...body];
}

const word = (value: number): number[] => [value >> 8, value & 0xff];

/**
 * Encodes a picture as JPEG.
 * @param quality 1 (smallest) to 100 (best)
 * @throws RangeError when the picture is empty, larger than 65,535 pixels a side, or the quality is out of range.
 */
export function encodeJpeg(screen: Screen, quality = 85): Uint8Array {
  const { width, height } = screen;
  if (!(width >= 1 && height >= 1 && width <= 65_535 && height <= 65_535))
    throw new RangeError('not a picture of 1 to 65,535 pixels a side');
  if (!(quality >= 1 && quality <= 100)) throw new RangeError('quality is 1 to 100');
  const luminance = quantizationFor(LUMINANCE, quality);
  const chrominance = quantizationFor(CHROMINANCE, quality);
  const zigzag = (table: Uint8Array) => ZIGZAG.map(index => table[index] ?? 1);
  const header = [
    ...[0xff, 0xd8],
    ...segment(0xe0, Buffer.from('JFIF\0'), [1, 2, 0], word(1), word(1), [0, 0]),
    ...segment(0xdb, 0, zigzag(luminance), 1, zigzag(chrominance)),
    ...segment(0xc0, 8, word(height), word(width), 3, [1, 0x11, 0], [2, 0x11, 1], [3, 0x11, 1]),
    ...segment(0xc4, 0x00, DC_LUMINANCE.counts, DC_LUMINANCE.values, 0x10, AC_LUMINANCE.counts, AC_LUMINANCE.values),
    ...segment(
      0xc4,
      0x01,
      DC_CHROMINANCE.counts,
      DC_CHROMINANCE.values,
      0x11,
      AC_CHROMINANCE.counts,
      AC_CHROMINANCE.values,
    ),
    ...segment(0xda, 3, [1, 0x00], [2, 0x11], [3, 0x11], [0, 63, 0]),
  ];
  const { planes, stride } = planesOf(screen);
  const components = [
    new Component(planes[0], stride, luminance, DC_LUMINANCE, AC_LUMINANCE),
    new Component(planes[1], stride, chrominance, DC_CHROMINANCE, AC_CHROMINANCE),
    new Component(planes[2], stride, chrominance, DC_CHROMINANCE, AC_CHROMINANCE),
  ];
  const out = new BitWriter();
  for (let y = 0; y < height; y += 8) {
    for (let x = 0; x < width; x += 8) for (const component of components) component.writeBlock(x, y, out);
  }
  return Uint8Array.from([...header, ...out.finish(), 0xff, 0xd9]);
}
