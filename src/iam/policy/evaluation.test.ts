import { describe, expect, it } from 'vitest';
import { account, ana, ask, type Keys, other, policy } from './testing.ts';
import type { Decision, Gate, PolicyPrincipal, PolicySet } from './types.ts';

const role = `arn:aws:iam::${account}:role/app`;
const session: PolicyPrincipal = {
  account,
  arns: [`arn:aws:sts::${account}:assumed-role/app/i-1`, role],
  isRoot: false,
};
const federated: PolicyPrincipal = {
  account,
  arns: [`arn:aws:sts::${account}:federated-user/fred`, `arn:aws:iam::${account}:user/ana`],
  isRoot: false,
};
const root: PolicyPrincipal = { account, arns: [`arn:aws:iam::${account}:root`], isRoot: true };
const stranger: PolicyPrincipal = { account: other, arns: [`arn:aws:iam::${other}:user/eve`], isRoot: false };
const strangerInRole: PolicyPrincipal = {
  account: other,
  arns: [`arn:aws:sts::${other}:assumed-role/app/i-1`, `arn:aws:iam::${other}:role/app`],
  isRoot: false,
};
const service: PolicyPrincipal = { account: '', arns: [], isRoot: false, services: ['ec2.amazonaws.com'] };

const allow = policy({});
const deny = policy({ Effect: 'Deny' });
/** Says nothing of what is asked for. */
const silent = policy({ Action: 's3:*' });
const boundary = (effect: 'Allow' | 'Deny' | 'silent') =>
  policy(effect === 'silent' ? { Action: 's3:*' } : { Effect: effect }, { type: 'boundary' });
const sessionPolicy = (effect: 'Allow' | 'Deny' | 'silent') =>
  policy(effect === 'silent' ? { Action: 's3:*' } : { Effect: effect }, { type: 'session' });

/** A resource's policy, of this account unless told otherwise, that names the given principal. */
function resource(principal: unknown, more: object = {}, owner = account): PolicySet['resource'] {
  return { policy: policy({ Principal: principal, ...more }, { type: 'resource', kind: 'resource' }), account: owner };
}
function trust(principal: unknown, more: object = {}, owner = account): PolicySet['resource'] {
  return { policy: policy({ Principal: principal, ...more }, { type: 'resource', kind: 'trust' }), account: owner };
}
const userArn = { AWS: `arn:aws:iam::${account}:user/ana` };
const roleArn = { AWS: role };
const sessionArn = { AWS: `arn:aws:sts::${account}:assumed-role/app/i-1` };
const federatedArn = { AWS: `arn:aws:sts::${account}:federated-user/fred` };
const accountArn = { AWS: `arn:aws:iam::${account}:root` };
const accountId = { AWS: account };

type Expected = Decision['effect'] | Gate;
type Cases = readonly (readonly [words: string, set: Partial<PolicySet>, expected: Expected])[];

/** `allowed`, `explicitDeny`, or the gate that is missing. */
function outcome(set: Partial<PolicySet>, action = 'ec2:StopInstances'): Expected {
  const decision = ask(set, { action });
  expect(decision.missing === undefined).toBe(decision.effect !== 'implicitDeny');
  return decision.missing ?? decision.effect;
}

/* @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html */

