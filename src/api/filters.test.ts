import { describe, expect, it } from 'vitest';
import { ApiError } from './errors.ts';
import { compileFilters, matchesPattern } from './filters.ts';

describe('matchesPattern', () => {
  it.each([
    ['web', 'web', true],
    ['web', 'Web', false],
    ['web', 'webs', false],
    ['w*', 'web', true],
    ['*', '', true],
    ['*', 'anything', true],
    ['?', '', false],
    ['w?b', 'web', true],
    ['w?b', 'weeb', false],
    ['*b*b', 'abcb', true],
    ['*b*b', 'abc', false],
    ['a\\*c', 'a*c', true],
    ['a\\*c', 'abc', false],
    ['a\\?c', 'a?c', true],
    ['a\\\\c', 'a\\c', true],
    ['a\\', 'a\\', true],
    ['**x', 'yyx', true],
    ['*\\**', 'a*b', true],
    ['', '', true],
    ['', 'x', false],
  ])('%s on %s is %s', (pattern, value, expected) => {
    expect(matchesPattern(pattern, value)).toBe(expected);
  });

  it('takes linear effort even for hostile patterns', () => {
    const pattern = `${'*a'.repeat(200)}b`;
    const value = 'a'.repeat(5_000);
    const began = process.cpuUsage().user;
    expect(matchesPattern(pattern, value)).toBe(false);
    // Exponential effort would not end at all; this is no measurement.
    expect(process.cpuUsage().user - began).toBeLessThan(5_000_000);
  });
});

interface Row {
  readonly id: string;
  readonly size: number;
  readonly groups: readonly string[];
  readonly tags: Record<string, string>;
}
const table = {
  id: (row: Row) => row.id,
  size: (row: Row) => row.size,
  group: (row: Row) => row.groups,
  none: () => undefined,
};
const rows: Row[] = [
  { id: 'a', size: 1, groups: ['x', 'y'], tags: { Name: 'web', empty: '' } },
  { id: 'b', size: 10, groups: [], tags: { stage: 'test' } },
];
const select = (filters: { Name?: string; Values?: string[] }[]) =>
  rows.filter(compileFilters(filters, table, row => row.tags) ?? (() => true)).map(row => row.id);

describe('compileFilters', () => {
  it('wants all filters, any of their values', () => {
    expect(select([])).toEqual(['a', 'b']);
    expect(select([{ Name: 'id', Values: ['a', 'b', 'c'] }])).toEqual(['a', 'b']);
    expect(
      select([
        { Name: 'id', Values: ['a', 'b'] },
        { Name: 'size', Values: ['10'] },
      ]),
    ).toEqual(['b']);
    expect(select([{ Name: 'size', Values: ['1*'] }])).toEqual(['a', 'b']);
    expect(select([{ Name: 'group', Values: ['y'] }])).toEqual(['a']);
    expect(select([{ Name: 'none', Values: ['*'] }])).toEqual([]);
  });

  it('knows tags', () => {
    expect(select([{ Name: 'tag:Name', Values: ['w*'] }])).toEqual(['a']);
    expect(select([{ Name: 'tag:empty', Values: [''] }])).toEqual(['a']);
    expect(select([{ Name: 'tag:constructor', Values: ['*'] }])).toEqual([]);
    expect(select([{ Name: 'tag-key', Values: ['st?ge'] }])).toEqual(['b']);
    expect(select([{ Name: 'tag-value', Values: ['web', 'test'] }])).toEqual(['a', 'b']);
  });

  it.each([
    [[{ Name: 'unknown', Values: ['x'] }], 'InvalidParameterValue'],
    [[{ Name: 'constructor', Values: ['x'] }], 'InvalidParameterValue'],
    [[{ Name: 'tag:', Values: ['x'] }], 'InvalidParameterValue'],
    [[{ Values: ['x'] }], 'InvalidParameterValue'],
    [[{ Name: 'id' }], 'InvalidParameterValue'],
    [[{ Name: 'id', Values: Array.from({ length: 201 }, String) }], 'FilterLimitExceeded'],
  ])('refuses %j', (filters, code) => {
    try {
      select(filters);
    } catch (error) {
      expect(error).toBeInstanceOf(ApiError);
      expect((error as ApiError).code).toBe(code);
      return;
    }
    throw new Error('was accepted');
  });
});
