import type {
  CreateGroupResponse,
  GetGroupResponse,
  ListGroupsForUserResponse,
  ListGroupsResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, expect, test } from 'vitest';
import { createTestIam, policy, type TestIam } from '../testing.ts';

let api: TestIam;
beforeEach(async () => {
  api = createTestIam();
  await api.iam('CreateGroup', { GroupName: 'Devs', Path: '/a/' });
  for (const UserName of ['bob', 'alice', 'carl']) await api.iam('CreateUser', { UserName });
});

const getGroup = (input: object = {}) => api.iam<GetGroupResponse>('GetGroup', { GroupName: 'Devs', ...input });
const members = async () => (await getGroup()).Users?.map(user => user.UserName);

test('a group has an id and an ARN of its own', async () => {
  const { Group } = await api.iam<CreateGroupResponse>('CreateGroup', { GroupName: 'Ops', Path: '/b/' });
  expect(Group).toEqual({
    Path: '/b/',
    GroupName: 'Ops',
    GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/),
    Arn: 'arn:aws:iam::000000000000:group/b/Ops',
    CreateDate: new Date(api.clock.now()),
  });
  const listed = await api.iam<ListGroupsResponse>('ListGroups');
  expect(listed.Groups?.map(group => group.GroupName)).toEqual(['Devs', 'Ops']);
  const byPath = await api.iam<ListGroupsResponse>('ListGroups', { PathPrefix: '/b' });
  expect(byPath.Groups).toEqual([Group]);
});

test.each([
  ['a taken name', { GroupName: 'devs' }, 'EntityAlreadyExists'],
  ['a bad name', { GroupName: 'a b' }, 'ValidationError'],
  ['a long name', { GroupName: 'x'.repeat(129) }, 'ValidationError'],
])('a group is not made with %s', async (_what, input, code) => {
  expect(await api.code('CreateGroup', input)).toBe(code);
});

test('users join, are listed in pages, and leave', async () => {
  for (const UserName of ['bob', 'alice', 'carl']) await api.iam('AddUserToGroup', { GroupName: 'devs', UserName });
  expect(await members()).toEqual(['alice', 'bob', 'carl']);
  const page = await getGroup({ MaxItems: 2 });
  expect(page).toMatchObject({ IsTruncated: true, Group: { GroupName: 'Devs' } });
  expect((await getGroup({ MaxItems: 2, Marker: page.Marker })).Users).toMatchObject([{ UserName: 'carl' }]);
  await api.iam('RemoveUserFromGroup', { GroupName: 'Devs', UserName: 'bob' });
  expect(await members()).toEqual(['alice', 'carl']);
  const leave = { GroupName: 'Devs', UserName: 'bob' };
  expect(await api.code('RemoveUserFromGroup', leave)).toBe('NoSuchEntity');
  expect(await api.code('AddUserToGroup', { ...leave, UserName: 'nobody' })).toBe('NoSuchEntity');
  expect(await api.code('AddUserToGroup', { ...leave, GroupName: 'none' })).toBe('NoSuchEntity');
});

test('renaming a group keeps its members and policies', async () => {
  await api.iam('AddUserToGroup', { GroupName: 'Devs', UserName: 'bob' });
  await api.iam('UpdateGroup', { GroupName: 'Devs', NewGroupName: 'Makers', NewPath: '/' });
  const { Groups } = await api.iam<ListGroupsForUserResponse>('ListGroupsForUser', { UserName: 'bob' });
  expect(Groups).toMatchObject([{ GroupName: 'Makers', Arn: 'arn:aws:iam::000000000000:group/Makers' }]);
  expect(await api.code('GetGroup', { GroupName: 'Devs' })).toBe('NoSuchEntity');
  await api.iam('CreateGroup', { GroupName: 'Devs' });
  expect(await api.code('UpdateGroup', { GroupName: 'Devs', NewGroupName: 'MAKERS' })).toBe('EntityAlreadyExists');
});

test('a group with members or policies cannot go', async () => {
  const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
  await api.iam('AddUserToGroup', { GroupName: 'Devs', UserName: 'bob' });
  await api.iam('AttachGroupPolicy', { GroupName: 'Devs', PolicyArn });
  await api.iam('PutGroupPolicy', { GroupName: 'Devs', PolicyName: 'p', PolicyDocument: policy('ec2:*') });
  const undo: [string, object][] = [
    ['RemoveUserFromGroup', { UserName: 'bob' }],
    ['DetachGroupPolicy', { PolicyArn }],
    ['DeleteGroupPolicy', { PolicyName: 'p' }],
  ];
  for (const [operation, input] of undo) {
    expect(await api.code('DeleteGroup', { GroupName: 'Devs' })).toBe('DeleteConflict');
    await api.iam(operation, { GroupName: 'Devs', ...input });
  }
  await api.iam('DeleteGroup', { GroupName: 'Devs' });
  expect(await api.code('GetGroup', { GroupName: 'Devs' })).toBe('NoSuchEntity');
});