const own: Cases = [
  ['nothing allows what no policy allows', {}, 'identity'],
  ['an allow allows', { identity: [allow] }, 'allowed'],
  ['a policy about something else does not', { identity: [silent] }, 'identity'],
  ['one policy of several allows', { identity: [silent, allow] }, 'allowed'],
  ['a deny denies', { identity: [deny] }, 'explicitDeny'],
  ['a deny wins over an allow', { identity: [allow, deny] }, 'explicitDeny'],
  ['whichever comes first', { identity: [deny, allow] }, 'explicitDeny'],
  ['also within one policy', { identity: [policy([{}, { Effect: 'Deny' }])] }, 'explicitDeny'],
  ['a deny of something else does not', { identity: [allow, policy({ Effect: 'Deny', Action: 's3:*' })] }, 'allowed'],
  ['a boundary alone allows nothing', { boundary: boundary('Allow') }, 'identity'],
  ['a boundary and an identity policy', { identity: [allow], boundary: boundary('Allow') }, 'allowed'],
  ['a boundary that does not allow', { identity: [allow], boundary: boundary('silent') }, 'boundary'],
  ['a boundary that denies', { identity: [allow], boundary: boundary('Deny') }, 'explicitDeny'],
  [
    'an identity policy that denies, within the boundary',
    { identity: [deny], boundary: boundary('Allow') },
    'explicitDeny',
  ],
  ['neither allows: the identity policy is named', { boundary: boundary('silent') }, 'identity'],
  ['session policies alone allow nothing', { session: [sessionPolicy('Allow')] }, 'identity'],
  ['session and identity policy', { identity: [allow], session: [sessionPolicy('Allow')] }, 'allowed'],
  ['a session policy that does not allow', { identity: [allow], session: [sessionPolicy('silent')] }, 'session'],
  ['a session policy that denies', { identity: [allow], session: [sessionPolicy('Deny')] }, 'explicitDeny'],
  [
    'one of several session policies allows',
    { identity: [allow], session: [sessionPolicy('silent'), sessionPolicy('Allow')] },
    'allowed',
  ],
  [
    'one of several session policies denies',
    { identity: [allow], session: [sessionPolicy('Allow'), sessionPolicy('Deny')] },
    'explicitDeny',
  ],
  ['a session with no policy in it may do nothing', { identity: [allow], session: [] }, 'session'],
  ['all three', { identity: [allow], boundary: boundary('Allow'), session: [sessionPolicy('Allow')] }, 'allowed'],
  [
    'all three, not the boundary',
    { identity: [allow], boundary: boundary('silent'), session: [sessionPolicy('Allow')] },
    'boundary',
  ],
  [
    'all three, not the session',
    { identity: [allow], boundary: boundary('Allow'), session: [sessionPolicy('silent')] },
    'session',
  ],
  [
    'all three, not the identity',
    { identity: [silent], boundary: boundary('Allow'), session: [sessionPolicy('Allow')] },
    'identity',
  ],
  ['root needs no policy', { principal: root }, 'allowed'],
  [
    'a federated root is held by his session policies',
    { principal: root, session: [sessionPolicy('silent')] },
    'session',
  ],
  ['a federated root within his session policies', { principal: root, session: [sessionPolicy('Allow')] }, 'allowed'],
];

