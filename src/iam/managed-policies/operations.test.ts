import type {
  CreatePolicyResponse,
  CreatePolicyVersionResponse,
  GetPolicyResponse,
  GetPolicyVersionResponse,
  ListEntitiesForPolicyResponse,
  ListPoliciesResponse,
  ListPolicyTagsResponse,
  ListPolicyVersionsResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, policyOfSize, type TestIam, trust } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const arn = 'arn:aws:iam::000000000000:policy/team/p';
const admin = 'arn:aws:iam::aws:policy/AdministratorAccess';
const create = async (more: object = {}) =>
  (
    await api.iam<CreatePolicyResponse>('CreatePolicy', {
      PolicyName: 'p',
      Path: '/team/',
      PolicyDocument: policy('ec2:*'),
      ...more,
    })
  ).Policy;
const get = async (PolicyArn = arn) => (await api.iam<GetPolicyResponse>('GetPolicy', { PolicyArn })).Policy;
const versions = async () =>
  (await api.iam<ListPolicyVersionsResponse>('ListPolicyVersions', { PolicyArn: arn })).Versions ?? [];
const addVersion = (more: object = {}) =>
  api.iam<CreatePolicyVersionResponse>('CreatePolicyVersion', {
    PolicyArn: arn,
    PolicyDocument: policy('sts:*'),
    ...more,
  });

describe('a policy', () => {
  test('is made, and read again', async () => {
    const made = await create({ Description: 'for p', Tags: [{ Key: 'k', Value: 'v' }] });
    expect(made).toEqual({
      PolicyName: 'p',
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/),
      Arn: arn,
      Path: '/team/',
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      CreateDate: new Date(api.clock.now()),
      UpdateDate: new Date(api.clock.now()),
      Tags: [{ Key: 'k', Value: 'v' }],
    });
    expect(await get()).toEqual({ ...made, Description: 'for p' });
    const { PolicyVersion } = await api.iam<GetPolicyVersionResponse>('GetPolicyVersion', {
      PolicyArn: arn,
      VersionId: 'v1',
    });
    expect(PolicyVersion).toEqual({
      VersionId: 'v1',
      IsDefaultVersion: true,
      CreateDate: new Date(api.clock.now()),
      Document: encodeURIComponent(policy('ec2:*')).replaceAll('*', '%2A'),
    });
  });

  test.each([
    ['a taken name', { PolicyName: 'P', Path: '/' }, 'EntityAlreadyExists'],
    ['a bad name', { PolicyName: 'a/b' }, 'ValidationError'],
    ['a document that is no JSON', { PolicyName: 'q', PolicyDocument: 'x' }, 'MalformedPolicyDocument'],
    ['a principal', { PolicyName: 'q', PolicyDocument: trust() }, 'MalformedPolicyDocument'],
    [
      'an old version',
      { PolicyName: 'q', PolicyDocument: policy('ec2:*').replace('2012-10-17', '2008-10-17') },
      'MalformedPolicyDocument',
    ],
    ['6145 characters', { PolicyName: 'q', PolicyDocument: policyOfSize(6145) }, 'LimitExceeded'],
    ['a bad description', { PolicyName: 'q', Description: 'Ω' }, 'ValidationError'],
  ])('is not made with %s', async (_what, input, code) => {
    await create();
    expect(await api.code('CreatePolicy', { PolicyDocument: policy('ec2:*'), ...input })).toBe(code);
    const { Policies } = await api.iam<ListPoliciesResponse>('ListPolicies', { Scope: 'Local' });
    expect(Policies).toHaveLength(1);
  });

  test('has 6144 characters at most, white space not counted', async () => {
    await create({ PolicyDocument: policyOfSize(6144).replace(':', ': \n') });
    expect(await get()).toMatchObject({ PolicyName: 'p' });
  });

  test("is nobody else's", async () => {
    await create();
    for (const operation of ['GetPolicy', 'DeletePolicy', 'ListPolicyVersions', 'ListPolicyTags']) {
      expect(await api.code(operation, { PolicyArn: arn }, '111122223333')).toBe('NoSuchEntity');
    }
    expect(await api.code('GetPolicy', { PolicyArn: 'x'.repeat(20) })).toBe('InvalidInput');
  });

  test('has tags', async () => {
    await create({ Tags: [{ Key: 'a', Value: '1' }] });
    await api.iam('TagPolicy', { PolicyArn: arn, Tags: [{ Key: 'b', Value: '2' }] });
    await api.iam('UntagPolicy', { PolicyArn: arn, TagKeys: ['a'] });
    const { Tags } = await api.iam<ListPolicyTagsResponse>('ListPolicyTags', { PolicyArn: arn });
    expect(Tags).toEqual([{ Key: 'b', Value: '2' }]);
  });
});

