import type { AttachedPolicy } from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, policyOfSize, type TestIam, trust } from '../testing.ts';

/** What users, groups and roles have alike. */
const kinds = [
  {
    title: 'User',
    size: 2048,
    put: 'PutUserPolicy',
    get: 'GetUserPolicy',
    remove: 'DeleteUserPolicy',
    list: 'ListUserPolicies',
    attach: 'AttachUserPolicy',
    detach: 'DetachUserPolicy',
    attached: 'ListAttachedUserPolicies',
  },
  {
    title: 'Group',
    size: 5120,
    put: 'PutGroupPolicy',
    get: 'GetGroupPolicy',
    remove: 'DeleteGroupPolicy',
    list: 'ListGroupPolicies',
    attach: 'AttachGroupPolicy',
    detach: 'DetachGroupPolicy',
    attached: 'ListAttachedGroupPolicies',
  },
  {
    title: 'Role',
    size: 10240,
    put: 'PutRolePolicy',
    get: 'GetRolePolicy',
    remove: 'DeleteRolePolicy',
    list: 'ListRolePolicies',
    attach: 'AttachRolePolicy',
    detach: 'DetachRolePolicy',
    attached: 'ListAttachedRolePolicies',
  },
] as const;

interface Page {
  readonly PolicyNames?: string[];
  readonly AttachedPolicies?: AttachedPolicy[];
  readonly IsTruncated: boolean;
  readonly Marker?: string;
}

let api: TestIam;
beforeEach(async () => {
  api = createTestIam();
  await api.iam('CreateUser', { UserName: 'x' });
  await api.iam('CreateGroup', { GroupName: 'x' });
  await api.iam('CreateRole', { RoleName: 'x', AssumeRolePolicyDocument: trust() });
});

