import type {
  CreateRoleResponse,
  CreateUserResponse,
  GetRoleResponse,
  ListRolesResponse,
  ListRoleTagsResponse,
  UpdateRoleDescriptionResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, policyOfSize, type TestIam, trust } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const create = async (RoleName: string, more: object = {}) =>
  (await api.iam<CreateRoleResponse>('CreateRole', { RoleName, AssumeRolePolicyDocument: trust(), ...more })).Role;
const get = async (RoleName: string) => (await api.iam<GetRoleResponse>('GetRole', { RoleName })).Role;
const trusted = async (RoleName: string) => {
  const document = decodeURIComponent((await get(RoleName))?.AssumeRolePolicyDocument ?? '');
  return JSON.parse(document).Statement[0].Principal;
};

describe('a role', () => {
  test('is made with everything, and read again', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/PowerUserAccess';
    const Tags = [{ Key: 'team', Value: 'blue' }];
    const more = { Path: '/app/', Description: 'für Ämter', MaxSessionDuration: 43200, PermissionsBoundary, Tags };
    const made = await create('App', more);
    expect(made).toEqual({
      Path: '/app/',
      RoleName: 'App',
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
      Arn: 'arn:aws:iam::000000000000:role/app/App',
      CreateDate: new Date(api.clock.now()),
      AssumeRolePolicyDocument: encodeURIComponent(trust()),
      Description: 'für Ämter',
      MaxSessionDuration: 43200,
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: PermissionsBoundary },
      Tags,
    });
    expect(await get('app')).toEqual({ ...made, RoleLastUsed: {} });
    const { Roles } = await api.iam<ListRolesResponse>('ListRoles', { PathPrefix: '/app/' });
    const { PermissionsBoundary: _boundary, Tags: _tags, ...listed } = made ?? {};
    expect(Roles).toEqual([listed]);
    expect((await api.iam<ListRolesResponse>('ListRoles', { PathPrefix: '/other/' })).Roles).toEqual([]);
  });

  test('has sessions of an hour unless it says otherwise', async () => {
    expect(await create('r')).toMatchObject({ Path: '/', MaxSessionDuration: 3600 });
  });

  test.each([
    ['a taken name', { RoleName: 'TAKEN' }, 'EntityAlreadyExists'],
    ['a long name', { RoleName: 'x'.repeat(65) }, 'ValidationError'],
    ['short sessions', { MaxSessionDuration: 3599 }, 'ValidationError'],
    ['long sessions', { MaxSessionDuration: 43201 }, 'ValidationError'],
    ['a long description', { Description: 'x'.repeat(1001) }, 'ValidationError'],
    ["a service-linked role's path", { Path: '/aws-service-role/x.amazonaws.com/' }, 'ValidationError'],
    [
      'a trust policy without principal',
      { AssumeRolePolicyDocument: policy('sts:AssumeRole') },
      'MalformedPolicyDocument',
    ],
    ['a trust policy that is no JSON', { AssumeRolePolicyDocument: 'x' }, 'MalformedPolicyDocument'],
    ['a bad service', { AssumeRolePolicyDocument: trust({ Service: 'ec2' }) }, 'MalformedPolicyDocument'],
    [
      'a user who does not exist',
      { AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/nobody' }) },
      'MalformedPolicyDocument',
    ],
    [
      'a session of a role that does not exist',
      { AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:sts::000000000000:assumed-role/none/s' }) },
      'MalformedPolicyDocument',
    ],
    ['a boundary that does not exist', { PermissionsBoundary: 'arn:aws:iam::aws:policy/None1' }, 'NoSuchEntity'],
  ])('is not made with %s', async (_what, input, code) => {
    await create('taken');
    expect(await api.code('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust(), ...input })).toBe(code);
    expect((await api.iam<ListRolesResponse>('ListRoles')).Roles).toHaveLength(1);
  });

  test('trusts in 2048 characters at most', async () => {
    const document = JSON.parse(trust());
    document.Statement[0].Condition = { StringEquals: { 'sts:ExternalId': 'x'.repeat(2048) } };
    const input = { RoleName: 'r', AssumeRolePolicyDocument: JSON.stringify(document) };
    expect(await api.code('CreateRole', input)).toBe('LimitExceeded');
  });

  test('is described anew, and its sessions lengthened', async () => {
    await create('r', { Description: 'old' });
    expect(await api.iam('UpdateRole', { RoleName: 'r', Description: 'new', MaxSessionDuration: 7200 })).toEqual({});
    expect(await get('r')).toMatchObject({ Description: 'new', MaxSessionDuration: 7200 });
    const { Role } = await api.iam<UpdateRoleDescriptionResponse>('UpdateRoleDescription', {
      RoleName: 'r',
      Description: '',
    });
    expect(Role?.Description).toBeUndefined();
    expect((await get('r'))?.Description).toBeUndefined();
    expect(await api.code('UpdateRole', { RoleName: 'r', MaxSessionDuration: 1 })).toBe('ValidationError');
    expect(await api.code('UpdateRole', { RoleName: 'none' })).toBe('NoSuchEntity');
  });

  test('tells when it was last used', async () => {
    const made = await create('r');
    const role = { type: 'assumed-role', roleId: made?.RoleId ?? '', accessKeyId: 'ASIA' } as Parameters<
      typeof api.lastUse.record
    >[0]['principal'];
    api.lastUse.record({ principal: role, service: 'ec2', region: 'eu-west-1' }, api.clock.now());
    expect(await get('r')).toMatchObject({
      RoleLastUsed: { LastUsedDate: new Date(api.clock.now()), Region: 'eu-west-1' },
    });
    api.lastUse.flush(api.state);
    expect(await get('r')).toMatchObject({ RoleLastUsed: { Region: 'eu-west-1' } });
  });

  test('cannot go while anything is its', async () => {
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    await create('r');
    await api.iam('CreateInstanceProfile', { InstanceProfileName: 'p' });
    await api.iam('AddRoleToInstanceProfile', { InstanceProfileName: 'p', RoleName: 'r' });
    await api.iam('AttachRolePolicy', { RoleName: 'r', PolicyArn });
    await api.iam('PutRolePolicy', { RoleName: 'r', PolicyName: 'p', PolicyDocument: policyOfSize(100) });
    const undo: [string, object][] = [
      ['RemoveRoleFromInstanceProfile', { InstanceProfileName: 'p' }],
      ['DetachRolePolicy', { PolicyArn }],
      ['DeleteRolePolicy', { PolicyName: 'p' }],
    ];
    for (const [operation, input] of undo) {
      expect(await api.code('DeleteRole', { RoleName: 'r' })).toBe('DeleteConflict');
      await api.iam(operation, { RoleName: 'r', ...input });
    }
    await api.iam('DeleteRole', { RoleName: 'r' });
    expect(await api.code('GetRole', { RoleName: 'r' })).toBe('NoSuchEntity');
  });

  test('has tags', async () => {
    await create('r');
    await api.iam('TagRole', { RoleName: 'r', Tags: [{ Key: 'a', Value: '1' }] });
    await api.iam('TagRole', { RoleName: 'r', Tags: [{ Key: 'B', Value: '2' }] });
    await api.iam('UntagRole', { RoleName: 'r', TagKeys: ['A'] });
    expect((await api.iam<ListRoleTagsResponse>('ListRoleTags', { RoleName: 'r' })).Tags).toEqual([
      { Key: 'B', Value: '2' },
    ]);
  });
});

describe('a trust policy', () => {
  const user = async (UserName: string, Path = '/') =>
    (await api.iam<CreateUserResponse>('CreateUser', { UserName, Path })).User;

  test('is replaced', async () => {
    await create('r');
    const PolicyDocument = trust({ Service: 'spotfleet.amazonaws.com' });
    await api.iam('UpdateAssumeRolePolicy', { RoleName: 'r', PolicyDocument });
    expect((await get('r'))?.AssumeRolePolicyDocument).toBe(encodeURIComponent(PolicyDocument));
    const bad = { RoleName: 'r', PolicyDocument: policy('ec2:*') };
    expect(await api.code('UpdateAssumeRolePolicy', bad)).toBe('MalformedPolicyDocument');
    expect(await api.code('UpdateAssumeRolePolicy', { RoleName: 'none', PolicyDocument })).toBe('NoSuchEntity');
  });

  test('means the users and roles whom it names, not their names', async () => {
    const bob = await user('bob', '/x/');
    const role = await create('other');
    const AWS = [bob?.Arn, role?.Arn, 'arn:aws:iam::000000000000:root', '111122223333'];
    await create('r', { AssumeRolePolicyDocument: trust({ AWS }) });
    expect(await trusted('r')).toEqual({ AWS });
    await api.iam('UpdateUser', { UserName: 'bob', NewUserName: 'robert', NewPath: '/' });
    expect((await trusted('r')).AWS[0]).toBe('arn:aws:iam::000000000000:user/robert');
    await api.iam('DeleteUser', { UserName: 'robert' });
    await user('bob', '/x/');
    expect((await trusted('r')).AWS).toEqual([bob?.UserId, ...AWS.slice(1)]);
  });

  test('names users by their whole path', async () => {
    await user('bob', '/x/');
    const input = { RoleName: 'r', AssumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/bob' }) };
    expect(await api.code('CreateRole', input)).toBe('MalformedPolicyDocument');
  });

  test('may name users of other accounts, if they exist', async () => {
    await api.iam('CreateUser', { UserName: 'theirs' }, '111122223333');
    const AWS = 'arn:aws:iam::111122223333:user/theirs';
    await create('r', { AssumeRolePolicyDocument: trust({ AWS }) });
    expect(await trusted('r')).toEqual({ AWS });
  });
});

test('ListRoles is in pages', async () => {
  for (const name of ['b', 'A', 'c']) await create(name);
  const first = await api.iam<ListRolesResponse>('ListRoles', { MaxItems: 2 });
  expect(first.Roles?.map(role => role.RoleName)).toEqual(['A', 'b']);
  const second = await api.iam<ListRolesResponse>('ListRoles', { MaxItems: 2, Marker: first.Marker });
  expect(second).toMatchObject({ Roles: [{ RoleName: 'c' }], IsTruncated: false });
});
