import { expect, it } from 'vitest';
import { denialReason, explain } from './explain.ts';
import { account, ask, policy } from './testing.ts';
import type { PolicySet } from './types.ts';

const who = `arn:aws:iam::${account}:user/ana`;
const request = { action: 'ec2:StopInstances', resource: '*', keys: new Map() };
const words = (set: Partial<PolicySet>) => explain(ask(set, { resource: '*' }), request, who);
const reason = (set: Partial<PolicySet>, action = 'ec2:StopInstances') => denialReason(ask(set, { action }), action);

const allow = policy({ Sid: 'Stop' }, { id: 'operators' });
const silent = { Action: 's3:*' };

it('names the statement that allows', () => {
  expect(words({ identity: [allow] })).toEqual([
    `${who} is allowed ec2:StopInstances on all resources.`,
    'Statement "Stop" of the managed policy operators allows it.',
  ]);
});

it('names the statement that denies', () => {
  expect(words({ identity: [allow, policy([{}, { Effect: 'Deny' }], { id: 'limits', type: 'group' })] })).toEqual([
    `${who} is denied ec2:StopInstances on all resources.`,
    "Statement 2 of the group's policy limits denies it, whatever else allows it.",
  ]);
});

it('says what is missing', () => {
  expect(words({})).toEqual([
    `${who} is denied ec2:StopInstances on all resources.`,
    'No identity-based policy of the caller allows it.',
  ]);
  expect(words({ identity: [allow], boundary: policy(silent, { type: 'boundary' }) })).toEqual([
    `${who} is denied ec2:StopInstances on all resources.`,
    'Statement "Stop" of the managed policy operators allows it, but that is not enough.',
    "The caller's permissions boundary does not allow it.",
  ]);
});

it('says which keys the request lacks', () => {
  const asking = policy({ Condition: { StringEquals: { 'aws:ResourceTag/team': 'web' } } });
  expect(words({ identity: [asking] }).at(-1)).toBe(
    'A statement asks for aws:resourcetag/team, for which the request has no value.',
  );
});

it('says that root needs no statement', () => {
  expect(words({ principal: { account, arns: [], isRoot: true } })).toEqual([
    `${who} is allowed ec2:StopInstances on all resources.`,
    'The caller is the root user of the account, and nothing denies it.',
  ]);
});

it("ends error messages as AWS's do", () => {
  const trust = (Effect: string) => ({
    policy: policy(
      { Effect, Principal: { AWS: Effect === 'Deny' ? account : '999988887777' } },
      { type: 'resource', kind: 'trust' },
    ),
    account,
  });
  expect(reason({})).toBe('because no identity-based policy allows the ec2:StopInstances action');
  expect(reason({ identity: [allow], boundary: policy(silent) })).toBe(
    'because no permissions boundary allows the ec2:StopInstances action',
  );
  expect(reason({ identity: [allow], session: [] })).toBe(
    'because no session policy allows the ec2:StopInstances action',
  );
  expect(reason({ identity: [allow], resource: trust('Allow') }, 'sts:AssumeRole')).toBe(
    'because no role trust policy allows the sts:AssumeRole action',
  );
  const denied = policy({ Effect: 'Deny' });
  expect(reason({ identity: [denied] })).toBe('with an explicit deny in an identity-based policy');
  expect(reason({ boundary: denied })).toBe('with an explicit deny in a permissions boundary');
  expect(reason({ session: [denied] })).toBe('with an explicit deny in a session policy');
  expect(reason({ resource: trust('Deny') }, 'sts:AssumeRole')).toBe('with an explicit deny in the role trust policy');
  expect(reason({ identity: [allow] })).toBe('');
});
