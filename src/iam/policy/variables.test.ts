// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of policies look like this
import { describe, expect, it } from 'vitest';
import { applies, contextOf, holds, type Keys } from './testing.ts';
import { expandVariables } from './variables.ts';

/* @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */

const user = 'arn:aws:iam::111122223333:user/';
const key = 'arn:aws:s3:::home/';

const resources: readonly (readonly [
  words: string,
  element: object,
  keys: Keys,
  resource: string,
  applies: boolean,
])[] = [
  ['the value of the request', { Resource: `${user}\${aws:username}` }, { 'aws:username': 'ana' }, `${user}ana`, true],
  ['another value', { Resource: `${user}\${aws:username}` }, { 'aws:username': 'bo' }, `${user}ana`, false],
  ['no value', { Resource: `${user}\${aws:username}` }, {}, `${user}ana`, false],
  ['no value is not an empty one', { Resource: `${key}\${aws:username}` }, {}, key, false],
  ['an empty value', { Resource: `${key}\${aws:username}` }, { 'aws:username': '' }, key, true],
  [
    'names are not case-sensitive',
    { Resource: `${user}\${AWS:UserName}` },
    { 'aws:username': 'ana' },
    `${user}ana`,
    true,
  ],
  [
    'values are case-sensitive',
    { Resource: `${user}\${aws:username}` },
    { 'aws:username': 'Ana' },
    `${user}ana`,
    false,
  ],
  [
    'a tag of the caller',
    { Resource: `${key}\${aws:PrincipalTag/team}/*` },
    { 'aws:PrincipalTag/team': 'web' },
    `${key}web/a`,
    true,
  ],
  [
    'tags in names are not case-sensitive',
    { Resource: `${key}\${aws:PrincipalTag/Team}` },
    { 'aws:PrincipalTag/team': 'web' },
    `${key}web`,
    true,
  ],
  ['text around it', { Resource: `${key}a-\${aws:username}-z` }, { 'aws:username': 'm' }, `${key}a-m-z`, true],
  [
    'two in one text',
    { Resource: `${key}\${aws:userid}/\${aws:username}` },
    { 'aws:username': 'a', 'aws:userid': 'u' },
    `${key}u/a`,
    true,
  ],
  [
    'two of which one has no value',
    { Resource: `${key}\${aws:userid}/\${aws:username}` },
    { 'aws:username': 'a' },
    `${key}/a`,
    false,
  ],
  ['a wildcard behind it', { Resource: `${key}\${aws:username}/*` }, { 'aws:username': 'ana' }, `${key}ana/x/y`, true],
  [
    'a wildcard in the value is none',
    { Resource: `${key}\${aws:username}` },
    { 'aws:username': '*' },
    `${key}ana`,
    false,
  ],
  [
    'a wildcard in the value is itself',
    { Resource: `${key}\${aws:username}` },
    { 'aws:username': '*' },
    `${key}*`,
    true,
  ],
  [
    'a question mark in the value is none',
    { Resource: `${key}\${aws:username}` },
    { 'aws:username': 'an?' },
    `${key}ana`,
    false,
  ],
  [
    'a variable in the value is none',
    { Resource: `${key}\${aws:username}` },
    { 'aws:username': '${aws:userid}', 'aws:userid': 'u' },
    `${key}u`,
    false,
  ],
  ['others of the list still match', { Resource: [`${key}\${aws:username}`, `${key}open`] }, {}, `${key}open`, true],
  ['several values are none', { Resource: `${key}\${aws:TagKeys}` }, { 'aws:TagKeys': ['a', 'b'] }, `${key}a`, false],
  [
    'a default for a key that is not there',
    { Resource: `${key}\${aws:username, 'anonymous'}` },
    {},
    `${key}anonymous`,
    true,
  ],
  [
    'a default is not used when the key is there',
    { Resource: `${key}\${aws:username, 'anonymous'}` },
    { 'aws:username': 'ana' },
    `${key}anonymous`,
    false,
  ],
  [
    'the value in place of the default',
    { Resource: `${key}\${aws:username, 'anonymous'}` },
    { 'aws:username': 'ana' },
    `${key}ana`,
    true,
  ],
  [
    'a default for a key without values',
    { Resource: `${key}\${aws:username, 'anonymous'}` },
    { 'aws:username': [] },
    `${key}anonymous`,
    true,
  ],
  ['an empty default', { Resource: `${key}\${aws:username, ''}end` }, {}, `${key}end`, true],
  ['a wildcard in the default is none', { Resource: `${key}\${aws:username, '*'}` }, {}, `${key}ana`, false],
  ['${*} is an asterisk', { Resource: `${key}a\${*}` }, {}, `${key}a*`, true],
  ['${*} is no wildcard', { Resource: `${key}a\${*}` }, {}, `${key}abc`, false],
  ['${?} is a question mark', { Resource: `${key}a\${?}` }, {}, `${key}a?`, true],
  ['${?} is no wildcard', { Resource: `${key}a\${?}` }, {}, `${key}ab`, false],
  [
    '${$} is a dollar sign',
    { Resource: `${key}\${$}{aws:username}` },
    { 'aws:username': 'ana' },
    `${key}\${aws:username}`,
    true,
  ],
  ['a wildcard next to ${*}', { Resource: `${key}\${*}*` }, {}, `${key}*x`, true],
  [
    'not in front of the fifth colon: the account',
    { Resource: 'arn:aws:iam::${aws:PrincipalAccount}:user/ana' },
    { 'aws:PrincipalAccount': '111122223333' },
    `${user}ana`,
    false,
  ],
  [
    'not in front of the fifth colon: the Region',
    { Resource: 'arn:aws:ec2:${aws:RequestedRegion}:1:instance/i' },
    { 'aws:RequestedRegion': 'us-east-1' },
    'arn:aws:ec2:us-east-1:1:instance/i',
    false,
  ],
  [
    'an open brace is text',
    { Resource: `${key}\${aws:username` },
    { 'aws:username': 'ana' },
    `${key}\${aws:username`,
    true,
  ],
  ['an unknown name has no value', { Resource: `${key}\${nobody}` }, {}, `${key}`, false],
  [
    'NotResource with a value',
    { NotResource: `${user}\${aws:username}` },
    { 'aws:username': 'ana' },
    `${user}ana`,
    false,
  ],
  [
    'NotResource with another value',
    { NotResource: `${user}\${aws:username}` },
    { 'aws:username': 'ana' },
    `${user}bo`,
    true,
  ],
  ['NotResource without a value does not apply', { NotResource: `${user}\${aws:username}` }, {}, `${user}bo`, false],
];

