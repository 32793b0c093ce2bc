import { describe, expect, it } from 'vitest';
import { holds } from './testing.ts';

const size = 'ec2:VolumeSize';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Numeric */
const numbers: readonly (readonly [operator: string, policy: unknown, request: string | undefined, holds: boolean])[] =
  [
    ['NumericEquals', '8', '8', true],
    ['NumericEquals', '8', '9', false],
    ['NumericEquals', 8, '8', true],
    ['NumericEquals', '8.0', '8', true],
    ['NumericEquals', '8.5', '8.50', true],
    ['NumericEquals', '-1', '-1', true],
    ['NumericEquals', '+8', '8', true],
    ['NumericEquals', '8e1', '80', true],
    ['NumericEquals', ['8', '16'], '16', true],
    ['NumericEquals', ['8', '16'], '12', false],
    ['NumericEquals', '8', undefined, false],
    ['NumericEquals', '8', 'eight', false],
    ['NumericEquals', 'eight', 'eight', false],
    ['NumericEquals', '', '', false],
    ['NumericEquals', '8*', '80', false],
    ['NumericEquals', '0x10', '16', false],
    ['NumericNotEquals', '8', '9', true],
    ['NumericNotEquals', '8', '8.0', false],
    ['NumericNotEquals', ['8', '16'], '16', false],
    ['NumericNotEquals', ['8', '16'], '12', true],
    ['NumericNotEquals', '8', undefined, true],
    ['NumericNotEquals', '8', 'eight', true],
    ['NumericLessThan', '16', '8', true],
    ['NumericLessThan', '16', '16', false],
    ['NumericLessThan', '16', '100', false],
    ['NumericLessThan', '16', '-100', true],
    ['NumericLessThan', '16', undefined, false],
    ['NumericLessThan', ['4', '16'], '8', true],
    ['NumericLessThanEquals', '16', '16', true],
    ['NumericLessThanEquals', '16', '17', false],
    ['NumericLessThanEquals', '16', '16.1', false],
    ['NumericLessThanEquals', '16', undefined, false],
    ['NumericGreaterThan', '16', '17', true],
    ['NumericGreaterThan', '16', '16', false],
    ['NumericGreaterThan', '9', '10', true],
    ['NumericGreaterThan', '16', undefined, false],
    ['NumericGreaterThanEquals', '16', '16', true],
    ['NumericGreaterThanEquals', '16', '15', false],
    ['NumericGreaterThanEquals', '16', 'many', false],
    ['NumericGreaterThanEquals', '16', undefined, false],
  ];

describe('numbers', () => {
  it.each(numbers)('%s %j, the request has %s: %s', (operator, value, request, expected) => {
    expect(holds({ [operator]: { [size]: value } }, request === undefined ? {} : { [size]: request })).toBe(expected);
  });
});

const noon = '2026-11-23T12:00:00Z';
const noonInSeconds = String(Date.UTC(2026, 10, 23, 12) / 1000);

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date */
const dates: readonly (readonly [operator: string, policy: unknown, request: string | undefined, holds: boolean])[] = [
  ['DateEquals', noon, noon, true],
  ['DateEquals', noon, '2026-11-23T12:00:01Z', false],
  ['DateEquals', '2026-11-23T12:00:00.000Z', noon, true],
  ['DateEquals', '2026-11-23T12:00Z', noon, true],
  ['DateEquals', '2026-11-23T13:00:00+01:00', noon, true],
  ['DateEquals', '2026-11-23T06:30:00-05:30', noon, true],
  ['DateEquals', '2026-11-23t12:00:00z', noon, true],
  ['DateEquals', '2026-11-23T12:00:00', noon, true],
  ['DateEquals', '2026-11-23', '2026-11-23T00:00:00Z', true],
  ['DateEquals', '2026-11', '2026-11-01T00:00:00Z', true],
  ['DateEquals', '2026-11-23', noon, false],
  ['DateEquals', noonInSeconds, noon, true],
  ['DateEquals', noon, noonInSeconds, true],
  ['DateEquals', Number(noonInSeconds), noon, true],
  ['DateEquals', [noon, '2027-01-01'], '2027-01-01T00:00:00Z', true],
  ['DateEquals', noon, undefined, false],
  ['DateEquals', noon, 'noon', false],
  ['DateEquals', '2026-12-01T12:00:00Z', '2026-11-31T12:00:00Z', false],
  ['DateEquals', '2026-11-24T00:00:00Z', '2026-11-23T24:00:00Z', false],
  ['DateNotEquals', noon, '2026-11-23T12:00:01Z', true],
  ['DateNotEquals', noon, '2026-11-23T13:00:00+01:00', false],
  ['DateNotEquals', noon, undefined, true],
  ['DateLessThan', noon, '2026-11-23T11:59:59Z', true],
  ['DateLessThan', noon, '2026-11-23T11:59:59.999Z', true],
  ['DateLessThan', noon, noon, false],
  ['DateLessThan', noon, '2026-11-23T12:30:00+01:00', true],
  ['DateLessThan', noon, undefined, false],
  ['DateLessThanEquals', noon, noon, true],
  ['DateLessThanEquals', noon, '2026-11-23T12:00:00.001Z', false],
  ['DateLessThanEquals', noon, '1970-01-01T00:00:00Z', true],
  ['DateLessThanEquals', noon, undefined, false],
  ['DateGreaterThan', noon, '2026-11-23T12:00:01Z', true],
  ['DateGreaterThan', noon, noon, false],
  ['DateGreaterThan', '2026-01-01', noon, true],
  ['DateGreaterThan', noon, undefined, false],
  ['DateGreaterThanEquals', noon, noon, true],
  ['DateGreaterThanEquals', noon, '2026-11-23T11:59:59Z', false],
  ['DateGreaterThanEquals', noon, '2100-01-01T00:00:00Z', true],
  ['DateGreaterThanEquals', noon, undefined, false],
];

describe('dates', () => {
  it.each(dates)('%s %j, the request has %s: %s', (operator, value, request, expected) => {
    const name = 'aws:CurrentTime';
    expect(holds({ [operator]: { [name]: value } }, request === undefined ? {} : { [name]: request })).toBe(expected);
  });

  it('between two dates', () => {
    const june = {
      DateGreaterThan: { 'aws:CurrentTime': '2026-06-01T00:00:00Z' },
      DateLessThan: { 'aws:CurrentTime': '2026-06-30T23:59:59Z' },
    };
    expect(holds(june, { 'aws:CurrentTime': '2026-06-15T00:00:00Z' })).toBe(true);
    expect(holds(june, { 'aws:CurrentTime': '2026-07-01T00:00:00Z' })).toBe(false);
    expect(holds(june, { 'aws:CurrentTime': '2026-05-31T23:59:59Z' })).toBe(false);
  });
});
