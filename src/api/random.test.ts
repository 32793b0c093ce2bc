import { expect, it } from 'vitest';
import { randomHex } from './random.ts';

it('gives as many bytes as asked for, and never the same twice', () => {
  const seen = new Set<string>();
  for (let at = 0; at < 5_000; at++) {
    const hex = randomHex(8);
    expect(hex).toMatch(/^[0-9a-f]{16}$/);
    seen.add(hex);
  }
  expect(seen.size).toBe(5_000);
  // Every bit comes in both values.
  const ones = [...seen].reduce((sum, hex) => sum + BigInt(`0x${hex}`).toString(2).replaceAll('0', '').length, 0);
  expect(ones / (5_000 * 64)).toBeCloseTo(0.5, 1);
});
