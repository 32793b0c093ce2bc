import { expect, it } from 'vitest';
import { matcherOf, matches, patternOf, segmented } from './glob.ts';
import { randomOf } from './random.ts';

/** What the patterns mean, said by a regular expression. */
function expressionOf(pattern: string, inArn: boolean): RegExp {
  let segment = 0;
  let expression = '';
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] as string;
    if (letter === ':') segment++;
    const inside = inArn && segment < 5;
    const next = pattern[at + 1];
    if (letter === '*') expression += inside && next !== undefined && next !== ':' ? '[^:]*' : '[^]*';
    else if (letter === '?') expression += inside ? '[^:]' : '[^]';
    else expression += letter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  return new RegExp(`^${expression}$`);
}

it.each([
  ['texts', false],
  ['ARNs', true],
])('patterns of %s match what a regular expression matches', (_words, inArn) => {
  const random = randomOf(inArn ? 1 : 2);
  const text = (letters: string, most: number) =>
    Array.from({ length: random.below(most) }, () => letters[random.below(letters.length)]).join('');
  let matched = 0;
  for (let round = 0; round < 40_000; round++) {
    const pattern = text('ab::**?', 12);
    const value = text('ab::', 14);
    const codes = inArn ? segmented(patternOf(pattern), true) : patternOf(pattern);
    const expected = expressionOf(pattern, inArn).test(value);
    if (matches(codes, value) !== expected || matcherOf(codes)(value) !== expected)
      expect.fail(`${pattern} ${expected ? 'should match' : 'should not match'} ${value}`);
    if (expected) matched++;
  }
  // Otherwise the test would say nothing about one of the two answers.
  expect(matched).toBeGreaterThan(2_000);
  expect(matched).toBeLessThan(38_000);
});

it('many wildcards cost no more than text × pattern', () => {
  const start = performance.now();
  expect(matches(patternOf(`${'a*'.repeat(500)}b`), 'a'.repeat(5_000))).toBe(false);
  expect(matches(segmented(patternOf(`${'a*'.repeat(500)}b`), false), 'a'.repeat(5_000))).toBe(false);
  expect(performance.now() - start).toBeLessThan(5_000);
});