const sameAccount: Cases = [
  ['the resource allows the user, no identity policy', { resource: resource(userArn) }, 'allowed'],
  ['the resource allows another user', { resource: resource({ AWS: `arn:aws:iam::${account}:user/bo` }) }, 'identity'],
  [
    'the resource says nothing, the identity policy allows',
    { identity: [allow], resource: resource(userArn, { Action: 's3:*' }) },
    'allowed',
  ],
  ['both allow', { identity: [allow], resource: resource(userArn) }, 'allowed'],
  ['neither allows', { identity: [silent], resource: resource(userArn, { Action: 's3:*' }) }, 'identity'],
  ['the resource denies', { identity: [allow], resource: resource(userArn, { Effect: 'Deny' }) }, 'explicitDeny'],
  [
    'the resource denies another',
    { identity: [allow], resource: resource({ AWS: `arn:aws:iam::${account}:user/bo` }, { Effect: 'Deny' }) },
    'allowed',
  ],
  ['the resource denies everyone', { identity: [allow], resource: resource('*', { Effect: 'Deny' }) }, 'explicitDeny'],
  [
    'the resource denies the account',
    { identity: [allow], resource: resource(accountArn, { Effect: 'Deny' }) },
    'explicitDeny',
  ],
  [
    'the identity policy denies, the resource allows',
    { identity: [deny], resource: resource(userArn) },
    'explicitDeny',
  ],
  [
    'the boundary denies, the resource allows',
    { boundary: boundary('Deny'), resource: resource(userArn) },
    'explicitDeny',
  ],
  [
    'the session denies, the resource allows',
    { session: [sessionPolicy('Deny')], resource: resource(userArn) },
    'explicitDeny',
  ],
  ['everyone includes the user', { resource: resource('*') }, 'allowed'],
  ['everyone, written as an object', { resource: resource({ AWS: '*' }) }, 'allowed'],
  ['the account: an identity policy must allow as well', { resource: resource(accountArn) }, 'identity'],
  ['the account by its number: the same', { resource: resource(accountId) }, 'identity'],
  ['the account, and an identity policy', { identity: [allow], resource: resource(accountArn) }, 'allowed'],
  ['the user, not held by a boundary', { boundary: boundary('silent'), resource: resource(userArn) }, 'allowed'],
  ['everyone, not held by a boundary', { boundary: boundary('silent'), resource: resource('*') }, 'allowed'],
  [
    'the account: held by a boundary',
    { identity: [allow], boundary: boundary('silent'), resource: resource(accountArn) },
    'boundary',
  ],
  ['the role: no identity policy needed', { principal: session, resource: resource(roleArn) }, 'allowed'],
  [
    'the role: held by its boundary',
    { principal: session, boundary: boundary('silent'), resource: resource(roleArn) },
    'boundary',
  ],
  [
    'the role: within its boundary',
    { principal: session, boundary: boundary('Allow'), resource: resource(roleArn) },
    'allowed',
  ],
  [
    'the role: held by session policies',
    { principal: session, session: [sessionPolicy('silent')], resource: resource(roleArn) },
    'session',
  ],
  [
    'the role: within session policies',
    { principal: session, session: [sessionPolicy('Allow')], resource: resource(roleArn) },
    'allowed',
  ],
  ['the session: no identity policy needed', { principal: session, resource: resource(sessionArn) }, 'allowed'],
  [
    'the session: not held by the boundary',
    { principal: session, boundary: boundary('silent'), resource: resource(sessionArn) },
    'allowed',
  ],
  [
    'the session: not held by session policies',
    { principal: session, session: [sessionPolicy('silent')], resource: resource(sessionArn) },
    'allowed',
  ],
  [
    'the session: still denied by the role',
    { principal: session, identity: [deny], resource: resource(sessionArn) },
    'explicitDeny',
  ],
  [
    'another session of the role',
    { principal: session, resource: resource({ AWS: `arn:aws:sts::${account}:assumed-role/app/i-2` }) },
    'identity',
  ],
  [
    'another role',
    { principal: session, resource: resource({ AWS: `arn:aws:iam::${account}:role/batch` }) },
    'identity',
  ],
  [
    'role and session named: the session counts',
    { principal: session, session: [sessionPolicy('silent')], resource: resource({ AWS: [role, sessionArn.AWS] }) },
    'allowed',
  ],
  [
    'role and account named: the role counts',
    { principal: session, resource: resource({ AWS: [account, role] }) },
    'allowed',
  ],
  [
    'everyone: not held by session policies',
    { principal: session, session: [sessionPolicy('silent')], resource: resource('*') },
    'allowed',
  ],
  [
    'the federated user: not held by session policies',
    { principal: federated, session: [], resource: resource(federatedArn) },
    'allowed',
  ],
  [
    'the user who federated: held by session policies',
    { principal: federated, session: [], resource: resource(userArn) },
    'session',
  ],
  [
    'the user who federated: held by the boundary',
    {
      principal: federated,
      session: [sessionPolicy('Allow')],
      boundary: boundary('silent'),
      resource: resource(userArn),
    },
    'boundary',
  ],
  [
    'the user who federated, within session policies',
    { principal: federated, session: [sessionPolicy('Allow')], resource: resource(userArn) },
    'allowed',
  ],
  [
    'a service that the resource allows',
    { principal: service, resource: resource({ Service: 'ec2.amazonaws.com' }) },
    'allowed',
  ],
  ['a service: only the resource can allow it', { principal: service, resource: resource(userArn) }, 'resource'],
  ['root: the resource need not allow', { principal: root, resource: resource(userArn) }, 'allowed'],
  [
    'root: the resource may deny',
    { principal: root, resource: resource(accountArn, { Effect: 'Deny' }) },
    'explicitDeny',
  ],
  [
    'root is not a user of the account',
    { principal: root, resource: resource(userArn, { Effect: 'Deny' }) },
    'allowed',
  ],
];

