// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of policies look like this
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/errors.ts';
import { compilePolicy } from './compile.ts';
import { contextKeysOf } from './context-keys.ts';
import {
  accepted,
  condition,
  good,
  statement,
  trusted,
  version,
  withoutAction,
  withoutResource,
} from './documents.test-data.ts';
import { statementPositions } from './positions.ts';
import { principalsOf, type ValidatedKind, validatePolicyDocument } from './validate.ts';

function problemOf(document: unknown, kind: ValidatedKind): string | undefined {
  try {
    validatePolicyDocument(typeof document === 'string' ? document : JSON.stringify(document), kind);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect([error.code, error.status]).toEqual(['MalformedPolicyDocument', 400]);
    return error.message;
  }
}

/* @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */

const syntax = 'Syntax errors in policy.';
const refused: readonly (readonly [words: string, document: unknown, message: string, kind?: ValidatedKind])[] = [
  ['no JSON', 'Version: 2012-10-17', syntax],
  ['nothing', '', syntax],
  ['a comma too many', `{"Version":"${version}","Statement":[${JSON.stringify(good)},]}`, syntax],
  ['a list', [good], syntax],
  ['a text', '"policy"', syntax],
  ['null', 'null', syntax],
  ['no statement', { Version: version }, syntax],
  ['an empty list of statements', { Version: version, Statement: [] }, syntax],
  ['a statement that is a text', { Version: version, Statement: 'all' }, syntax],
  ['a statement that is null', { Version: version, Statement: null }, syntax],
  ['an element that policies do not have', { Version: version, Statement: good, Comment: 'mine' }, syntax],
  ['an element in lower case', { Version: version, statement: good }, syntax],
  ['an unknown version', { Version: '2020-01-01', Statement: good }, syntax],
  ['a version that is a number', { Version: 2012, Statement: good }, syntax],
  ['an Id that is a number', { Version: version, Id: 1, Statement: good }, syntax],
  ['an element that statements do not have', statement({ Comment: 'mine' }), syntax],
  ['a Sid that is a number', statement({ Sid: 1 }), syntax],
  ['no Effect', { Version: version, Statement: { Action: '*', Resource: '*' } }, syntax],
  ['another Effect', statement({ Effect: 'Permit' }), syntax],
  ['an Effect that is a list', statement({ Effect: ['Allow'] }), syntax],
  ['Action and NotAction', statement({ NotAction: 'iam:*' }), syntax],
  ['Resource and NotResource', statement({ NotResource: '*' }), syntax],
  ['Principal and NotPrincipal', statement({ Principal: '*', NotPrincipal: '*' }), syntax, 'resource'],
  ['an action that is a number', statement({ Action: 1 }), syntax],
  ['an action that is null', statement({ Action: null }), syntax],
  ['an action in a list that is an object', statement({ Action: ['ec2:*', {}] }), syntax],
  ['a resource that is an object', statement({ Resource: {} }), syntax],
  ['a principal that is another text', statement({ Principal: 'me' }), syntax, 'resource'],
  ['a principal of an unknown kind', statement({ Principal: { User: 'me' } }), syntax, 'resource'],
  ['a condition that is a list', condition([]), syntax],
  ['an operator that is a text', condition({ StringEquals: 'a' }), syntax],
  ['a value that is null', condition({ StringEquals: { 'a:b': null } }), syntax],
  ['a value that is an object', condition({ StringEquals: { 'a:b': {} } }), syntax],
  ['a value in a list that is a list', condition({ StringEquals: { 'a:b': [['c']] } }), syntax],
  ['an unknown operator', condition({ StringMatches: { 'a:b': 'c' } }), syntax],
  ['an unknown set operator', condition({ 'ForSomeValues:StringEquals': { 'a:b': 'c' } }), syntax],
  ['Null with IfExists', condition({ NullIfExists: { 'a:b': 'true' } }), syntax],
  ['IfExists in front', condition({ IfExistsStringEquals: { 'a:b': 'c' } }), syntax],
  [
    'an Effect twice',
    `{"Version":"${version}","Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}`,
    `${syntax} The key Effect occurs twice`,
  ],
  [
    'an operator twice',
    `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"},"Bool":{"c:d":"true"}}}}`,
    `${syntax} The key Bool occurs twice`,
  ],
  [
    'a key twice, once escaped',
    '{"Statement":{"Effect":"Allow","Action":"*","\\u0041ction":"ec2:*","Resource":"*"}}',
    `${syntax} The key Action occurs twice`,
  ],
  ['an Effect in lower case', statement({ Effect: 'allow' }), 'The policy failed legacy parsing'],
  [
    'a date that is none',
    condition({ DateLessThan: { 'aws:CurrentTime': 'tomorrow' } }),
    'The policy failed legacy parsing',
  ],
  [
    'a date with a wildcard',
    condition({ DateEquals: { 'aws:CurrentTime': '2026-*' } }),
    'The policy failed legacy parsing',
  ],
  [
    'an ARN without a service',
    statement({ Resource: 'arn:aws::us-east-1:1:instance/i' }),
    'The policy failed legacy parsing',
  ],
  ['an ARN with too few colons', statement({ Resource: 'arn:aws:s3::bucket' }), 'The policy failed legacy parsing'],
  [
    'no version, in a managed policy',
    { Statement: good },
    'Policy document must be version 2012-10-17 or greater.',
    'managed',
  ],
  [
    'the older version, in a managed policy',
    { Version: '2008-10-17', Statement: good },
    'Policy document must be version 2012-10-17 or greater.',
    'managed',
  ],
  [
    'two equal Sids',
    {
      Version: version,
      Statement: [
        { ...good, Sid: 'A' },
        { ...good, Sid: 'A' },
      ],
    },
    'Statement IDs (SID) in a single policy must be unique.',
  ],
  ['a Sid with a space', statement({ Sid: 'read it' }), 'Statement IDs (SID) must be alpha-numeric.'],
  [
    'a Sid with a hyphen in a trust policy',
    { Version: version, Statement: { ...trusted, Sid: 'a-b' } },
    'Statement IDs (SID) must be alpha-numeric.',
    'trust',
  ],
  ['no action', { Version: version, Statement: withoutAction }, 'Policy statement must contain actions.'],
  ['an empty list of actions', statement({ Action: [] }), 'Policy statement must contain actions.'],
  ['no resource', { Version: version, Statement: withoutResource }, 'Policy statement must contain resources.'],
  ['an empty list of resources', statement({ Resource: [] }), 'Policy statement must contain resources.'],
  [
    'a principal in an identity policy',
    statement({ Principal: '*' }),
    'Policy document should not specify a principal.',
  ],
  [
    'NotPrincipal in an identity policy',
    statement({ NotPrincipal: { AWS: '111122223333' } }),
    'Policy document should not specify a principal.',
  ],
  [
    'a principal in a managed policy',
    statement({ Principal: '*' }),
    'Policy document should not specify a principal.',
    'managed',
  ],
  [
    'an action without a service',
    statement({ Action: 'RunInstances' }),
    'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
  ],
  ['an empty action', statement({ Action: '' }), 'Actions/Conditions must be prefaced by a vendor'],
  [
    'an action with two colons',
    statement({ Action: 'ec2:Run:Instances' }),
    'Actions/Condition can contain only one colon.',
  ],
  ['a service with a wildcard', statement({ Action: 'ec*:RunInstances' }), 'Vendor ec* is not valid'],
  ['a service with a space', statement({ Action: 'a b:RunInstances' }), 'Vendor a b is not valid'],
  [
    'a wrong action behind a right one',
    statement({ Action: ['ec2:*', 'RunInstances'] }),
    'Actions/Conditions must be prefaced',
  ],
  [
    'a wrong NotAction',
    { Version: version, Statement: { ...withoutAction, NotAction: 'RunInstances' } },
    'Actions/Conditions must be prefaced',
  ],
  [
    'a resource that is no ARN',
    statement({ Resource: 'instances' }),
    'Resource instances must be in ARN format or "*".',
  ],
  ['an empty resource', statement({ Resource: '' }), 'Resource  must be in ARN format or "*".'],
  [
    'another partition',
    statement({ Resource: 'arn:gcp:ec2:us-east-1:1:instance/i' }),
    'Partition "gcp" is not valid for resource "arn:gcp:ec2:us-east-1:1:instance/i".',
  ],
  [
    'another partition, cut off',
    statement({ Resource: 'arn:gcp' }),
    'Partition "gcp" is not valid for resource "arn:gcp:*:*:*:*".',
  ],
  [
    'an ARN without a service at its end',
    statement({ Resource: 'arn:aws' }),
    'Resource vendor must be fully qualified and cannot contain regexes.',
  ],
  [
    'a service of an ARN with a wildcard',
    statement({ Resource: 'arn:aws:e*:us-east-1:1:instance/i' }),
    'Resource vendor must be fully qualified and cannot contain regexes.',
  ],
  [
    'a Region in an ARN of IAM',
    statement({ Resource: 'arn:aws:iam:us-east-1:1:user/a' }),
    'IAM resource arn:aws:iam:us-east-1:1:user/a cannot contain region information.',
  ],
  [
    'an unknown path of IAM',
    statement({ Resource: 'arn:aws:iam::1:users/a' }),
    'IAM resource path must either be "*" or start with user/, ',
  ],
  [
    'a Region in an ARN of S3',
    statement({ Resource: 'arn:aws:s3:us-east-1::bucket' }),
    'Resource arn:aws:s3:us-east-1::bucket can not contain region information.',
  ],
  [
    'a wrong NotResource',
    { Version: version, Statement: { ...withoutResource, NotResource: 'x' } },
    'Resource x must be in ARN format or "*".',
  ],
  [
    'a trust policy with a resource',
    { Version: version, Statement: { ...trusted, Resource: '*' } },
    'Has prohibited field Resource',
    'trust',
  ],
  [
    'a trust policy with NotResource',
    { Version: version, Statement: { ...trusted, NotResource: '*' } },
    'Has prohibited field Resource',
    'trust',
  ],
  [
    'a trust policy without a principal',
    { Version: version, Statement: { ...trusted, Principal: undefined } },
    'Missing required field Principal',
    'trust',
  ],
  [
    'a trust policy with an empty principal',
    { Version: version, Statement: { ...trusted, Principal: {} } },
    'Missing required field Principal',
    'trust',
  ],
  [
    'a trust policy of another service',
    { Version: version, Statement: { ...trusted, Action: 'ec2:RunInstances' } },
    'AssumeRole policy may only specify STS AssumeRole actions.',
    'trust',
  ],
  [
    'a trust policy of every action',
    { Version: version, Statement: { ...trusted, Action: '*' } },
    'AssumeRole policy may only specify STS AssumeRole actions.',
    'trust',
  ],
  [
    'a trust policy with NotAction',
    { Version: version, Statement: { ...trusted, Action: undefined, NotAction: 'sts:AssumeRole' } },
    'AssumeRole policy may only specify STS AssumeRole actions.',
    'trust',
  ],
  [
    "a resource's policy without a principal",
    { Version: version, Statement: good },
    'Missing required field Principal',
    'resource',
  ],
  [
    "a resource's policy without a resource",
    { Version: version, Statement: { ...withoutResource, Principal: '*' } },
    'Policy statement must contain resources.',
    'resource',
  ],
  [
    'a principal with a wildcard',
    { Version: version, Statement: { ...trusted, Principal: { AWS: 'arn:aws:iam::111122223333:user/*' } } },
    'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
    'trust',
  ],
  [
    'a principal in every account',
    { Version: version, Statement: { ...trusted, Principal: { AWS: 'arn:aws:iam::*:root' } } },
    'Invalid principal in policy: "AWS"',
    'trust',
  ],
  [
    'a group as a principal',
    { Version: version, Statement: { ...trusted, Principal: { AWS: 'arn:aws:iam::111122223333:group/g' } } },
    'Invalid principal in policy: "AWS"',
    'trust',
  ],
  [
    'an account of eleven digits',
    { Version: version, Statement: { ...trusted, Principal: { AWS: '11112222333' } } },
    'Invalid principal in policy: "AWS":"11112222333"',
    'trust',
  ],
  [
    'every session as a principal',
    { Version: version, Statement: { ...trusted, Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/r/*' } } },
    'Invalid principal in policy: "AWS"',
    'trust',
  ],
  [
    'a service that is none',
    { Version: version, Statement: { ...trusted, Principal: { Service: 'ec2' } } },
    'Invalid principal in policy: "SERVICE":"ec2"',
    'trust',
  ],
  [
    'a provider that is none',
    { Version: version, Statement: { ...trusted, Principal: { Federated: 'google' } } },
    'Invalid principal in policy: "FEDERATED":"google"',
    'trust',
  ],
];

function named(cases: readonly (readonly [string, unknown, (string | undefined)?, ValidatedKind?])[]) {
  return cases.map(([words, document, message = '', kind = 'identity']) => ({ words, document, message, kind }));
}

describe('documents that are accepted', () => {
  it.each(named(accepted))('$words', ({ document, kind }) => {
    expect(problemOf(document, kind)).toBeUndefined();
  });
});

describe('documents that are refused', () => {
  it.each(named(refused))('$words', ({ document, message, kind }) => {
    expect(problemOf(document, kind)?.slice(0, message.length)).toBe(message);
  });
});

it('compiling refuses what creating refuses', () => {
  const source = { id: 'p', type: 'user' } as const;
  for (const [words, document, message, kind = 'identity'] of refused) {
    if (kind === 'managed') continue;
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    expect(() => compilePolicy(text, source, kind), words).toThrow(message);
  }
});

it('lists the principals that a document names, each once', () => {
  const document = {
    Version: version,
    Statement: [
      {
        ...trusted,
        Principal: { AWS: ['111122223333', 'arn:aws:iam::111122223333:user/a'], Service: 'ec2.amazonaws.com' },
      },
      { ...trusted, Principal: { AWS: ['111122223333', '*'] } },
      { ...trusted, Principal: '*' },
    ],
  };
  expect(principalsOf(validatePolicyDocument(JSON.stringify(document), 'trust'))).toEqual([
    { type: 'AWS', name: '111122223333' },
    { type: 'AWS', name: 'arn:aws:iam::111122223333:user/a' },
    { type: 'Service', name: 'ec2.amazonaws.com' },
  ]);
});

it('lists the condition keys that documents ask for, in conditions and variables', () => {
  const first = {
    Version: version,
    Statement: [
      { ...good, Resource: ['arn:aws:s3:::${aws:username}/*', 'arn:aws:s3:::${*}'] },
      {
        ...good,
        Condition: {
          StringLike: { 'aws:RequestTag/Team': ["${aws:PrincipalTag/Team, 'x'}", 'a'] },
          Null: { 'AWS:UserName': 'true' },
        },
      },
    ],
  };
  const older = { Statement: { ...good, Resource: 'arn:aws:s3:::${aws:userid}' } };
  const documents = [first, older].map(each => validatePolicyDocument(JSON.stringify(each), 'identity'));
  expect(contextKeysOf(documents)).toEqual(['aws:username', 'aws:RequestTag/Team', 'aws:PrincipalTag/Team']);
});

it('tells where statements begin and end', () => {
  const text = `{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Action": "a:*", "Resource": "*" },
    {
      "Sid": "x } {", "Effect": "Deny", "Action": "*", "Resource": "*",
      "Condition": { "Bool": { "a:b": "true" } }
    }
  ],
  "Id": "Statement"
}`;
  expect(statementPositions(text)).toEqual([
    { start: { line: 4, column: 5 }, end: { line: 4, column: 60 } },
    { start: { line: 5, column: 5 }, end: { line: 8, column: 6 } },
  ]);
  expect(statementPositions('{"Statement":{"Effect":"Allow"}}')).toEqual([
    { start: { line: 1, column: 14 }, end: { line: 1, column: 32 } },
  ]);
});