describe.each(kinds)('$title', kind => {
  const named = { [`${kind.title}Name`]: 'x' };
  const nobody = { [`${kind.title}Name`]: 'nobody' };
  const put = (PolicyName: string, PolicyDocument: string) =>
    api.iam(kind.put, { ...named, PolicyName, PolicyDocument });

  test('inline policies are put, replaced, read percent-encoded, listed and deleted', async () => {
    await put('b', policy('ec2:*'));
    await put('a', policy('sts:*'));
    const document = `${policy('ec2:Describe*', "arn:aws:ec2:*:*:instance/(it's) 100%!")}\n`;
    await put('b', document);
    const read = await api.iam<{ PolicyDocument: string }>(kind.get, { ...named, PolicyName: 'b' });
    expect(read).toEqual({ ...named, PolicyName: 'b', PolicyDocument: expect.stringMatching(/^[\w%.~-]+$/) });
    expect(decodeURIComponent(read.PolicyDocument)).toBe(document);
    expect(await api.iam<Page>(kind.list, named)).toEqual({ PolicyNames: ['a', 'b'], IsTruncated: false });
    const page = await api.iam<Page>(kind.list, { ...named, MaxItems: 1 });
    expect(page).toMatchObject({ PolicyNames: ['a'], IsTruncated: true });
    await api.iam(kind.remove, { ...named, PolicyName: 'a' });
    expect(await api.iam<Page>(kind.list, named)).toEqual({ PolicyNames: ['b'], IsTruncated: false });
    for (const operation of [kind.get, kind.remove]) {
      expect(await api.code(operation, { ...named, PolicyName: 'a' })).toBe('NoSuchEntity');
      expect(await api.code(operation, { ...nobody, PolicyName: 'b' })).toBe('NoSuchEntity');
    }
  });

  test('inline policies are checked', async () => {
    const bad = (PolicyDocument: string, PolicyName = 'p') =>
      api.code(kind.put, { ...named, PolicyName, PolicyDocument });
    expect(await bad('{')).toBe('MalformedPolicyDocument');
    expect(await bad(trust())).toBe('MalformedPolicyDocument');
    expect(await bad(policy('ec2'))).toBe('MalformedPolicyDocument');
    expect(await bad(policy('ec2:*'), 'a/b')).toBe('ValidationError');
    expect(await api.iam<Page>(kind.list, named)).toMatchObject({ PolicyNames: [] });
  });

  test(`inline policies have ${kind.size} characters together, white space not counted`, async () => {
    await put('one', policyOfSize(1000));
    await put('two', `${policyOfSize(kind.size - 1000)}${' \n'.repeat(1000)}`);
    const more = { ...named, PolicyName: 'three', PolicyDocument: policyOfSize(100) };
    expect(await api.code(kind.put, more)).toBe('LimitExceeded');
    const larger = { ...named, PolicyName: 'one', PolicyDocument: policyOfSize(1001) };
    expect(await api.code(kind.put, larger)).toBe('LimitExceeded');
    await put('one', policyOfSize(900));
    await api.iam(kind.put, more);
  });

  test('managed policies are attached once, listed by path, and detached', async () => {
    const { Policy } = await api.iam<{ Policy: { Arn: string } }>('CreatePolicy', {
      PolicyName: 'mine',
      Path: '/team/',
      PolicyDocument: policy('ec2:*'),
    });
    const aws = 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess';
    for (const PolicyArn of [Policy.Arn, aws, aws]) await api.iam(kind.attach, { ...named, PolicyArn });
    expect(await api.iam<Page>(kind.attached, named)).toEqual({
      AttachedPolicies: [
        { PolicyName: 'mine', PolicyArn: 'arn:aws:iam::000000000000:policy/team/mine' },
        { PolicyName: 'AmazonEC2ReadOnlyAccess', PolicyArn: aws },
      ],
      IsTruncated: false,
    });
    expect((await api.iam<Page>(kind.attached, { ...named, PathPrefix: '/team/' })).AttachedPolicies).toHaveLength(1);
    const page = await api.iam<Page>(kind.attached, { ...named, MaxItems: 1 });
    expect(page).toMatchObject({ IsTruncated: true });
    expect(await api.iam<Page>(kind.attached, { ...named, Marker: page.Marker })).toMatchObject({
      AttachedPolicies: [{ PolicyArn: aws }],
    });
    await api.iam(kind.detach, { ...named, PolicyArn: aws });
    expect(await api.code(kind.detach, { ...named, PolicyArn: aws })).toBe('NoSuchEntity');
    expect((await api.iam<Page>(kind.attached, named)).AttachedPolicies).toHaveLength(1);
  });

  test.each([
    ['does not exist', 'arn:aws:iam::000000000000:policy/none', 'NoSuchEntity'],
    ['AWS does not have', 'arn:aws:iam::aws:policy/Nonesuch', 'NoSuchEntity'],
    ["is another account's", 'arn:aws:iam::111122223333:policy/theirs', 'NoSuchEntity'],
    ['is no ARN', 'AmazonEC2ReadOnlyAccess', 'InvalidInput'],
    ['is for services', 'arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy', 'PolicyNotAttachable'],
  ])('a policy that %s is not attached', async (_what, PolicyArn, code) => {
    await api.iam('CreatePolicy', { PolicyName: 'theirs', PolicyDocument: policy('ec2:*') }, '111122223333');
    expect(await api.code(kind.attach, { ...named, PolicyArn })).toBe(code);
    expect(await api.code(kind.attach, { ...nobody, PolicyArn })).toBe('NoSuchEntity');
    expect(await api.iam<Page>(kind.attached, named)).toMatchObject({ AttachedPolicies: [] });
  });

  test('ten managed policies are attached at most', async () => {
    for (let at = 0; at <= 10; at++) {
      await api.iam('CreatePolicy', { PolicyName: `p${at}`, PolicyDocument: policy('ec2:*') });
      const PolicyArn = `arn:aws:iam::000000000000:policy/p${at}`;
      if (at < 10) await api.iam(kind.attach, { ...named, PolicyArn });
      else expect(await api.code(kind.attach, { ...named, PolicyArn })).toBe('LimitExceeded');
    }
  });
});

describe.each([
  ['User', 'PutUserPermissionsBoundary', 'DeleteUserPermissionsBoundary', 'GetUser'],
  ['Role', 'PutRolePermissionsBoundary', 'DeleteRolePermissionsBoundary', 'GetRole'],
])('%s', (title, put, remove, get) => {
  const named = { [`${title}Name`]: 'x' };
  const boundary = async () => {
    const answer = await api.iam<Record<string, { PermissionsBoundary?: { PermissionsBoundaryArn: string } }>>(
      get,
      named,
    );
    return answer[title]?.PermissionsBoundary?.PermissionsBoundaryArn;
  };

  test('a permissions boundary is put, replaced, and taken away', async () => {
    for (const PermissionsBoundary of ['PowerUserAccess', 'ReadOnlyAccess'].map(
      name => `arn:aws:iam::aws:policy/${name}`,
    )) {
      await api.iam(put, { ...named, PermissionsBoundary });
      expect(await boundary()).toBe(PermissionsBoundary);
    }
    const missing = { ...named, PermissionsBoundary: 'arn:aws:iam::000000000000:policy/none' };
    expect(await api.code(put, missing)).toBe('NoSuchEntity');
    await api.iam(remove, named);
    expect(await boundary()).toBeUndefined();
    expect(await api.code(remove, named)).toBe('NoSuchEntity');
  });
});