/* @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html */
const crossAccount: Cases = [
  ['only the own account allows', { principal: stranger, identity: [allow], resource: resource(userArn) }, 'resource'],
  [
    'only the resource allows',
    { principal: stranger, resource: resource({ AWS: `arn:aws:iam::${other}:user/eve` }) },
    'identity',
  ],
  [
    'both allow: the user',
    { principal: stranger, identity: [allow], resource: resource({ AWS: `arn:aws:iam::${other}:user/eve` }) },
    'allowed',
  ],
  [
    'both allow: the account',
    { principal: stranger, identity: [allow], resource: resource({ AWS: other }) },
    'allowed',
  ],
  ['both allow: everyone', { principal: stranger, identity: [allow], resource: resource('*') }, 'allowed'],
  ['everyone, but the own account does not', { principal: stranger, resource: resource('*') }, 'identity'],
  [
    'the resource names another account',
    { principal: stranger, identity: [allow], resource: resource(accountArn) },
    'resource',
  ],
  [
    'the resource denies',
    { principal: stranger, identity: [allow], resource: resource('*', { Effect: 'Deny' }) },
    'explicitDeny',
  ],
  ['the own account denies', { principal: stranger, identity: [deny], resource: resource('*') }, 'explicitDeny'],
  [
    'the boundary holds, whatever the resource names',
    {
      principal: stranger,
      identity: [allow],
      boundary: boundary('silent'),
      resource: resource({ AWS: `arn:aws:iam::${other}:user/eve` }),
    },
    'boundary',
  ],
  [
    'session policies hold, whatever the resource names',
    {
      principal: strangerInRole,
      identity: [allow],
      session: [sessionPolicy('silent')],
      resource: resource({ AWS: `arn:aws:sts::${other}:assumed-role/app/i-1` }),
    },
    'session',
  ],
  [
    'the role of the other account',
    { principal: strangerInRole, identity: [allow], resource: resource({ AWS: `arn:aws:iam::${other}:role/app` }) },
    'allowed',
  ],
  [
    'a role of the same name here',
    { principal: strangerInRole, identity: [allow], resource: resource(roleArn) },
    'resource',
  ],
  [
    'root of the other account',
    {
      principal: { ...root, account: other, arns: [`arn:aws:iam::${other}:root`] },
      resource: resource({ AWS: other }),
    },
    'allowed',
  ],
  [
    'root of the other account needs the resource',
    { principal: { ...root, account: other, arns: [`arn:aws:iam::${other}:root`] }, resource: resource(userArn) },
    'resource',
  ],
];

/* @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html */
const assuming: Cases = [
  ['the trust policy names the user', { resource: trust(userArn) }, 'allowed'],
  ['the trust policy names another', { resource: trust({ AWS: `arn:aws:iam::${account}:user/bo` }) }, 'resource'],
  [
    'an identity policy is not enough',
    { identity: [allow], resource: trust({ AWS: `arn:aws:iam::${account}:user/bo` }) },
    'resource',
  ],
  ['the trust policy names the account: an identity policy must allow', { resource: trust(accountArn) }, 'identity'],
  [
    'the trust policy names the account, and an identity policy',
    { identity: [allow], resource: trust(accountArn) },
    'allowed',
  ],
  [
    'the trust policy names the account, the boundary does not allow',
    { identity: [allow], boundary: boundary('silent'), resource: trust(accountArn) },
    'boundary',
  ],
  ['the identity policy denies', { identity: [deny], resource: trust(userArn) }, 'explicitDeny'],
  ['the trust policy denies', { identity: [allow], resource: trust(userArn, { Effect: 'Deny' }) }, 'explicitDeny'],
  ['another action', { resource: trust(userArn, { Action: 'sts:TagSession' }) }, 'resource'],
  ['another account, both', { principal: stranger, identity: [allow], resource: trust({ AWS: other }) }, 'allowed'],
  ['another account, only the trust policy', { principal: stranger, resource: trust({ AWS: other }) }, 'identity'],
  ['another account, not trusted', { principal: stranger, identity: [allow], resource: trust(accountArn) }, 'resource'],
  ['a role by its session: the role is trusted', { principal: session, resource: trust(roleArn) }, 'allowed'],
  [
    'a role by its session: session policies hold',
    { principal: session, session: [sessionPolicy('silent')], resource: trust(roleArn) },
    'session',
  ],
  ['a service', { principal: service, resource: trust({ Service: 'ec2.amazonaws.com' }) }, 'allowed'],
  ['a service, in capitals', { principal: service, resource: trust({ Service: 'EC2.amazonaws.com' }) }, 'allowed'],
  ['another service', { principal: service, resource: trust({ Service: 'lambda.amazonaws.com' }) }, 'resource'],
  [
    'one of several services',
    { principal: service, resource: trust({ Service: ['lambda.amazonaws.com', 'ec2.amazonaws.com'] }) },
    'allowed',
  ],
  ['the service may not do what others may', { principal: service, resource: trust(userArn) }, 'resource'],
];

