import type {
  CreateUserResponse,
  GetUserResponse,
  ListGroupsForUserResponse,
  ListUsersResponse,
  ListUserTagsResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, type TestIam, testAccount } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const create = async (UserName: string, more: object = {}) =>
  (await api.iam<CreateUserResponse>('CreateUser', { UserName, ...more })).User;
const get = async (UserName?: string) => (await api.iam<GetUserResponse>('GetUser', { UserName })).User;
const list = async (input: object = {}, account = testAccount) => {
  const page = await api.iam<ListUsersResponse>('ListUsers', input, account);
  return { ...page, names: page.Users?.map(user => user.UserName) };
};

describe('a user', () => {
  test('is made with path, tags and boundary, and read again', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AmazonEC2FullAccess';
    const made = await create('Bob', { Path: '/dev/', Tags: [{ Key: 'team', Value: 'blue' }], PermissionsBoundary });
    expect(made).toEqual({
      Path: '/dev/',
      UserName: 'Bob',
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
      Arn: 'arn:aws:iam::000000000000:user/dev/Bob',
      CreateDate: new Date(api.clock.now()),
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: PermissionsBoundary },
      Tags: [{ Key: 'team', Value: 'blue' }],
    });
    expect(await get('Bob')).toEqual(made);
    // The case of names does not matter.
    expect(await get('bob')).toEqual(made);
    const { PermissionsBoundary: _boundary, Tags: _tags, ...listed } = made ?? {};
    expect((await list()).Users).toEqual([listed]);
  });

  test.each([
    ['a name with a slash', { UserName: 'a/b' }, 'ValidationError'],
    ['no name', { UserName: '' }, 'ValidationError'],
    ['a long name', { UserName: 'x'.repeat(65) }, 'ValidationError'],
    ['a path without end', { UserName: 'a', Path: '/dev' }, 'ValidationError'],
    ['a path with a space', { UserName: 'a', Path: '/d ev/' }, 'ValidationError'],
    ['a taken name', { UserName: 'TAKEN' }, 'EntityAlreadyExists'],
    ['a reserved tag', { UserName: 'a', Tags: [{ Key: 'aws:x', Value: '' }] }, 'InvalidInput'],
    [
      'a tag twice',
      {
        UserName: 'a',
        Tags: [
          { Key: 'k', Value: '' },
          { Key: 'K', Value: '' },
        ],
      },
      'InvalidInput',
    ],
    ['a tag with a bad character', { UserName: 'a', Tags: [{ Key: 'k', Value: '!' }] }, 'ValidationError'],
    [
      'a boundary that does not exist',
      { UserName: 'a', PermissionsBoundary: 'arn:aws:iam::aws:policy/X' },
      'NoSuchEntity',
    ],
    ['a boundary that is no ARN', { UserName: 'a', PermissionsBoundary: 'AdministratorAccess-12345' }, 'InvalidInput'],
    [
      'a boundary for services',
      { UserName: 'a', PermissionsBoundary: 'arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy' },
      'PolicyNotAttachable',
    ],
  ])('is not made with %s', async (_what, input, code) => {
    await create('taken');
    expect(await api.code('CreateUser', input)).toBe(code);
    expect((await list()).names).toEqual(['taken']);
  });

  test('is known in its account only', async () => {
    await create('bob');
    expect(await api.code('GetUser', { UserName: 'bob' }, '111122223333')).toBe('NoSuchEntity');
    expect((await list({}, '111122223333')).names).toEqual([]);
    await api.iam('CreateUser', { UserName: 'bob' }, '111122223333');
    expect((await list({}, '111122223333')).Users?.[0]?.Arn).toBe('arn:aws:iam::111122223333:user/bob');
  });

  test('is renamed and moved, and stays the same', async () => {
    const made = await create('bob');
    await create('alice');
    await api.iam('UpdateUser', { UserName: 'bob', NewUserName: 'Bob', NewPath: '/x/' });
    expect(await get('Bob')).toMatchObject({ UserId: made?.UserId, Arn: 'arn:aws:iam::000000000000:user/x/Bob' });
    await api.iam('UpdateUser', { UserName: 'Bob', NewUserName: 'robert' });
    expect(await api.code('GetUser', { UserName: 'Bob' })).toBe('NoSuchEntity');
    expect(await get('robert')).toMatchObject({ Path: '/x/' });
    expect(await api.code('UpdateUser', { UserName: 'robert', NewUserName: 'ALICE' })).toBe('EntityAlreadyExists');
    expect(await api.code('UpdateUser', { UserName: 'robert', NewPath: 'x' })).toBe('ValidationError');
    expect(await api.code('UpdateUser', { UserName: 'nobody', NewPath: '/' })).toBe('NoSuchEntity');
  });

  test('cannot go while anything is his', async () => {
    await create('bob');
    await api.iam('CreateGroup', { GroupName: 'g' });
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    const key = await api.iam<{ AccessKey: { AccessKeyId: string } }>('CreateAccessKey', { UserName: 'bob' });
    const steps: [string, object, string, object][] = [
      ['AddUserToGroup', { GroupName: 'g', UserName: 'bob' }, 'RemoveUserFromGroup', { GroupName: 'g' }],
      ['AttachUserPolicy', { UserName: 'bob', PolicyArn }, 'DetachUserPolicy', { PolicyArn }],
      [
        'PutUserPolicy',
        { UserName: 'bob', PolicyName: 'p', PolicyDocument: policy('ec2:*') },
        'DeleteUserPolicy',
        { PolicyName: 'p' },
      ],
    ];
    for (const [operation, input] of steps) await api.iam(operation, input);
    for (const [, , undo, input] of steps) {
      expect(await api.code('DeleteUser', { UserName: 'bob' })).toBe('DeleteConflict');
      await api.iam(undo, { UserName: 'bob', ...input });
    }
    expect(await api.code('DeleteUser', { UserName: 'bob' })).toBe('DeleteConflict');
    await api.iam('DeleteAccessKey', { UserName: 'bob', AccessKeyId: key.AccessKey.AccessKeyId });
    await api.iam('DeleteUser', { UserName: 'bob' });
    expect(await api.code('GetUser', { UserName: 'bob' })).toBe('NoSuchEntity');
    expect(await api.code('DeleteUser', { UserName: 'bob' })).toBe('NoSuchEntity');
  });
});