describe('versions', () => {
  test('are five at most, numbered on, newest first, one of them the default', async () => {
    await create();
    api.clock.advance(60_000);
    expect((await addVersion()).PolicyVersion).toEqual({
      VersionId: 'v2',
      IsDefaultVersion: false,
      CreateDate: new Date(api.clock.now()),
    });
    expect((await addVersion({ SetAsDefault: true })).PolicyVersion?.IsDefaultVersion).toBe(true);
    expect(await get()).toMatchObject({ DefaultVersionId: 'v3', UpdateDate: new Date(api.clock.now()) });
    await api.iam('DeletePolicyVersion', { PolicyArn: arn, VersionId: 'v2' });
    for (let at = 0; at < 3; at++) await addVersion();
    expect(await api.code('CreatePolicyVersion', { PolicyArn: arn, PolicyDocument: policy('sts:*') })).toBe(
      'LimitExceeded',
    );
    expect((await versions()).map(version => version.VersionId)).toEqual(['v6', 'v5', 'v4', 'v3', 'v1']);
    const page = await api.iam<ListPolicyVersionsResponse>('ListPolicyVersions', { PolicyArn: arn, MaxItems: 3 });
    expect(page).toMatchObject({ IsTruncated: true, Versions: [{}, {}, { VersionId: 'v4' }] });
    await api.iam('SetDefaultPolicyVersion', { PolicyArn: arn, VersionId: 'v1' });
    expect((await versions()).filter(version => version.IsDefaultVersion)).toMatchObject([{ VersionId: 'v1' }]);
  });

  test.each([
    ['GetPolicyVersion', { VersionId: 'v9' }, 'NoSuchEntity'],
    ['GetPolicyVersion', { VersionId: '1' }, 'ValidationError'],
    ['SetDefaultPolicyVersion', { VersionId: 'v9' }, 'NoSuchEntity'],
    ['DeletePolicyVersion', { VersionId: 'v9' }, 'NoSuchEntity'],
    ['DeletePolicyVersion', { VersionId: 'v1' }, 'DeleteConflict'],
    ['CreatePolicyVersion', { PolicyDocument: '{}' }, 'MalformedPolicyDocument'],
  ])('%s %j is %s', async (operation, input, code) => {
    await create();
    expect(await api.code(operation, { PolicyArn: arn, ...input })).toBe(code);
    expect(await versions()).toHaveLength(1);
  });

  test('all but the default must be deleted before the policy', async () => {
    await create();
    await addVersion();
    expect(await api.code('DeletePolicy', { PolicyArn: arn })).toBe('DeleteConflict');
    await api.iam('DeletePolicyVersion', { PolicyArn: arn, VersionId: 'v2' });
    await api.iam('DeletePolicy', { PolicyArn: arn });
    expect(await api.code('GetPolicy', { PolicyArn: arn })).toBe('NoSuchEntity');
  });
});

