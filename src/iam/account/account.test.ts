import type {
  GetAccountAuthorizationDetailsResponse,
  GetAccountPasswordPolicyResponse,
  GetAccountSummaryResponse,
  GetCredentialReportResponse,
  ListAccountAliasesResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, type TestIam, testAccount, trust } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

describe('an account alias', () => {
  const list = async () => (await api.iam<ListAccountAliasesResponse>('ListAccountAliases')).AccountAliases;

  test("is the account's only one, and no other's", async () => {
    for (const AccountAlias of ['first', 'my-team']) await api.iam('CreateAccountAlias', { AccountAlias });
    expect(await list()).toEqual(['my-team']);
    const taken = { AccountAlias: 'my-team' };
    expect(await api.code('CreateAccountAlias', taken, '111122223333')).toBe('EntityAlreadyExists');
    await api.iam('CreateAccountAlias', { AccountAlias: 'first' }, '111122223333');
    expect(await api.code('DeleteAccountAlias', { AccountAlias: 'first' })).toBe('NoSuchEntity');
    await api.iam('DeleteAccountAlias', taken);
    expect(await list()).toEqual([]);
  });

  test.each(['ab', 'Team', 'a--b', '-ab', 'ab-', '123456789012', 'x'.repeat(64)])('is not %s', async AccountAlias => {
    expect(await api.code('CreateAccountAlias', { AccountAlias })).toBe('ValidationError');
  });
});