test('GetUser without a name is about the caller', async () => {
  const made = await create('bob');
  const bob = {
    type: 'user',
    account: testAccount,
    arn: made?.Arn ?? '',
    userId: made?.UserId ?? '',
    userName: 'bob',
    accessKeyId: 'AKIATEST',
  } as const;
  await api.iam('PutUserPolicy', { UserName: 'bob', PolicyName: 'p', PolicyDocument: policy('iam:*') });
  expect((await api.as<GetUserResponse>(bob, 'GetUser')).User).toEqual(made);
  expect(await get()).toMatchObject({ UserId: testAccount, Arn: 'arn:aws:iam::000000000000:root' });
});

describe('ListUsers', () => {
  test('is in order of names, by path', async () => {
    for (const [name, Path] of [
      ['carl', '/'],
      ['Bob', '/a/'],
      ['alice', '/a/b/'],
    ]) {
      await create(name ?? '', { Path });
    }
    expect((await list()).names).toEqual(['alice', 'Bob', 'carl']);
    expect((await list({ PathPrefix: '/a/' })).names).toEqual(['alice', 'Bob']);
    expect((await list({ PathPrefix: '/a/b' })).names).toEqual(['alice']);
    expect(await api.code('ListUsers', { PathPrefix: 'a' })).toBe('ValidationError');
  });

  test('pages stay in step while users come and go', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const first = await list({ MaxItems: 2 });
    expect(first).toMatchObject({ names: ['a', 'b'], IsTruncated: true });
    await api.iam('DeleteUser', { UserName: 'b' });
    await create('aa');
    const second = await list({ MaxItems: 2, Marker: first.Marker });
    expect(second).toMatchObject({ names: ['c', 'd'], IsTruncated: true });
    const last = await list({ MaxItems: 2, Marker: second.Marker });
    expect(last).toMatchObject({ names: ['e'], IsTruncated: false });
    expect(last.Marker).toBeUndefined();
  });

  test.each([
    ['no items', { MaxItems: 0 }],
    ['too many items', { MaxItems: 1001 }],
    ['a made-up marker', { Marker: 'AAAA' }],
  ])('refuses %s', async (_what, input) => {
    expect(await api.code('ListUsers', input)).toBe('ValidationError');
  });

  test('markers belong to their listing and account', async () => {
    for (const name of ['a', 'b']) await create(name);
    const { Marker } = await list({ MaxItems: 1 });
    expect(await api.code('ListUsers', { Marker }, '111122223333')).toBe('ValidationError');
    expect(await api.code('ListUsers', { Marker, PathPrefix: '/x/' })).toBe('ValidationError');
    expect(await api.code('ListGroups', { Marker })).toBe('ValidationError');
  });
});

