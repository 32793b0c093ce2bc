import { expect, it } from 'vitest';
import { holds, type Keys } from './testing.ts';

const type = 'ec2:InstanceType';
const micro: Keys = { [type]: 't3.micro' };

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String */
const cases: readonly (readonly [words: string, condition: object, keys: Keys, holds: boolean])[] = [
  ['the same text', { StringEquals: { [type]: 't3.micro' } }, micro, true],
  ['another text', { StringEquals: { [type]: 't3.nano' } }, micro, false],
  ['case counts', { StringEquals: { [type]: 'T3.micro' } }, micro, false],
  ['only a part', { StringEquals: { [type]: 't3' } }, micro, false],
  ['* is an asterisk', { StringEquals: { [type]: 't3.*' } }, micro, false],
  ['* is an asterisk in both', { StringEquals: { [type]: 't3.*' } }, { [type]: 't3.*' }, true],
  ['? is a question mark', { StringEquals: { [type]: 't?.micro' } }, micro, false],
  ['one of the values', { StringEquals: { [type]: ['t3.nano', 't3.micro'] } }, micro, true],
  ['none of the values', { StringEquals: { [type]: ['t3.nano', 'm5.large'] } }, micro, false],
  ['no values at all', { StringEquals: { [type]: [] } }, micro, false],
  ['an empty text', { StringEquals: { [type]: '' } }, { [type]: '' }, true],
  ['an empty text is not any text', { StringEquals: { [type]: '' } }, micro, false],
  ['spaces count', { StringEquals: { [type]: 't3.micro ' } }, micro, false],
  ['the key is not there', { StringEquals: { [type]: 't3.micro' } }, {}, false],
  ['names of keys: case does not count', { StringEquals: { 'EC2:instancetype': 't3.micro' } }, micro, true],
  [
    'tags in names: case does not count',
    { StringEquals: { 'aws:RequestTag/TEAM': 'a' } },
    { 'aws:RequestTag/team': 'a' },
    true,
  ],
  ['tags of other names', { StringEquals: { 'aws:RequestTag/team': 'a' } }, { 'aws:RequestTag/teams': 'a' }, false],
  [
    'a number is compared as a text',
    { StringEquals: { 'ec2:MetadataHttpPutResponseHopLimit': 1 } },
    { 'ec2:MetadataHttpPutResponseHopLimit': '1' },
    true,
  ],
  ['a Boolean is compared as a text', { StringEquals: { 'ec2:Encrypted': true } }, { 'ec2:Encrypted': 'true' }, true],
  [
    'text beyond ASCII',
    { StringEquals: { 'aws:RequestTag/city': 'Zürich' } },
    { 'aws:RequestTag/city': 'Zürich' },
    true,
  ],

  ['not the same text', { StringNotEquals: { [type]: 't3.nano' } }, micro, true],
  ['not, but the same', { StringNotEquals: { [type]: 't3.micro' } }, micro, false],
  ['not: case counts', { StringNotEquals: { [type]: 'T3.MICRO' } }, micro, true],
  ['not any of the values', { StringNotEquals: { [type]: ['t3.nano', 'm5.large'] } }, micro, true],
  ['not, but one of the values', { StringNotEquals: { [type]: ['t3.nano', 't3.micro'] } }, micro, false],
  ['not: no values at all', { StringNotEquals: { [type]: [] } }, micro, true],
  ['not: the key is not there', { StringNotEquals: { [type]: 't3.micro' } }, {}, true],

  ['ignoring case, the same', { StringEqualsIgnoreCase: { [type]: 'T3.Micro' } }, micro, true],
  ['ignoring case, both differ', { StringEqualsIgnoreCase: { [type]: 't3.micro' } }, { [type]: 'T3.MICRO' }, true],
  ['ignoring case, another', { StringEqualsIgnoreCase: { [type]: 't3.nano' } }, micro, false],
  ['ignoring case, * is an asterisk', { StringEqualsIgnoreCase: { [type]: 'T3.*' } }, micro, false],
  ['ignoring case, the key is not there', { StringEqualsIgnoreCase: { [type]: 't3.micro' } }, {}, false],
  ['not, ignoring case, another', { StringNotEqualsIgnoreCase: { [type]: 'T3.NANO' } }, micro, true],
  ['not, ignoring case, the same', { StringNotEqualsIgnoreCase: { [type]: 'T3.MICRO' } }, micro, false],
  [
    'not, ignoring case, one of the values',
    { StringNotEqualsIgnoreCase: { [type]: ['M5.LARGE', 'T3.MICRO'] } },
    micro,
    false,
  ],
  ['not, ignoring case, the key is not there', { StringNotEqualsIgnoreCase: { [type]: 't3.micro' } }, {}, true],

  ['like, * at the end', { StringLike: { [type]: 't3.*' } }, micro, true],
  ['like, * at the beginning', { StringLike: { [type]: '*.micro' } }, micro, true],
  ['like, * in the middle', { StringLike: { [type]: 't*o' } }, micro, true],
  ['like, two *', { StringLike: { [type]: '*3*c*' } }, micro, true],
  ['like, * for nothing', { StringLike: { [type]: 't3.micro*' } }, micro, true],
  ['like, * alone is any value', { StringLike: { [type]: '*' } }, micro, true],
  ['like, * alone is an empty value too', { StringLike: { [type]: '*' } }, { [type]: '' }, true],
  ['like, * alone, the key is not there', { StringLike: { [type]: '*' } }, {}, false],
  ['like, ? is one character', { StringLike: { [type]: 't?.micro' } }, micro, true],
  ['like, ? is not none', { StringLike: { [type]: 't3.micro?' } }, micro, false],
  ['like, ? is not two', { StringLike: { [type]: '?.micro' } }, micro, false],
  ['like, ? is a colon or slash too', { StringLike: { 's3:prefix': 'a?b?c' } }, { 's3:prefix': 'a/b:c' }, true],
  ['like, case counts', { StringLike: { [type]: 'T3.*' } }, micro, false],
  ['like, the whole text', { StringLike: { [type]: '3.mic' } }, micro, false],
  ['like, without wildcards', { StringLike: { [type]: 't3.micro' } }, micro, true],
  ['like, a dot is a dot', { StringLike: { [type]: 't3.micr*' } }, { [type]: 't3xmicro' }, false],
  [
    'like, * goes on behind slashes and colons',
    { StringLike: { 's3:prefix': 'home/*' } },
    { 's3:prefix': 'home/a/b:c' },
    true,
  ],
  ['like, * goes on behind line ends', { StringLike: { 'aws:UserAgent': 'a*z' } }, { 'aws:UserAgent': 'a\nz' }, true],
  ['like, one of the values', { StringLike: { [type]: ['m5.*', 't3.*'] } }, micro, true],
  ['like, none of the values', { StringLike: { [type]: ['m5.*', 'c5.*'] } }, micro, false],
  ['like, the empty text among them', { StringLike: { 's3:prefix': ['', 'home/*'] } }, { 's3:prefix': '' }, true],

  ['not like', { StringNotLike: { [type]: 'm5.*' } }, micro, true],
  ['not like, but like', { StringNotLike: { [type]: 't3.*' } }, micro, false],
  ['not like any of the values', { StringNotLike: { [type]: ['m5.*', 'c5.*'] } }, micro, true],
  ['not like, but like one of the values', { StringNotLike: { [type]: ['m5.*', 't3.*'] } }, micro, false],
  ['not like, the key is not there', { StringNotLike: { [type]: '*' } }, {}, true],
  ['not like anything: only without the key', { StringNotLike: { [type]: '*' } }, micro, false],

  ['two operators, both hold', { StringLike: { [type]: 't3.*' }, StringNotEquals: { [type]: 't3.nano' } }, micro, true],
  [
    'two operators, one does not hold',
    { StringLike: { [type]: 't3.*' }, StringNotEquals: { [type]: 't3.micro' } },
    micro,
    false,
  ],
  [
    'two keys, both hold',
    { StringEquals: { [type]: 't3.micro', 'ec2:Region': 'eu-west-1' } },
    { ...micro, 'ec2:Region': 'eu-west-1' },
    true,
  ],
  [
    'two keys, one does not hold',
    { StringEquals: { [type]: 't3.micro', 'ec2:Region': 'eu-west-1' } },
    { ...micro, 'ec2:Region': 'eu-west-2' },
    false,
  ],
  ['two keys, one is not there', { StringEquals: { [type]: 't3.micro', 'ec2:Region': 'eu-west-1' } }, micro, false],
  [
    'two negated keys must both differ',
    { StringNotEquals: { [type]: 'm5.large', 'ec2:Region': 'eu-west-1' } },
    { ...micro, 'ec2:Region': 'eu-west-1' },
    false,
  ],
  ['no condition', {}, micro, true],
  ['an operator without keys', { StringEquals: {} }, micro, true],
  ['operators: case does not count', { stringequals: { [type]: 't3.micro' } }, micro, true],
];

it.each(cases)('%s: %j, %j', (_words, condition, keys, expected) => {
  expect(holds(condition, keys)).toBe(expected);
});
