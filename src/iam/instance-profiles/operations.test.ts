import type {
  CreateInstanceProfileResponse,
  GetInstanceProfileResponse,
  ListInstanceProfilesForRoleResponse,
  ListInstanceProfilesResponse,
  ListInstanceProfileTagsResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, expect, test } from 'vitest';
import { createTestIam, type TestIam, trust } from '../testing.ts';

let api: TestIam;
beforeEach(async () => {
  api = createTestIam();
  await api.iam('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust() });
});

const create = async (InstanceProfileName: string, more: object = {}) =>
  (await api.iam<CreateInstanceProfileResponse>('CreateInstanceProfile', { InstanceProfileName, ...more }))
    .InstanceProfile;
const get = async (InstanceProfileName: string) =>
  (await api.iam<GetInstanceProfileResponse>('GetInstanceProfile', { InstanceProfileName })).InstanceProfile;

test('an instance profile is made empty and takes one role', async () => {
  const made = await create('web', { Path: '/app/', Tags: [{ Key: 'k', Value: 'v' }] });
  expect(made).toEqual({
    Path: '/app/',
    InstanceProfileName: 'web',
    InstanceProfileId: expect.stringMatching(/^AIPA[A-Z2-7]{17}$/),
    Arn: 'arn:aws:iam::000000000000:instance-profile/app/web',
    CreateDate: new Date(api.clock.now()),
    Roles: [],
    Tags: [{ Key: 'k', Value: 'v' }],
  });
  expect(await get('WEB')).toEqual(made);
  const both = { InstanceProfileName: 'web', RoleName: 'r' };
  await api.iam('AddRoleToInstanceProfile', both);
  expect((await get('web'))?.Roles).toMatchObject([{ RoleName: 'r', Arn: 'arn:aws:iam::000000000000:role/r' }]);
  await api.iam('CreateRole', { RoleName: 's', AssumeRolePolicyDocument: trust() });
  expect(await api.code('AddRoleToInstanceProfile', both)).toBe('LimitExceeded');
  expect(await api.code('AddRoleToInstanceProfile', { ...both, RoleName: 's' })).toBe('LimitExceeded');
  expect(await api.code('RemoveRoleFromInstanceProfile', { ...both, RoleName: 's' })).toBe('NoSuchEntity');
  expect(await api.code('DeleteInstanceProfile', both)).toBe('DeleteConflict');
  await api.iam('RemoveRoleFromInstanceProfile', both);
  expect((await get('web'))?.Roles).toEqual([]);
  await api.iam('DeleteInstanceProfile', { InstanceProfileName: 'web' });
  expect(await api.code('GetInstanceProfile', { InstanceProfileName: 'web' })).toBe('NoSuchEntity');
});

test.each([
  ['CreateInstanceProfile', { InstanceProfileName: 'P' }, 'EntityAlreadyExists'],
  ['CreateInstanceProfile', { InstanceProfileName: 'a b' }, 'ValidationError'],
  ['CreateInstanceProfile', { InstanceProfileName: 'q', Path: 'x' }, 'ValidationError'],
  ['AddRoleToInstanceProfile', { InstanceProfileName: 'none', RoleName: 'r' }, 'NoSuchEntity'],
  ['AddRoleToInstanceProfile', { InstanceProfileName: 'p', RoleName: 'none' }, 'NoSuchEntity'],
  ['DeleteInstanceProfile', { InstanceProfileName: 'none' }, 'NoSuchEntity'],
  ['ListInstanceProfilesForRole', { RoleName: 'none' }, 'NoSuchEntity'],
])('%s %j is %s', async (operation, input, code) => {
  await create('p');
  expect(await api.code(operation, input)).toBe(code);
});

test('they are listed by path, and by role', async () => {
  await create('b', { Path: '/x/' });
  await create('a');
  await create('c', { Path: '/x/' });
  await api.iam('AddRoleToInstanceProfile', { InstanceProfileName: 'c', RoleName: 'r' });
  const names = async (input: object = {}) =>
    (await api.iam<ListInstanceProfilesResponse>('ListInstanceProfiles', input)).InstanceProfiles?.map(
      profile => profile.InstanceProfileName,
    );
  expect(await names()).toEqual(['a', 'b', 'c']);
  expect(await names({ PathPrefix: '/x/' })).toEqual(['b', 'c']);
  expect(await names({ MaxItems: 1 })).toEqual(['a']);
  const ofRole = await api.iam<ListInstanceProfilesForRoleResponse>('ListInstanceProfilesForRole', { RoleName: 'r' });
  expect(ofRole.InstanceProfiles).toMatchObject([{ InstanceProfileName: 'c', Roles: [{ RoleName: 'r' }] }]);
});

test('their tags are told apart by case', async () => {
  await create('p', { Tags: [{ Key: 'k', Value: '1' }] });
  await api.iam('TagInstanceProfile', { InstanceProfileName: 'p', Tags: [{ Key: 'K', Value: '2' }] });
  const tags = async () =>
    (await api.iam<ListInstanceProfileTagsResponse>('ListInstanceProfileTags', { InstanceProfileName: 'p' })).Tags;
  expect(await tags()).toEqual([
    { Key: 'K', Value: '2' },
    { Key: 'k', Value: '1' },
  ]);
  await api.iam('UntagInstanceProfile', { InstanceProfileName: 'p', TagKeys: ['k'] });
  expect(await tags()).toEqual([{ Key: 'K', Value: '2' }]);
});