describe('tags of users', () => {
  const tags = async (input: object = {}) =>
    await api.iam<ListUserTagsResponse>('ListUserTags', { UserName: 'bob', ...input });

  test('are added, replaced whatever their case, listed in pages, and removed', async () => {
    await create('bob', { Tags: [{ Key: 'Department', Value: 'one' }] });
    await api.iam('TagUser', {
      UserName: 'bob',
      Tags: [
        { Key: 'department', Value: 'two' },
        { Key: 'z', Value: '' },
      ],
    });
    expect((await tags()).Tags).toEqual([
      { Key: 'department', Value: 'two' },
      { Key: 'z', Value: '' },
    ]);
    const page = await tags({ MaxItems: 1 });
    expect(page).toMatchObject({ Tags: [{ Key: 'department' }], IsTruncated: true });
    expect((await tags({ MaxItems: 1, Marker: page.Marker })).Tags).toEqual([{ Key: 'z', Value: '' }]);
    await api.iam('UntagUser', { UserName: 'bob', TagKeys: ['DEPARTMENT', 'not there'] });
    expect((await tags()).Tags).toEqual([{ Key: 'z', Value: '' }]);
    expect(await api.code('TagUser', { UserName: 'nobody', Tags: [] })).toBe('NoSuchEntity');
  });

  test('are fifty at most', async () => {
    await create('bob', { Tags: Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: '' })) });
    expect(await api.code('TagUser', { UserName: 'bob', Tags: [{ Key: 'more', Value: '' }] })).toBe('LimitExceeded');
    await api.iam('TagUser', { UserName: 'bob', Tags: [{ Key: 'K1', Value: 'v' }] });
    expect((await tags()).Tags).toContainEqual({ Key: 'K1', Value: 'v' });
  });
});

test('a user is in ten groups at most', async () => {
  await create('bob');
  for (let at = 0; at <= 10; at++) await api.iam('CreateGroup', { GroupName: `g${at}` });
  for (let at = 0; at < 10; at++) await api.iam('AddUserToGroup', { GroupName: `g${at}`, UserName: 'bob' });
  expect(await api.code('AddUserToGroup', { GroupName: 'g10', UserName: 'bob' })).toBe('LimitExceeded');
  // Joining again changes nothing.
  await api.iam('AddUserToGroup', { GroupName: 'g9', UserName: 'bob' });
  const { Groups } = await api.iam<ListGroupsForUserResponse>('ListGroupsForUser', { UserName: 'bob' });
  expect(Groups).toHaveLength(10);
});
