import { describe, expect, it } from 'vitest';
import { holds, type Keys } from './testing.ts';

const tags = 'aws:TagKeys';

/*
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html
 */
const sets: readonly (readonly [
  operator: string,
  policy: unknown,
  request: readonly string[] | undefined,
  holds: boolean,
])[] = [
  ['ForAllValues:StringEquals', ['a', 'b'], ['a'], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['b', 'a', 'a'], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
  ['ForAllValues:StringEquals', ['a', 'b'], ['c'], false],
  ['ForAllValues:StringEquals', ['a', 'b'], ['A'], false],
  ['ForAllValues:StringEquals', ['a', 'b'], [], true],
  ['ForAllValues:StringEquals', ['a', 'b'], undefined, true],
  ['ForAllValues:StringEquals', ['a', 'b'], [''], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['', 'a'], false],
  ['ForAllValues:StringEquals', 'a', ['a', 'b'], false],
  ['ForAllValues:StringEqualsIgnoreCase', ['a', 'b'], ['A', 'B'], true],
  ['ForAllValues:StringLike', ['key1*', 'x'], ['key1:hr', 'key1:legal'], true],
  ['ForAllValues:StringLike', ['key1*', 'x'], ['key1:hr', 'key2:hr'], false],
  ['ForAllValues:StringLike', ['PostDateTime', 'Message', 'Tags'], ['PostDateTime', 'Message'], true],
  ['ForAllValues:StringLike', ['PostDateTime', 'Message', 'Tags'], ['PostDateTime', 'UserName'], false],
  ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
  ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
  ['ForAllValues:StringNotEquals', ['a', 'b'], undefined, true],
  ['ForAllValues:StringNotLike', 'key1*', ['key1:legal'], false],
  ['ForAllValues:StringNotLike', 'key1*', ['key1:hr', 'key1:personnel'], false],
  ['ForAllValues:StringNotLike', 'key1*', ['key2:audit'], true],
  ['ForAllValues:StringNotLike', 'key1*', undefined, true],
  ['ForAllValues:StringNotLike', ['key1*', 'key2*'], ['key1:hr', 'key3:x'], false],
  ['ForAllValues:StringNotLike', ['key1*', 'key2*'], ['key3:x', 'key4:x'], true],
  ['ForAllValues:NumericLessThan', '10', ['1', '9'], true],
  ['ForAllValues:NumericLessThan', '10', ['1', '10'], false],
  ['ForAllValues:ArnLike', 'arn:aws:s3:::a*', ['arn:aws:s3:::a', 'arn:aws:s3:::ab'], true],
  ['ForAllValues:IpAddress', '10.0.0.0/8', ['10.1.1.1', '11.1.1.1'], false],
  ['ForAllValues:Bool', 'true', ['true', 'true'], true],
  ['ForAllValues:StringEqualsIfExists', ['a', 'b'], undefined, true],
  ['ForAllValues:StringEqualsIfExists', ['a', 'b'], ['c'], false],

  ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'a'], true],
  ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'd'], false],
  ['ForAnyValue:StringEquals', ['a', 'b'], ['b'], true],
  ['ForAnyValue:StringEquals', ['a', 'b'], [], false],
  ['ForAnyValue:StringEquals', ['a', 'b'], undefined, false],
  ['ForAnyValue:StringEquals', ['a', ''], [''], false],
  ['ForAnyValue:StringLike', ['ID', 'PostDateTime'], ['PostDateTime', 'Message'], true],
  ['ForAnyValue:StringLike', ['ID', 'PostDateTime'], ['UserName'], false],
  ['ForAnyValue:StringLike', 'key1*', ['key2:a', 'key1:b'], true],
  ['ForAnyValue:StringLike', 'key1*', ['key2:a', 'key3:b'], false],
  ['ForAnyValue:StringLike', '*', undefined, false],
  ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'c'], true],
  ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'b'], false],
  ['ForAnyValue:StringNotEquals', ['a', 'b'], ['c'], true],
  ['ForAnyValue:StringNotEquals', ['a', 'b'], undefined, false],
  ['ForAnyValue:StringNotEquals', ['a', 'b'], [], false],
  ['ForAnyValue:StringNotLike', 'key1*', ['key1:a', 'key2:b'], true],
  ['ForAnyValue:StringNotLike', 'key1*', ['key1:a'], false],
  ['ForAnyValue:StringNotLike', 'key1*', undefined, false],
  ['ForAnyValue:NumericGreaterThan', '10', ['1', '11'], true],
  ['ForAnyValue:DateLessThan', '2026-01-01', ['2027-01-01', '2028-01-01'], false],
  ['ForAnyValue:IpAddress', '10.0.0.0/8', ['10.1.1.1', '11.1.1.1'], true],
  ['ForAnyValue:NotIpAddress', '10.0.0.0/8', ['10.1.1.1', '11.1.1.1'], true],
  ['ForAnyValue:StringEqualsIfExists', ['a', 'b'], undefined, true],
  ['ForAnyValue:StringEqualsIfExists', ['a', 'b'], ['c'], false],
  ['ForAnyValue:StringEqualsIfExists', ['a', 'b'], ['c', 'b'], true],
  ['foranyvalue:stringequals', ['a', 'b'], ['b'], true],
  ['FORALLVALUES:STRINGEQUALS', ['a', 'b'], ['c'], false],

  // Without a set operator, a key with several values is one that matches somewhere.
  ['StringEquals', 'a', ['a', 'b'], true],
  ['StringEquals', 'a', ['b', 'c'], false],
  ['StringEquals', 'a', [], false],
  ['StringNotEquals', 'a', ['a', 'b'], false],
  ['StringNotEquals', 'a', ['b', 'c'], true],
  ['StringNotEquals', 'a', [], true],
];

