import { describe, expect, it } from 'vitest';
import type { ScalarName } from '../../models/table.ts';
import { parseScalar, ScalarError, toBase64, toDate } from './scalars.ts';

describe('parseScalar', () => {
  it.each<[ScalarName, string, unknown]>([
    ['string', ' a\n', ' a\n'],
    ['integer', '-12', -12],
    ['integer', '007', 7],
    ['number', '1.5e3', 1500],
    ['number', '.5', 0.5],
    ['number', 'NaN', Number.NaN],
    ['number', '-Infinity', Number.NEGATIVE_INFINITY],
    ['boolean', 'true', true],
    ['boolean', 'FALSE', false],
    ['timestamp', '2026-01-31T12:34:56.789Z', new Date(Date.UTC(2026, 0, 31, 12, 34, 56, 789))],
    ['timestamp', '2026-01-31T12:34:56.123456+02:00', new Date(Date.UTC(2026, 0, 31, 10, 34, 56, 123))],
    ['timestamp', '2026-01-31T12:34:56', new Date(Date.UTC(2026, 0, 31, 12, 34, 56))],
    ['timestamp', '2026-01-31', new Date(Date.UTC(2026, 0, 31))],
    ['timestamp', '1769862896', new Date(1769862896000)],
    ['timestamp', '1769862896.5', new Date(1769862896500)],
    ['blob', 'AAH/', new Uint8Array([0, 1, 255])],
    ['blob', 'AAE', new Uint8Array([0, 1])],
    ['blob', 'AA\n==\n', new Uint8Array([0])],
    ['blob', '', new Uint8Array()],
  ])('reads a %s from %j', (kind, text, value) => {
    expect(parseScalar(kind, text)).toEqual(value);
  });

  it.each<[ScalarName, string]>([
    ['integer', ''],
    ['integer', '1.0'],
    ['integer', '1e3'],
    ['integer', ' 1'],
    ['integer', '9'.repeat(20)],
    ['number', '.'],
    ['number', 'Inf'],
    ['number', '1,5'],
    ['boolean', ''],
    ['boolean', '1'],
    ['boolean', 'truely'],
    ['timestamp', ''],
    ['timestamp', '31.01.2026'],
    ['timestamp', '2026-13-01T00:00:00Z'],
    ['timestamp', '2025-02-29T00:00:00Z'],
    ['timestamp', '2026-01-31T25:00:00Z'],
    ['timestamp', '1e300'],
    ['blob', 'A'],
    ['blob', 'A==='],
    ['blob', 'A-_='],
    ['document', '{}'],
  ])('refuses for a %s the text %j', (kind, text) => {
    expect(() => parseScalar(kind, text)).toThrow(ScalarError);
  });
});

describe('outputs', () => {
  it('hold dates, or their text as read back from a store', () => {
    const date = new Date(0);
    expect(toDate(date)).toBe(date);
    expect(toDate('1970-01-01T00:00:00.000Z')).toEqual(date);
    for (const wrong of ['soon', new Date(Number.NaN), 0, undefined]) expect(() => toDate(wrong)).toThrow(TypeError);
  });

  it('hold bytes of views, not of what the views look at', () => {
    const whole = new Uint8Array([1, 2, 3, 4]);
    expect(toBase64(whole.subarray(1, 3))).toBe('AgM=');
    expect(() => toBase64([1])).toThrow(TypeError);
  });
});
