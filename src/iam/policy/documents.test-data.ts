// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of policies look like this
import type { ValidatedKind } from './validate.ts';

/* Policy documents that are accepted. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */

export const version = '2012-10-17';
export const good = { Effect: 'Allow', Action: 'ec2:*', Resource: '*' };
export const { Action: _action, ...withoutAction } = good;
export const { Resource: _resource, ...withoutResource } = good;
export const trusted = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } };

/** A document of one statement like the good one, but for the given elements. */
export const statement = (more: object) => ({ Version: version, Statement: [{ ...good, ...more }] });
export const condition = (Condition: unknown) => statement({ Condition });

export const accepted: readonly (readonly [
  words: string,
  document: unknown,
  message?: undefined,
  kind?: ValidatedKind,
])[] = [
  ['one statement in a list', { Version: version, Statement: [good] }],
  ['one statement without a list', { Version: version, Statement: good }],
  ['several statements', { Version: version, Statement: [good, { ...good, Effect: 'Deny' }] }],
  ['an Id', { Version: version, Id: 'a policy', Statement: good }],
  ['no version, in an inline policy', { Statement: good }],
  ['the older version, in an inline policy', { Version: '2008-10-17', Statement: good }],
  [
    'elements in another order',
    `{"Statement":[{"Resource":"*","Action":"ec2:*","Effect":"Deny"}],"Version":"${version}"}`,
  ],
  ['white space', `\n{ "Version" : "${version}" ,\t"Statement" : ${JSON.stringify(good)} }\n`],
  ['a Sid of letters and digits', statement({ Sid: 'Read1' })],
  ['an empty Sid', statement({ Sid: '' })],
  [
    'two empty Sids',
    {
      Version: version,
      Statement: [
        { ...good, Sid: '' },
        { ...good, Sid: '' },
      ],
    },
  ],
  ['lists of actions and resources', statement({ Action: ['ec2:*', 'iam:Get*'], Resource: ['arn:aws:s3:::a', '*'] })],
  ['every action', statement({ Action: '*' })],
  ['actions of every service', statement({ Action: '*:Describe*' })],
  ['NotAction', { Version: version, Statement: { ...withoutAction, NotAction: 'iam:*' } }],
  ['NotResource', { Version: version, Statement: { ...withoutResource, NotResource: 'arn:aws:s3:::a' } }],
  ['an ARN with wildcards', statement({ Resource: 'arn:aws:ec2:*:*:instance/*' })],
  ['an ARN that ends early', statement({ Resource: 'arn:aws:ec2:*' })],
  ['an ARN of every partition', statement({ Resource: 'arn:*:ec2:*:*:instance/*' })],
  ['a variable in an ARN', statement({ Resource: 'arn:aws:iam::*:user/${aws:username}' })],
  ['a path of IAM', statement({ Resource: 'arn:aws:iam::111122223333:role/app/*' })],
  ['everything of IAM', statement({ Resource: 'arn:aws:iam::111122223333:*' })],
  ['an access point of S3', statement({ Resource: 'arn:aws:s3:us-east-1:111122223333:accesspoint/a' })],
  ['a condition', condition({ StringEquals: { 'aws:username': 'ana' } })],
  [
    'values of a condition: a list, a number, a Boolean',
    condition({ StringEquals: { 'a:b': ['c'] }, NumericLessThan: { 'a:n': 3 }, Bool: { 'a:t': true } }),
  ],
  ['set operators and IfExists', condition({ 'ForAnyValue:StringLikeIfExists': { 'aws:TagKeys': 'a*' } })],
  ['an unknown operator without keys', condition({ Nonsense: {} })],
  [
    'a date and seconds since the epoch',
    condition({ DateLessThan: { 'aws:CurrentTime': ['2026-01-01T00:00:00Z', '1767225600'] } }),
  ],
  [
    'an inner object with a repeated name elsewhere',
    condition({ StringEquals: { 'a:b': 'c' }, StringLike: { 'a:b': 'c' } }),
  ],
  ['text that looks like JSON', condition({ StringEquals: { 'a:b': '{"x":1,"x":2}' } })],
  ['a trust policy of a service', { Version: version, Statement: trusted }, undefined, 'trust'],
  [
    'a trust policy of an account',
    { Version: version, Statement: { ...trusted, Principal: { AWS: '111122223333' } } },
    undefined,
    'trust',
  ],
  ['a trust policy of everyone', { Version: version, Statement: { ...trusted, Principal: '*' } }, undefined, 'trust'],
  [
    'a trust policy of a provider',
    {
      Version: version,
      Statement: {
        ...trusted,
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/a.example.com' },
      },
    },
    undefined,
    'trust',
  ],
  [
    'a trust policy of users, roles, sessions and ids',
    {
      Version: version,
      Statement: {
        ...trusted,
        Principal: {
          AWS: [
            'arn:aws:iam::111122223333:user/a/b',
            'arn:aws:iam::111122223333:role/c',
            'arn:aws:sts::111122223333:assumed-role/c/s',
            'arn:aws:sts::111122223333:federated-user/f',
            'AIDACKCEVSQ6C2EXAMPLE',
          ],
        },
      },
    },
    undefined,
    'trust',
  ],
  [
    'a trust policy with more of STS',
    {
      Version: version,
      Statement: { ...trusted, Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] },
    },
    undefined,
    'trust',
  ],
  ['a trust policy of the older version', { Version: '2008-10-17', Statement: trusted }, undefined, 'trust'],
  [
    'a trust policy with NotPrincipal',
    {
      Version: version,
      Statement: { ...trusted, Principal: undefined, Effect: 'Deny', NotPrincipal: { AWS: '111122223333' } },
    },
    undefined,
    'trust',
  ],
  ["a resource's policy", { Version: version, Statement: { ...good, Principal: '*' } }, undefined, 'resource'],
  [
    "a resource's policy with spaces in its Sid",
    { Version: version, Statement: { ...good, Sid: 'read it', Principal: '*' } },
    undefined,
    'resource',
  ],
  ['a managed policy', { Version: version, Statement: good }, undefined, 'managed'],
];
