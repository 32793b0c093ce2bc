import { describe, expect, it } from 'vitest';
import { holds, type Keys } from './testing.ts';

const topic = 'arn:aws:sns:us-east-1:111122223333:alarms';
const role = 'arn:aws:iam::111122223333:role/apps/web';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN */
const arns: readonly (readonly [words: string, pattern: unknown, arn: string, matches: boolean])[] = [
  ['the same', topic, topic, true],
  ['another', topic, `${topic}2`, false],
  ['case counts', topic.replace('alarms', 'Alarms'), topic, false],
  ['* for a segment', 'arn:aws:sns:*:*:alarms', topic, true],
  ['* in a segment', 'arn:aws:sns:us-*-1:111122223333:al*', topic, true],
  ['* for the service', 'arn:aws:*:us-east-1:111122223333:alarms', topic, true],
  ['? in a segment', 'arn:aws:sns:us-east-?:111122223333:alarm?', topic, true],
  ['? is not none', 'arn:aws:sns:us-east-1?:111122223333:alarms', topic, false],
  ['* for an empty segment', 'arn:aws:iam:*:111122223333:role/*', role, true],
  ['another segment', 'arn:aws:sns:eu-west-1:*:*', topic, false],
  ['* in the last segment goes on behind slashes', 'arn:aws:iam::*:role/*', role, true],
  [
    '* in the last segment goes on behind its colons',
    'arn:aws:logs:*:*:log-group:*',
    'arn:aws:logs:us-east-1:1:log-group:a:b',
    true,
  ],
  [
    '* does not go on into the next segment',
    'arn:aws:someservice:*:111122223333:finance/*',
    'arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt',
    false,
  ],
  ['* that ends a segment does not either', 'arn:aws:sns:*', topic, false],
  ['a whole * is no ARN', '*', topic, false],
  ['five segments are no ARN', 'arn:aws:sns:us-east-1:*', topic, false],
  ['one of several', ['arn:aws:sqs:*:*:*', 'arn:aws:sns:*:*:*'], topic, true],
  ['none of several', ['arn:aws:sqs:*:*:*', 'arn:aws:s3:::*'], topic, false],
  ['the request has no ARN', 'arn:aws:sns:*:*:*', 'alarms', false],
];

describe('ARNs', () => {
  it.each(arns)('%s: %j, %s', (_words, pattern, arn, matches) => {
    const keys = { 'aws:SourceArn': arn };
    // ArnEquals and ArnLike are the same.
    expect(holds({ ArnLike: { 'aws:SourceArn': pattern } }, keys)).toBe(matches);
    expect(holds({ ArnEquals: { 'aws:SourceArn': pattern } }, keys)).toBe(matches);
    expect(holds({ ArnNotLike: { 'aws:SourceArn': pattern } }, keys)).toBe(!matches);
    expect(holds({ ArnNotEquals: { 'aws:SourceArn': pattern } }, keys)).toBe(!matches);
  });

  it('where an ARN does not match, a text may', () => {
    const pattern = 'arn:aws:someservice:*:111122223333:finance/*';
    const keys = {
      'aws:SourceArn': 'arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt',
    };
    expect(holds({ StringLike: { 'aws:SourceArn': pattern } }, keys)).toBe(true);
  });
});

const mfa = 'aws:MultiFactorAuthPresent';
const issued = 'aws:TokenIssueTime';
const blob = 'service:Blob';

const others: readonly (readonly [words: string, condition: object, keys: Keys, holds: boolean])[] = [
  ['true, as a text', { Bool: { [mfa]: 'true' } }, { [mfa]: 'true' }, true],
  ['true, as a Boolean', { Bool: { [mfa]: true } }, { [mfa]: 'true' }, true],
  ['true, in capitals', { Bool: { [mfa]: 'TRUE' } }, { [mfa]: 'true' }, true],
  ['the request in capitals', { Bool: { [mfa]: 'true' } }, { [mfa]: 'True' }, true],
  ['true, but false', { Bool: { [mfa]: 'true' } }, { [mfa]: 'false' }, false],
  ['false', { Bool: { [mfa]: 'false' } }, { [mfa]: 'false' }, true],
  ['false, as a Boolean', { Bool: { [mfa]: false } }, { [mfa]: 'false' }, true],
  ['false, but true', { Bool: { [mfa]: 'false' } }, { [mfa]: 'true' }, false],
  ['true, the key is not there', { Bool: { [mfa]: 'true' } }, {}, false],
  ['false, the key is not there: not the same as false', { Bool: { [mfa]: 'false' } }, {}, false],
  ['false or not there', { BoolIfExists: { [mfa]: 'false' } }, {}, true],
  ['false or not there, but true', { BoolIfExists: { [mfa]: 'false' } }, { [mfa]: 'true' }, false],
  ['both', { Bool: { [mfa]: ['true', 'false'] } }, { [mfa]: 'false' }, true],
  ['other texts are not Booleans', { Bool: { [mfa]: 'yes' } }, { [mfa]: 'yes' }, false],
  ['numbers are not Booleans', { Bool: { [mfa]: '1' } }, { [mfa]: 'true' }, false],

  ['must not be there, and is not', { Null: { [issued]: 'true' } }, {}, true],
  ['must not be there, but is', { Null: { [issued]: 'true' } }, { [issued]: '2026-01-01T00:00:00Z' }, false],
  ['must be there, and is', { Null: { [issued]: 'false' } }, { [issued]: '2026-01-01T00:00:00Z' }, true],
  ['must be there, but is not', { Null: { [issued]: 'false' } }, {}, false],
  ['as a Boolean', { Null: { [issued]: true } }, {}, true],
  ['as a Boolean, false', { Null: { [issued]: false } }, {}, false],
  ['a key without values is not there', { Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': [] }, true],
  ['an empty value is there', { Null: { [issued]: 'false' } }, { [issued]: '' }, true],
  ['two keys, both must fit', { Null: { [issued]: 'true', [mfa]: 'false' } }, { [mfa]: 'true' }, true],
  ['two keys, one does not fit', { Null: { [issued]: 'true', [mfa]: 'false' } }, {}, false],

  ['the same bytes', { BinaryEquals: { [blob]: 'QmluYXJ5' } }, { [blob]: 'QmluYXJ5' }, true],
  ['other bytes', { BinaryEquals: { [blob]: 'QmluYXJ5' } }, { [blob]: 'YmluYXJ5' }, false],
  ['padding does not count', { BinaryEquals: { [blob]: 'YQ==' } }, { [blob]: 'YQ' }, true],
  ['one of several', { BinaryEquals: { [blob]: ['YQ==', 'Yg=='] } }, { [blob]: 'Yg==' }, true],
  ['what is no base 64 matches nothing', { BinaryEquals: { [blob]: 'a?' } }, { [blob]: 'a?' }, false],
  ['bytes, the key is not there', { BinaryEquals: { [blob]: 'YQ==' } }, {}, false],
  ['bytes, if there', { BinaryEqualsIfExists: { [blob]: 'YQ==' } }, {}, true],
];

describe('Bool, Null and BinaryEquals', () => {
  it.each(others)('%s: %j, %j', (_words, condition, keys, expected) => {
    expect(holds(condition, keys)).toBe(expected);
  });
});
