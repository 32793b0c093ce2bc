import type { CreateRoleResponse, CreateUserResponse } from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Principal, PrincipalSession, RolePrincipal, UserPrincipal } from '../api/call.ts';
import { decide } from './policy/decide.ts';
import { policySetOf, principalKeys } from './principals.ts';
import { createTestIam, policy, type TestIam, testAccount, trust } from './testing.ts';

let api: TestIam;
let bob: UserPrincipal;
let app: RolePrincipal;
beforeEach(async () => {
  api = createTestIam();
  const { User } = await api.iam<CreateUserResponse>('CreateUser', {
    UserName: 'bob',
    Tags: [{ Key: 'Team', Value: 'blue' }],
  });
  bob = {
    type: 'user',
    account: testAccount,
    arn: User?.Arn ?? '',
    userId: User?.UserId ?? '',
    userName: 'bob',
    accessKeyId: 'AKIA',
  };
  const { Role } = await api.iam<CreateRoleResponse>('CreateRole', {
    RoleName: 'app',
    AssumeRolePolicyDocument: trust(),
    Tags: [
      { Key: 'team', Value: 'red' },
      { Key: 'stage', Value: 'test' },
    ],
  });
  app = {
    type: 'assumed-role',
    account: testAccount,
    arn: 'arn:aws:sts::000000000000:assumed-role/app/s',
    userId: `${Role?.RoleId}:s`,
    roleName: 'app',
    roleId: Role?.RoleId ?? '',
    roleArn: Role?.Arn ?? '',
    sessionName: 's',
    accessKeyId: 'ASIA',
    session: session(),
  };
});

function session(more: Partial<PrincipalSession> = {}): PrincipalSession {
  return {
    issuedAt: api.clock.now(),
    mfa: false,
    policies: [],
    policyArns: [],
    tags: {},
    transitiveTagKeys: [],
    chained: false,
    ...more,
  };
}

const may = (principal: Principal, action: string): string =>
  decide(policySetOf(api.state, principal), { action, resource: '*', keys: new Map() }).effect;

const put = (PolicyName: string, PolicyDocument: string) =>
  api.iam('PutUserPolicy', { UserName: 'bob', PolicyName, PolicyDocument });

describe('a user', () => {
  test('is allowed nothing at first, root everything', () => {
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
    const root: Principal = { type: 'root', account: testAccount, arn: '', userId: testAccount, accessKeyId: 'AKIA' };
    expect(may(root, 'ec2:RunInstances')).toBe('allowed');
  });

  test('is allowed what his inline policies say, as they are now', async () => {
    await put('p', policy('ec2:Run*'));
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
    await put('p', policy('ec2:Stop*'));
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
    expect(may(bob, 'ec2:StopInstances')).toBe('allowed');
    await api.iam('DeleteUserPolicy', { UserName: 'bob', PolicyName: 'p' });
    expect(may(bob, 'ec2:StopInstances')).toBe('implicitDeny');
  });

  test('is allowed what the default versions of his managed policies say', async () => {
    const PolicyArn = 'arn:aws:iam::000000000000:policy/p';
    await api.iam('CreatePolicy', { PolicyName: 'p', PolicyDocument: policy('ec2:Run*') });
    await api.iam('AttachUserPolicy', { UserName: 'bob', PolicyArn });
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
    await api.iam('CreatePolicyVersion', { PolicyArn, PolicyDocument: policy('ec2:Stop*') });
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
    await api.iam('SetDefaultPolicyVersion', { PolicyArn, VersionId: 'v2' });
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
    expect(may(bob, 'ec2:StopInstances')).toBe('allowed');
    await api.iam('DetachUserPolicy', { UserName: 'bob', PolicyArn });
    expect(may(bob, 'ec2:StopInstances')).toBe('implicitDeny');
  });

  test('is allowed what his groups are, while he is in them', async () => {
    await api.iam('CreateGroup', { GroupName: 'g' });
    await api.iam('AttachGroupPolicy', { GroupName: 'g', PolicyArn: 'arn:aws:iam::aws:policy/AmazonEC2FullAccess' });
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
    await api.iam('AddUserToGroup', { GroupName: 'g', UserName: 'bob' });
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
    const deny = policy('ec2:*', '*', { Effect: 'Deny' });
    await api.iam('PutGroupPolicy', { GroupName: 'g', PolicyName: 'd', PolicyDocument: deny });
    expect(may(bob, 'ec2:RunInstances')).toBe('explicitDeny');
    await api.iam('DeleteGroupPolicy', { GroupName: 'g', PolicyName: 'd' });
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
    await api.iam('RemoveUserFromGroup', { GroupName: 'g', UserName: 'bob' });
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
  });

  test('is bounded', async () => {
    await put('p', policy('*'));
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess';
    await api.iam('PutUserPermissionsBoundary', { UserName: 'bob', PermissionsBoundary });
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
    expect(may(bob, 'ec2:DescribeInstances')).toBe('allowed');
    await api.iam('DeleteUserPermissionsBoundary', { UserName: 'bob' });
    expect(may(bob, 'ec2:RunInstances')).toBe('allowed');
  });

  test('who is gone is allowed nothing, nor who has his name later', async () => {
    await put('p', policy('*'));
    await api.iam('DeleteUserPolicy', { UserName: 'bob', PolicyName: 'p' });
    await api.iam('DeleteUser', { UserName: 'bob' });
    await api.iam('CreateUser', { UserName: 'bob' });
    await put('p', policy('*'));
    expect(may(bob, 'ec2:RunInstances')).toBe('implicitDeny');
  });

  test('is known by policy and statement that allow him', async () => {
    await put('mine', policy('ec2:*', '*', { Sid: 'All' }));
    const decision = decide(policySetOf(api.state, bob), { action: 'ec2:X', resource: '*', keys: new Map() });
    expect(decision.matched).toMatchObject([{ sourceId: 'user_bob_mine', sourceType: 'user', sid: 'All' }]);
    await api.iam('UpdateUser', { UserName: 'bob', NewUserName: 'rob' });
    const after = decide(policySetOf(api.state, bob), { action: 'ec2:X', resource: '*', keys: new Map() });
    expect(after.matched).toMatchObject([{ sourceId: 'user_rob_mine' }]);
  });
});