describe('ForAllValues and ForAnyValue', () => {
  it.each(sets)('%s %j, the request has %j: %s', (operator, value, request, expected) => {
    expect(holds({ [operator]: { [tags]: value } }, request === undefined ? {} : { [tags]: request })).toBe(expected);
  });

  it('all tags, and at least one: Null beside ForAllValues', () => {
    const condition = { 'ForAllValues:StringEquals': { [tags]: ['a', 'b'] }, Null: { [tags]: 'false' } };
    expect(holds(condition, { [tags]: ['a'] })).toBe(true);
    expect(holds(condition, {})).toBe(false);
    expect(holds(condition, { [tags]: [] })).toBe(false);
  });
});

/** What each operator says of a key that is not there, alone and with IfExists; and of one that matches and differs. */
const absences: readonly (readonly [
  operator: string,
  policy: string,
  same: string,
  differing: string,
  absent: boolean,
])[] = [
  ['StringEquals', 'a', 'a', 'b', false],
  ['StringNotEquals', 'a', 'b', 'a', true],
  ['StringEqualsIgnoreCase', 'a', 'A', 'b', false],
  ['StringNotEqualsIgnoreCase', 'a', 'b', 'A', true],
  ['StringLike', 'a*', 'ab', 'b', false],
  ['StringNotLike', 'a*', 'b', 'ab', true],
  ['NumericEquals', '1', '1', '2', false],
  ['NumericNotEquals', '1', '2', '1', true],
  ['NumericLessThan', '1', '0', '1', false],
  ['NumericLessThanEquals', '1', '1', '2', false],
  ['NumericGreaterThan', '1', '2', '1', false],
  ['NumericGreaterThanEquals', '1', '1', '0', false],
  ['DateEquals', '2026-01-01', '2026-01-01', '2026-01-02', false],
  ['DateNotEquals', '2026-01-01', '2026-01-02', '2026-01-01', true],
  ['DateLessThan', '2026-01-01', '2025-01-01', '2026-01-01', false],
  ['DateLessThanEquals', '2026-01-01', '2026-01-01', '2026-01-02', false],
  ['DateGreaterThan', '2026-01-01', '2026-01-02', '2026-01-01', false],
  ['DateGreaterThanEquals', '2026-01-01', '2026-01-01', '2025-01-01', false],
  ['Bool', 'true', 'true', 'false', false],
  ['BinaryEquals', 'YQ==', 'YQ==', 'Yg==', false],
  ['IpAddress', '10.0.0.0/8', '10.0.0.1', '11.0.0.1', false],
  ['NotIpAddress', '10.0.0.0/8', '11.0.0.1', '10.0.0.1', true],
  ['ArnEquals', 'arn:aws:s3:::a', 'arn:aws:s3:::a', 'arn:aws:s3:::b', false],
  ['ArnNotEquals', 'arn:aws:s3:::a', 'arn:aws:s3:::b', 'arn:aws:s3:::a', true],
  ['ArnLike', 'arn:aws:s3:::a*', 'arn:aws:s3:::ab', 'arn:aws:s3:::b', false],
  ['ArnNotLike', 'arn:aws:s3:::a*', 'arn:aws:s3:::b', 'arn:aws:s3:::ab', true],
];

describe('keys that are not there, and IfExists', () => {
  it.each(absences)('%s %s', (operator, value, same, differing, absent) => {
    const key = 'service:Key';
    const plain = (keys: Keys) => holds({ [operator]: { [key]: value } }, keys);
    const ifExists = (keys: Keys) => holds({ [`${operator}IfExists`]: { [key]: value } }, keys);
    expect([plain({ [key]: same }), plain({ [key]: differing }), plain({})]).toEqual([true, false, absent]);
    expect([ifExists({ [key]: same }), ifExists({ [key]: differing }), ifExists({})]).toEqual([true, false, true]);
  });

  it('a key with IfExists does not save another that is missing', () => {
    const condition = { StringEqualsIfExists: { 'a:x': '1' }, StringEquals: { 'a:y': '1' } };
    expect(holds(condition, {})).toBe(false);
    expect(holds(condition, { 'a:y': '1' })).toBe(true);
    expect(holds(condition, { 'a:x': '2', 'a:y': '1' })).toBe(false);
  });
});