describe('use', () => {
  beforeEach(async () => {
    await create();
    await api.iam('CreateUser', { UserName: 'u', Path: '/a/', PermissionsBoundary: arn });
    await api.iam('CreateGroup', { GroupName: 'g' });
    await api.iam('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust() });
  });
  const entities = async (input: object = {}) => {
    const answer = await api.iam<ListEntitiesForPolicyResponse>('ListEntitiesForPolicy', { PolicyArn: arn, ...input });
    return [
      ...(answer.PolicyUsers ?? []).map(user => user.UserName),
      ...(answer.PolicyGroups ?? []).map(group => group.GroupName),
      ...(answer.PolicyRoles ?? []).map(role => role.RoleName),
    ];
  };

  test('is counted and listed, and keeps the policy from being deleted', async () => {
    await api.iam('AttachGroupPolicy', { GroupName: 'g', PolicyArn: arn });
    await api.iam('AttachRolePolicy', { RoleName: 'r', PolicyArn: arn });
    expect(await get()).toMatchObject({ AttachmentCount: 2, PermissionsBoundaryUsageCount: 1 });
    expect(await entities()).toEqual(['u', 'g', 'r']);
    expect(await entities({ EntityFilter: 'Role' })).toEqual(['r']);
    expect(await entities({ PolicyUsageFilter: 'PermissionsBoundary' })).toEqual(['u']);
    expect(await entities({ PolicyUsageFilter: 'PermissionsPolicy' })).toEqual(['g', 'r']);
    expect(await entities({ PathPrefix: '/a/' })).toEqual(['u']);
    expect(await entities({ MaxItems: 2 })).toEqual(['g', 'r']);
    expect(await api.code('ListEntitiesForPolicy', { PolicyArn: arn, EntityFilter: 'X' })).toBe('ValidationError');
    await api.iam('DetachGroupPolicy', { GroupName: 'g', PolicyArn: arn });
    await api.iam('DetachRolePolicy', { RoleName: 'r', PolicyArn: arn });
    expect(await get()).toMatchObject({ AttachmentCount: 0, PermissionsBoundaryUsageCount: 1 });
    expect(await api.code('DeletePolicy', { PolicyArn: arn })).toBe('DeleteConflict');
    await api.iam('DeleteUserPermissionsBoundary', { UserName: 'u' });
    await api.iam('DeletePolicy', { PolicyArn: arn });
  });

  test("of AWS's policies is counted by account", async () => {
    await api.iam('AttachUserPolicy', { UserName: 'u', PolicyArn: admin });
    expect(await get(admin)).toMatchObject({ AttachmentCount: 1 });
    const theirs = await api.iam<GetPolicyResponse>('GetPolicy', { PolicyArn: admin }, '111122223333');
    expect(theirs.Policy).toMatchObject({ AttachmentCount: 0 });
  });

  test('narrows ListPolicies', async () => {
    await api.iam('AttachUserPolicy', { UserName: 'u', PolicyArn: admin });
    const names = async (input: object = {}) =>
      (await api.iam<ListPoliciesResponse>('ListPolicies', { MaxItems: 1000, ...input })).Policies?.map(
        one => one.PolicyName,
      ) ?? [];
    expect(await names({ Scope: 'Local' })).toEqual(['p']);
    expect(await names({ OnlyAttached: true })).toEqual(['AdministratorAccess', 'p']);
    expect(await names({ OnlyAttached: true, Scope: 'AWS' })).toEqual(['AdministratorAccess']);
    expect(await names({ PolicyUsageFilter: 'PermissionsBoundary' })).toEqual(['p']);
    expect(await names({ PolicyUsageFilter: 'PermissionsPolicy' })).toEqual(['AdministratorAccess']);
    expect(await names({ PathPrefix: '/team/' })).toEqual(['p']);
    const all = await names();
    expect(all).toEqual(expect.arrayContaining(['p', 'AmazonSSMManagedInstanceCore', 'ReadOnlyAccess']));
    expect(all).toHaveLength((await names({ Scope: 'AWS' })).length + 1);
    expect(await api.code('ListPolicies', { Scope: 'x' })).toBe('ValidationError');
    expect(await api.code('ListPolicies', { PolicyUsageFilter: 'x' })).toBe('ValidationError');
  });
});

describe("AWS's policies", () => {
  test('are read like others', async () => {
    expect(await get(admin)).toMatchObject({ PolicyName: 'AdministratorAccess', Path: '/', IsAttachable: true });
    const { PolicyVersion } = await api.iam<GetPolicyVersionResponse>('GetPolicyVersion', {
      PolicyArn: admin,
      VersionId: 'v1',
    });
    expect(JSON.parse(decodeURIComponent(PolicyVersion?.Document ?? ''))).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['*'], Resource: '*' }],
    });
  });

  test.each([
    ['DeletePolicy', {}],
    ['CreatePolicyVersion', { PolicyDocument: policy('ec2:*') }],
    ['SetDefaultPolicyVersion', { VersionId: 'v1' }],
    ['DeletePolicyVersion', { VersionId: 'v1' }],
    ['TagPolicy', { Tags: [] }],
    ['UntagPolicy', { TagKeys: [] }],
  ])('%s does not change them', async (operation, input) => {
    expect(await api.code(operation, { PolicyArn: admin, ...input })).toBe('AccessDenied');
  });
});