test('GetAccountSummary counts what there is', async () => {
  await api.iam('CreateUser', { UserName: 'u' });
  await api.iam('CreateGroup', { GroupName: 'g' });
  await api.iam('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust() });
  await api.iam('CreatePolicy', { PolicyName: 'p', PolicyDocument: policy('ec2:*') });
  const PolicyArn = 'arn:aws:iam::000000000000:policy/p';
  await api.iam('CreatePolicyVersion', { PolicyArn, PolicyDocument: policy('ec2:*') });
  await api.iam('CreateInstanceProfile', { InstanceProfileName: 'i' });
  await api.iam('CreateAccessKey');
  await api.iam('CreateOpenIDConnectProvider', { Url: 'https://idp.example.com' });
  await api.iam('CreateVirtualMFADevice', { VirtualMFADeviceName: 'm' });
  await api.iam('CreateUser', { UserName: 'theirs' }, '111122223333');
  const { SummaryMap } = await api.iam<GetAccountSummaryResponse>('GetAccountSummary');
  expect(SummaryMap).toMatchObject({
    Users: 1,
    Groups: 1,
    Roles: 1,
    Policies: 1,
    PolicyVersionsInUse: 2,
    InstanceProfiles: 1,
    Providers: 1,
    MFADevices: 1,
    MFADevicesInUse: 0,
    AccountAccessKeysPresent: 1,
    UsersQuota: 5000,
    AccessKeysPerUserQuota: 2,
  });
});

describe('the password policy', () => {
  const get = async () => (await api.iam<GetAccountPasswordPolicyResponse>('GetAccountPasswordPolicy')).PasswordPolicy;

  test('is put, read and deleted', async () => {
    expect(await api.code('GetAccountPasswordPolicy')).toBe('NoSuchEntity');
    await api.iam('UpdateAccountPasswordPolicy', {
      MinimumPasswordLength: 12,
      RequireSymbols: true,
      MaxPasswordAge: 90,
      PasswordReusePrevention: 3,
      AllowUsersToChangePassword: true,
    });
    expect(await get()).toEqual({
      MinimumPasswordLength: 12,
      RequireSymbols: true,
      RequireNumbers: false,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: true,
      ExpirePasswords: true,
      MaxPasswordAge: 90,
      PasswordReusePrevention: 3,
      HardExpiry: false,
    });
    // What is not given goes back to its default.
    await api.iam('UpdateAccountPasswordPolicy');
    expect(await get()).toMatchObject({ MinimumPasswordLength: 6, RequireSymbols: false, ExpirePasswords: false });
    await api.iam('DeleteAccountPasswordPolicy');
    expect(await api.code('DeleteAccountPasswordPolicy')).toBe('NoSuchEntity');
  });

  test.each([
    { MinimumPasswordLength: 5 },
    { MinimumPasswordLength: 129 },
    { MaxPasswordAge: 1096 },
    { PasswordReusePrevention: 25 },
  ])('is not %j', async input => {
    expect(await api.code('UpdateAccountPasswordPolicy', input)).toBe('ValidationError');
  });
});

describe('GetAccountAuthorizationDetails', () => {
  const details = (input: object = {}) =>
    api.iam<GetAccountAuthorizationDetailsResponse>('GetAccountAuthorizationDetails', input);
  const aws = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

  beforeEach(async () => {
    await api.iam('CreateUser', { UserName: 'u', Tags: [{ Key: 'k', Value: 'v' }], PermissionsBoundary: aws });
    await api.iam('CreateGroup', { GroupName: 'g' });
    await api.iam('AddUserToGroup', { GroupName: 'g', UserName: 'u' });
    await api.iam('PutUserPolicy', { UserName: 'u', PolicyName: 'in', PolicyDocument: policy('ec2:*') });
    await api.iam('CreatePolicy', { PolicyName: 'p', PolicyDocument: policy('ec2:*'), Description: 'd' });
    await api.iam('AttachGroupPolicy', { GroupName: 'g', PolicyArn: 'arn:aws:iam::000000000000:policy/p' });
    await api.iam('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust() });
    await api.iam('CreateInstanceProfile', { InstanceProfileName: 'i' });
    await api.iam('AddRoleToInstanceProfile', { InstanceProfileName: 'i', RoleName: 'r' });
  });

  test('tells everything about everybody', async () => {
    const all = await details();
    const document = encodeURIComponent(policy('ec2:*')).replaceAll('*', '%2A');
    expect(all).toMatchObject({
      IsTruncated: false,
      UserDetailList: [
        {
          UserName: 'u',
          GroupList: ['g'],
          UserPolicyList: [{ PolicyName: 'in', PolicyDocument: document }],
          AttachedManagedPolicies: [],
          PermissionsBoundary: { PermissionsBoundaryArn: aws },
          Tags: [{ Key: 'k', Value: 'v' }],
        },
      ],
      GroupDetailList: [{ GroupName: 'g', GroupPolicyList: [], AttachedManagedPolicies: [{ PolicyName: 'p' }] }],
      RoleDetailList: [
        {
          RoleName: 'r',
          AssumeRolePolicyDocument: encodeURIComponent(trust()),
          InstanceProfileList: [{ InstanceProfileName: 'i', Roles: [{ RoleName: 'r' }] }],
          RolePolicyList: [],
          RoleLastUsed: {},
        },
      ],
      Policies: [
        {
          PolicyName: 'p',
          Description: 'd',
          AttachmentCount: 1,
          PolicyVersionList: [{ VersionId: 'v1', Document: document }],
        },
        { Arn: aws, PermissionsBoundaryUsageCount: 1 },
      ],
    });
  });

  test.each([
    ['User', [1, 0, 0, 0]],
    ['Group', [0, 1, 0, 0]],
    ['Role', [0, 0, 1, 0]],
    ['LocalManagedPolicy', [0, 0, 0, 1]],
    ['AWSManagedPolicy', [0, 0, 0, 1]],
  ])('of %s alone', async (filter, counts) => {
    const { UserDetailList, GroupDetailList, RoleDetailList, Policies } = await details({ Filter: [filter] });
    expect([UserDetailList, GroupDetailList, RoleDetailList, Policies].map(list => list?.length)).toEqual(counts);
  });

  test('in pages', async () => {
    const first = await details({ MaxItems: 3 });
    expect(first).toMatchObject({ IsTruncated: true, UserDetailList: [{}], RoleDetailList: [{}], Policies: [] });
    const second = await details({ MaxItems: 3, Marker: first.Marker });
    expect(second).toMatchObject({ IsTruncated: false, UserDetailList: [], Policies: [{}, {}] });
    expect(await api.code('GetAccountAuthorizationDetails', { Filter: ['X'] })).toBe('ValidationError');
  });
});

describe('the credential report', () => {
  const read = async () => {
    const { Content } = await api.iam<GetCredentialReportResponse>('GetCredentialReport');
    const [head = '', ...lines] = Buffer.from(Content ?? [])
      .toString()
      .trim()
      .split('\n');
    return lines.map(line => Object.fromEntries(head.split(',').map((name, at) => [name, line.split(',')[at]])));
  };

  test('has a line for root and for every user', async () => {
    await api.iam('CreateUser', { UserName: 'bob' });
    const { AccessKey } = await api.iam<{ AccessKey: { AccessKeyId: string } }>('CreateAccessKey', { UserName: 'bob' });
    await api.iam('UpdateAccessKey', { UserName: 'bob', AccessKeyId: AccessKey.AccessKeyId, Status: 'Inactive' });
    await api.iam('CreateLoginProfile', { UserName: 'bob', Password: 'Passw0rd!' });
    await api.iam('UpdateAccountPasswordPolicy', { MaxPasswordAge: 1 });
    expect(await api.iam('GenerateCredentialReport')).toMatchObject({ State: 'STARTED' });
    const [root, bob] = await read();
    expect(root).toMatchObject({
      user: '<root_account>',
      arn: `arn:aws:iam::${testAccount}:root`,
      mfa_active: 'false',
    });
    expect(bob).toMatchObject({
      user: 'bob',
      user_creation_time: '2026-01-31T10:00:00+00:00',
      password_enabled: 'true',
      password_next_rotation: '2026-02-01T10:00:00+00:00',
      access_key_1_active: 'false',
      access_key_1_last_rotated: '2026-01-31T10:00:00+00:00',
      access_key_1_last_used_date: 'N/A',
      access_key_2_active: 'false',
      access_key_2_last_rotated: 'N/A',
      cert_2_last_rotated: 'N/A',
    });
  });

  test('is the same for four hours', async () => {
    expect(await api.code('GetCredentialReport')).toBe('ReportNotPresent');
    await api.iam('GenerateCredentialReport');
    await api.iam('CreateUser', { UserName: 'later' });
    expect(await api.iam('GenerateCredentialReport')).toEqual({ State: 'COMPLETE' });
    expect(await read()).toHaveLength(1);
    api.clock.advance(4 * 3600 * 1000);
    expect(await api.code('GetCredentialReport')).toBe('ReportExpired');
    await api.iam('GenerateCredentialReport');
    expect(await read()).toHaveLength(2);
  });
});