describe.each([
  ['identity policies, boundaries and session policies', own, 'ec2:StopInstances'],
  ["a resource's policy in the same account", sameAccount, 'ec2:StopInstances'],
  ["a resource's policy in another account", crossAccount, 'ec2:StopInstances'],
  ['trust policies of roles', assuming, 'sts:AssumeRole'],
])('%s', (_theme, cases, action) => {
  it.each(cases)('%s', (_words, set, expected) => {
    expect(outcome(set, action)).toBe(expected);
  });
});

describe('what a decision says', () => {
  const keys: Keys = { 'aws:username': 'ana' };

  it('names only the statements that deny', () => {
    const decision = ask({
      identity: [
        policy([{ Sid: 'Yes' }, { Sid: 'No', Effect: 'Deny' }, { Effect: 'Deny', Action: 'ec2:Stop*' }], { id: 'P' }),
      ],
    });
    expect(decision.matched).toEqual([
      { sourceId: 'P', sourceType: 'user-managed', statementIndex: 1, sid: 'No', effect: 'Deny', gate: 'identity' },
      { sourceId: 'P', sourceType: 'user-managed', statementIndex: 2, effect: 'Deny', gate: 'identity' },
    ]);
  });

  it('names all the statements that allow, of every gate', () => {
    const decision = ask({
      identity: [
        policy([{ Sid: 'A' }, { Sid: 'B', Action: 's3:*' }], { id: 'P', type: 'group' }),
        policy({}, { id: 'Q', type: 'user' }),
      ],
      boundary: boundary('Allow'),
      session: [sessionPolicy('Allow')],
      resource: resource(userArn),
    });
    expect(decision.effect).toBe('allowed');
    expect(decision.matched.map(each => [each.sourceId, each.sourceType, each.gate])).toEqual([
      ['P', 'group', 'identity'],
      ['Q', 'user', 'identity'],
      ['boundary', 'boundary', 'boundary'],
      ['session', 'session', 'session'],
      ['resource', 'resource', 'resource'],
    ]);
  });

  it('names what allowed though it was not enough', () => {
    const decision = ask({ identity: [allow], boundary: boundary('silent') });
    expect(decision.matched.map(each => each.gate)).toEqual(['identity']);
  });

  it('lists the keys that statements about the action and resource ask for and the request lacks', () => {
    const identity = [
      policy([
        { Condition: { StringEquals: { 'aws:RequestTag/Team': 'a', 'aws:username': 'ana' } } },
        { Condition: { Null: { 'ec2:Region': 'true' } } },
        { Action: 's3:*', Condition: { StringEquals: { 's3:prefix': 'a' } } },
        { Resource: 'arn:aws:s3:::x', Condition: { StringEquals: { 's3:delimiter': 'a' } } },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy
        { Condition: { StringEquals: { 'aws:username': '${aws:userid}' } } },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy
        { Resource: 'arn:aws:s3:::${aws:PrincipalTag/x}' },
      ]),
    ];
    expect(ask({ identity }, { keys }).missingContextKeys).toEqual([
      'aws:principaltag/x',
      'aws:requesttag/team',
      'aws:userid',
      'ec2:region',
    ]);
    expect(ask({ identity: [allow] }, { keys }).missingContextKeys).toEqual([]);
  });
});

it('the same user is named by his unique id', () => {
  const principal = { ...ana, arns: [...ana.arns, 'AIDACKCEVSQ6C2EXAMPLE'] };
  expect(outcome({ principal, resource: resource({ AWS: 'AIDACKCEVSQ6C2EXAMPLE' }) })).toBe('allowed');
  expect(outcome({ principal, resource: resource({ AWS: 'AIDACKCEVSQ6C2OTHERS0' }) })).toBe('identity');
});

it('the role of a session is named by its unique id', () => {
  const principal = { ...session, arns: [...session.arns, 'AROACKCEVSQ6C2EXAMPLE'] };
  const named = resource({ AWS: 'AROACKCEVSQ6C2EXAMPLE' });
  expect(outcome({ principal, resource: named })).toBe('allowed');
  expect(outcome({ principal, resource: named, session: [] })).toBe('session');
});