describe('in resources', () => {
  it.each(resources)('%s: %j, %j, %s', (_words, element, keys, resource, expected) => {
    expect(applies(element, { resource, keys })).toBe(expected);
  });

  it('version 2008-10-17 knows none: they are text', () => {
    const Resource = `${key}\${aws:username}`;
    const keys = { 'aws:username': 'ana' };
    expect(applies({ Resource }, { resource: `${key}ana`, keys }, '2008-10-17')).toBe(false);
    expect(applies({ Resource }, { resource: Resource, keys }, '2008-10-17')).toBe(true);
    expect(applies({ Resource: `${key}\${*}` }, { resource: `${key}\${now}` }, '2008-10-17')).toBe(true);
  });
});

const tag = 'aws:ResourceTag/team';
const own = '${aws:PrincipalTag/team}';

const conditions: readonly (readonly [words: string, condition: object, keys: Keys, holds: boolean])[] = [
  ['StringEquals, the same', { StringEquals: { [tag]: own } }, { [tag]: 'web', 'aws:PrincipalTag/team': 'web' }, true],
  ['StringEquals, another', { StringEquals: { [tag]: own } }, { [tag]: 'data', 'aws:PrincipalTag/team': 'web' }, false],
  ['StringEquals, no value', { StringEquals: { [tag]: own } }, { [tag]: 'web' }, false],
  [
    'StringEquals, no value, but another of the list',
    { StringEquals: { [tag]: [own, 'web'] } },
    { [tag]: 'web' },
    true,
  ],
  ['StringEquals, neither key', { StringEquals: { [tag]: own } }, {}, false],
  [
    'StringEquals takes no wildcard from a value',
    { StringEquals: { [tag]: own } },
    { [tag]: 'web', 'aws:PrincipalTag/team': '*' },
    false,
  ],
  [
    'StringEqualsIgnoreCase',
    { StringEqualsIgnoreCase: { [tag]: own } },
    { [tag]: 'WEB', 'aws:PrincipalTag/team': 'web' },
    true,
  ],
  [
    'StringLike, wildcards around',
    { StringLike: { [tag]: `${own}-*` } },
    { [tag]: 'web-1', 'aws:PrincipalTag/team': 'web' },
    true,
  ],
  [
    'StringLike takes no wildcard from a value',
    { StringLike: { [tag]: own } },
    { [tag]: 'web', 'aws:PrincipalTag/team': 'w*' },
    false,
  ],
  ['StringLike, ${*}', { StringLike: { [tag]: 'a${*}' } }, { [tag]: 'a*' }, true],
  ['StringLike, ${*} is no wildcard', { StringLike: { [tag]: 'a${*}' } }, { [tag]: 'ab' }, false],
  ['StringEquals, ${$}', { StringEquals: { [tag]: '${$}5' } }, { [tag]: '$5' }, true],
  [
    'StringNotEquals, another',
    { StringNotEquals: { [tag]: own } },
    { [tag]: 'data', 'aws:PrincipalTag/team': 'web' },
    true,
  ],
  [
    'StringNotEquals, the same',
    { StringNotEquals: { [tag]: own } },
    { [tag]: 'web', 'aws:PrincipalTag/team': 'web' },
    false,
  ],
  [
    'StringNotEquals, no value: the statement does not apply',
    { StringNotEquals: { [tag]: own } },
    { [tag]: 'web' },
    false,
  ],
  [
    'StringNotLike, no value: the statement does not apply',
    { StringNotLike: { [tag]: `${own}*` } },
    { [tag]: 'web' },
    false,
  ],
  ['StringNotEquals, a key that is not there differs', { StringNotEquals: { [tag]: own } }, {}, true],
  ['a default', { StringEquals: { [tag]: "${aws:PrincipalTag/team, 'none'}" } }, { [tag]: 'none' }, true],
  ['a default with a comma', { StringEquals: { [tag]: "${aws:PrincipalTag/team, 'a, b'}" } }, { [tag]: 'a, b' }, true],
  [
    'ArnLike',
    { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::${aws:username}' } },
    { 'aws:SourceArn': 'arn:aws:s3:::ana', 'aws:username': 'ana' },
    true,
  ],
  [
    'ArnEquals with a whole ARN',
    { ArnEquals: { 'aws:SourceArn': '${aws:PrincipalArn}' } },
    { 'aws:SourceArn': 'arn:aws:iam::1:user/a', 'aws:PrincipalArn': 'arn:aws:iam::1:user/a' },
    true,
  ],
  [
    'ArnNotLike, no value: the statement does not apply',
    { ArnNotLike: { 'aws:SourceArn': 'arn:aws:s3:::${aws:username}' } },
    { 'aws:SourceArn': 'arn:aws:s3:::a' },
    false,
  ],
  [
    'Bool',
    { Bool: { 'aws:SecureTransport': '${aws:MultiFactorAuthPresent}' } },
    { 'aws:SecureTransport': 'true', 'aws:MultiFactorAuthPresent': 'true' },
    true,
  ],
  [
    'not in numbers',
    { NumericEquals: { 'ec2:VolumeSize': '${ec2:VolumeIops}' } },
    { 'ec2:VolumeSize': '8', 'ec2:VolumeIops': '8' },
    false,
  ],
  [
    'not in addresses',
    { IpAddress: { 'aws:SourceIp': '${aws:VpcSourceIp}' } },
    { 'aws:SourceIp': '10.0.0.1', 'aws:VpcSourceIp': '10.0.0.1' },
    false,
  ],
  [
    'ForAnyValue, one of several',
    { 'ForAnyValue:StringEquals': { 'aws:TagKeys': '${aws:username}' } },
    { 'aws:TagKeys': ['x', 'ana'], 'aws:username': 'ana' },
    true,
  ],
  [
    'several values are none',
    { StringEquals: { [tag]: '${aws:TagKeys}' } },
    { [tag]: 'a', 'aws:TagKeys': ['a', 'b'] },
    false,
  ],
];

describe('in conditions', () => {
  it.each(conditions)('%s: %j, %j', (_words, condition, keys, expected) => {
    expect(holds(condition, keys)).toBe(expected);
  });

  it('version 2008-10-17 knows none: they are text', () => {
    const keys = { [tag]: own, 'aws:PrincipalTag/team': 'web' };
    expect(holds({ StringEquals: { [tag]: own } }, keys, '2008-10-17')).toBe(true);
    expect(holds({ StringEquals: { [tag]: own } }, { ...keys, [tag]: 'web' }, '2008-10-17')).toBe(false);
  });
});

it('expands a text', () => {
  const keys = contextOf({ 'aws:username': 'ana' });
  expect(expandVariables("${aws:username}-${aws:x, 'y'}${$}", keys)).toBe('ana-y$');
  expect(expandVariables('${aws:x}', keys)).toBeUndefined();
});
