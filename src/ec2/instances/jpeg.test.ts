import { describe, expect, test } from 'vitest';
import type { Screen } from '../../engine/engine.ts';
import { encodeJpeg } from './jpeg.ts';
import { decodeJpeg } from './jpeg-decoder.test-helper.ts';

function picture(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly [number, number, number],
): Screen {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(colour(x, y), 3 * (y * width + x));
  return { width, height, rgb };
}

/** Root of the mean squared error, in steps of 0 to 255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return Math.sqrt(a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0) / a.length);
}

/** White on black and coloured strokes, as a console shows. */
const text = picture(720, 400, (x, y) => ((x * 7 + y * 13) % 29 < 9 ? [(x * 3) % 256, 255, 170] : [0, 0, 0]));
const gradient = picture(160, 96, (x, y) => [x, 2 * y, 255 - x]);

describe('a JPEG', () => {
  test('decodes to the picture that was encoded', () => {
    const decoded = decodeJpeg(encodeJpeg(gradient, 95));
    expect([decoded.width, decoded.height]).toEqual([160, 96]);
    expect(difference(decoded.rgb, gradient.rgb)).toBeLessThan(3);
  });

  test('keeps sharp edges readable', () => {
    expect(difference(decodeJpeg(encodeJpeg(text, 95)).rgb, text.rgb)).toBeLessThan(12);
  });

  test('keeps plain colours', () => {
    for (const colour of [
      [0, 0, 0],
      [255, 255, 255],
      [255, 0, 0],
      [0, 0, 255],
    ] as const) {
      const plain = picture(16, 16, () => colour);
      expect(difference(decodeJpeg(encodeJpeg(plain, 85)).rgb, plain.rgb)).toBeLessThan(4);
    }
  });

  test.each([
    [1, 1],
    [7, 9],
    [8, 8],
    [17, 33],
  ])('of %i by %i pixels, whole blocks or not, keeps its size', (width, height) => {
    const small = picture(width, height, (x, y) => [10 * (x % 25), 10 * (y % 25), 128]);
    const decoded = decodeJpeg(encodeJpeg(small, 90));
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    expect(difference(decoded.rgb, small.rgb)).toBeLessThan(14);
  });

  test('is larger and better at higher quality', () => {
    const [low, high] = [encodeJpeg(gradient, 10), encodeJpeg(gradient, 95)];
    expect(low.length).toBeLessThan(high.length);
    expect(difference(decodeJpeg(high).rgb, gradient.rgb)).toBeLessThan(difference(decodeJpeg(low).rgb, gradient.rgb));
  });

  test('begins and ends with its markers', () => {
    const file = encodeJpeg(gradient);
    expect([...file.subarray(0, 4)]).toEqual([0xff, 0xd8, 0xff, 0xe0]);
    expect([...file.subarray(-2)]).toEqual([0xff, 0xd9]);
  });

  test('is refused for what is no picture', () => {
    expect(() => encodeJpeg({ width: 0, height: 1, rgb: new Uint8Array() })).toThrow(RangeError);
    expect(() => encodeJpeg(gradient, 0)).toThrow(RangeError);
  });
});