describe('a session', () => {
  const allow = async () =>
    api.iam('PutRolePolicy', { RoleName: 'app', PolicyName: 'p', PolicyDocument: policy('ec2:*') });

  test('of a role is allowed what the role is', async () => {
    expect(may(app, 'ec2:RunInstances')).toBe('implicitDeny');
    await allow();
    expect(may(app, 'ec2:RunInstances')).toBe('allowed');
  });

  test('is bounded by the policies that it was given', async () => {
    await allow();
    const inline = { ...app, session: session({ policies: [policy('ec2:Describe*'), policy('iam:*')] }) };
    expect(may(inline, 'ec2:DescribeInstances')).toBe('allowed');
    expect(may(inline, 'ec2:RunInstances')).toBe('implicitDeny');
    expect(may(inline, 'iam:GetUser')).toBe('implicitDeny');
    const policyArns = ['arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess'];
    const managed = { ...app, session: session({ policyArns }) };
    expect(may(managed, 'ec2:DescribeInstances')).toBe('allowed');
    expect(may(managed, 'ec2:RunInstances')).toBe('implicitDeny');
    const gone = { ...app, session: session({ policyArns: ['arn:aws:iam::000000000000:policy/gone'] }) };
    expect(may(gone, 'ec2:DescribeInstances')).toBe('implicitDeny');
  });

  test("of a federated user is allowed what both his issuer's and his own policies allow", async () => {
    await put('p', policy('ec2:*'));
    const federated: Principal = {
      type: 'federated-user',
      account: testAccount,
      arn: 'arn:aws:sts::000000000000:federated-user/f',
      userId: '000000000000:f',
      accessKeyId: 'ASIA',
      issuer: { arn: bob.arn, userName: 'bob' },
      session: session(),
    };
    expect(may(federated, 'ec2:RunInstances')).toBe('implicitDeny');
    const given = { ...federated, session: session({ policies: [policy(['ec2:*', 'iam:*'])] }) };
    expect(may(given, 'ec2:RunInstances')).toBe('allowed');
    expect(may(given, 'iam:GetUser')).toBe('implicitDeny');
    expect(may({ ...given, issuer: { arn: 'arn:aws:iam::000000000000:root' } }, 'iam:GetUser')).toBe('allowed');
  });
});

describe('condition keys', () => {
  test('of a user', () => {
    expect(Object.fromEntries(principalKeys(api.state, bob, api.clock.now()))).toEqual({
      'aws:principalarn': [bob.arn],
      'aws:principalaccount': [testAccount],
      'aws:principaltype': ['User'],
      'aws:principalisawsservice': ['false'],
      'aws:principaltag/team': ['blue'],
      'aws:userid': [bob.userId],
      'aws:username': ['bob'],
    });
  });

  test("of a role's session", () => {
    const principal = {
      ...app,
      session: session({ mfa: true, tags: { Team: 'green', job: 'x' }, sourceIdentity: 'bob' }),
    };
    api.clock.advance(5_500);
    expect(Object.fromEntries(principalKeys(api.state, principal, api.clock.now()))).toEqual({
      'aws:principalarn': [app.roleArn],
      'aws:principalaccount': [testAccount],
      'aws:principaltype': ['AssumedRole'],
      'aws:principalisawsservice': ['false'],
      'aws:principaltag/team': ['green'],
      'aws:principaltag/stage': ['test'],
      'aws:principaltag/job': ['x'],
      'aws:userid': [app.userId],
      'aws:tokenissuetime': ['2026-01-31T10:00:00.000Z'],
      'aws:multifactorauthpresent': ['true'],
      'aws:multifactorauthage': ['5'],
      'aws:sourceidentity': ['bob'],
    });
  });
});
