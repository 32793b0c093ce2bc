/**
 * A plain reader of baseline JPEG without subsampling, for the encoder's tests: written from the standard's decoding
 * procedures (Annexes C, F) and slow, so that it shares neither code nor tables with what it checks.
 */

interface Frame {
  width: number;
  height: number;
  readonly quantization: Map<number, number[]>;
  /** Symbol by the bits of its code, e.g. `'010'`; by table class and number. */
  readonly huffman: Map<number, Map<string, number>>;
  readonly componentTables: { quantization: number; dc: number; ac: number }[];
}

export function decodeJpeg(file: Uint8Array): { width: number; height: number; rgb: Uint8Array } {
  const frame: Frame = { width: 0, height: 0, quantization: new Map(), huffman: new Map(), componentTables: [] };
  let position = 2;
  for (;;) {
    const marker = at(file, position + 1);
    const length = 256 * at(file, position + 2) + at(file, position + 3);
    const body = file.subarray(position + 4, position + 2 + length);
    position += 2 + length;
    if (marker === 0xdb) readQuantization(body, frame);
    else if (marker === 0xc4) readHuffman(body, frame);
    else if (marker === 0xc0) {
      frame.height = 256 * at(body, 1) + at(body, 2);
      frame.width = 256 * at(body, 3) + at(body, 4);
      for (let index = 0; index < 3; index++) {
        if (at(body, 7 + 3 * index) !== 0x11) throw new Error('subsampled');
        frame.componentTables.push({ quantization: at(body, 8 + 3 * index), dc: 0, ac: 0 });
      }
    } else if (marker === 0xda) {
      frame.componentTables.forEach((component, index) => {
        const tables = at(body, 2 + 2 * index);
        component.dc = tables >> 4;
        component.ac = 0x10 | (tables & 15);
      });
      return readScan(file.subarray(position), frame);
    } else if (marker < 0xe0) throw new Error(`unexpected marker ${marker.toString(16)}`);
  }
}

function at(array: ArrayLike<number>, index: number): number {
  const value = array[index];
  if (value === undefined) throw new Error('the file ends too early');
  return value;
}

function readQuantization(body: Uint8Array, frame: Frame): void {
  for (let start = 0; start < body.length; start += 65) {
    frame.quantization.set(at(body, start), [...body.subarray(start + 1, start + 65)]);
  }
}

function readHuffman(body: Uint8Array, frame: Frame): void {
  let position = 0;
  while (position < body.length) {
    const table = new Map<string, number>();
    frame.huffman.set(at(body, position), table);
    let values = position + 17;
    let code = 0;
    for (let length = 1; length <= 16; length++, code *= 2) {
      for (let left = at(body, position + length); left > 0; left--) {
        const bits = code.toString(2).padStart(length, '0');
        if (bits.length > length || !bits.includes('0')) throw new Error('the Huffman table has too many codes');
        table.set(bits, at(body, values++));
        code++;
      }
    }
    position = values;
  }
}

function readScan(scan: Uint8Array, frame: Frame): { width: number; height: number; rgb: Uint8Array } {
  const { width, height } = frame;
  let position = 0;
  let pending: number[] = [];
  function bit(): number {
    if (pending.length === 0) {
      const byte = at(scan, position++);
      if (byte === 0xff && at(scan, position++) !== 0) throw new Error('a marker inside of the scan');
      pending = [...byte.toString(2).padStart(8, '0')].map(Number);
    }
    return pending.shift() ?? 0;
  }
  function symbol(table: number): number {
    let code = '';
    while (code.length < 16) {
      code += bit();
      const value = frame.huffman.get(table)?.get(code);
      if (value !== undefined) return value;
    }
    throw new Error('no such code');
  }
  function value(size: number): number {
    let bits = 0;
    for (let left = size; left > 0; left--) bits = 2 * bits + bit();
    return size > 0 && bits < 2 ** (size - 1) ? bits - 2 ** size + 1 : bits;
  }
  const previous = [0, 0, 0];
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 8) {
    for (let x = 0; x < width; x += 8) {
      const samples = frame.componentTables.map((tables, component) => {
        const quantization = frame.quantization.get(tables.quantization) ?? [];
        const stored: number[] = new Array(64).fill(0);
        previous[component] = at(previous, component) + value(symbol(tables.dc));
        stored[0] = at(previous, component) * at(quantization, 0);
        for (let index = 1; index < 64; index++) {
          const code = symbol(tables.ac);
          if (code === 0) break;
          index += code >> 4;
          stored[index] = value(code & 15) * at(quantization, index);
        }
        return inverse(stored);
      });
      for (let index = 0; index < 64; index++) {
        const [column, row] = [x + (index % 8), y + Math.floor(index / 8)];
        if (column >= width || row >= height) continue;
        const [luma, blue, red] = samples.map(block => at(block, index));
        if (luma === undefined || blue === undefined || red === undefined)
          throw new Error('three components are needed');
        const pixel = [
          luma + 128 + 1.402 * red,
          luma + 128 - 0.344136 * blue - 0.714136 * red,
          luma + 128 + 1.772 * blue,
        ];
        rgb.set(
          pixel.map(channel => Math.max(0, Math.min(255, Math.round(channel)))),
          3 * (row * width + column),
        );
      }
    }
  }
  return { width, height, rgb };
}

/** Equation A.3.3 as it is written, after putting the coefficients into rows by walking the diagonals. */
function inverse(stored: readonly number[]): number[] {
  const rows: number[] = new Array(64).fill(0);
  let index = 0;
  for (let diagonal = 0; diagonal < 15; diagonal++) {
    for (let step = 0; step <= diagonal; step++) {
      const [u, v] = diagonal % 2 === 0 ? [step, diagonal - step] : [diagonal - step, step];
      if (u < 8 && v < 8) rows[8 * v + u] = at(stored, index++);
    }
  }
  return rows.map((_, place) => {
    const [x, y] = [place % 8, Math.floor(place / 8)];
    let sum = 0;
    for (let v = 0; v < 8; v++) {
      for (let u = 0; u < 8; u++) {
        if (at(rows, 8 * v + u) === 0) continue;
        const scale = (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1);
        const wave = Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
        sum += scale * at(rows, 8 * v + u) * wave;
      }
    }
    return sum / 4;
  });
}
