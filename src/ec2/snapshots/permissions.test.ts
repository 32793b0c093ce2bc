import type { DescribeSnapshotAttributeResult, DescribeSnapshotsResult, Snapshot } from '@aws-sdk/client-ec2';
import { expect, it, test } from 'vitest';
import { makeUser, setPolicy } from '../../api/access-testing.ts';
import { createTestApi } from '../../api/testing.ts';
import { isVisibleSnapshot, usableSnapshot } from './access.ts';
import { snapshots } from './model.ts';
import { addVolume, createSnapshotWorld } from './testing.ts';

const other = { account: '111111111111' };

async function setUp() {
  const api = createTestApi();
  const { volumeId: VolumeId } = addVolume(api);
  const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', {
    VolumeId,
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'a', Value: 'b' }] }],
  });
  await createSnapshotWorld(api).settle();
  const modify = (input: object, options?: object) =>
    api.call('ModifySnapshotAttribute', { SnapshotId, Attribute: 'createVolumePermission', ...input }, options);
  const permissions = async () =>
    (
      await api.call<DescribeSnapshotAttributeResult>('DescribeSnapshotAttribute', {
        SnapshotId,
        Attribute: 'createVolumePermission',
      })
    ).CreateVolumePermissions;
  const seen = async (input: object = {}, options: object = other) =>
    (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', input, options)).Snapshots ?? [];
  return { api, SnapshotId, modify, permissions, seen };
}

it('shares a snapshot with accounts, of its Region only, and without its tags', async () => {
  const { api, SnapshotId, modify, permissions, seen } = await setUp();
  expect(await seen()).toEqual([]);
  await modify({ OperationType: 'add', UserIds: ['111111111111', '222222222222'] });
  expect(await permissions()).toEqual([{ UserId: '111111111111' }, { UserId: '222222222222' }]);
  const [shared] = await seen();
  expect(shared).toMatchObject({ SnapshotId, OwnerId: '000000000000' });
  expect(shared?.Tags).toBeUndefined();
  expect(await seen({ Filters: [{ Name: 'tag:a', Values: ['b'] }] })).toEqual([]);
  expect(await seen({ RestorableByUserIds: ['self'] })).toHaveLength(1);
  expect(await seen({ RestorableByUserIds: ['222222222222'] }, {})).toHaveLength(1);
  expect(await seen({ RestorableByUserIds: ['333333333333'] }, {})).toHaveLength(0);
  expect(await seen({ OwnerIds: ['self'] })).toHaveLength(0);
  expect(await seen({}, { ...other, region: 'eu-west-1' })).toEqual([]);
  const theirs = { db: api.state, account: '111111111111', region: 'us-east-1', owner: '111111111111/us-east-1' };
  expect(usableSnapshot(theirs, SnapshotId).snapshotId).toBe(SnapshotId);
  expect((await api.fail('DeleteSnapshot', { SnapshotId }, other)).code).toBe('AuthFailure');
  expect((await api.fail('DescribeSnapshotAttribute', { SnapshotId, Attribute: 'productCodes' }, other)).code).toBe(
    'AuthFailure',
  );
  await modify({ CreateVolumePermission: { Remove: [{ UserId: '111111111111' }] } });
  expect(await seen()).toEqual([]);
  expect(() => usableSnapshot(theirs, SnapshotId)).toThrow('does not exist');
  await api.call('ResetSnapshotAttribute', { SnapshotId, Attribute: 'createVolumePermission' });
  expect(await permissions()).toEqual([]);
});

it('makes a snapshot public, unless the account blocks it', async () => {
  const { api, SnapshotId, modify, permissions, seen } = await setUp();
  expect(await api.call('GetSnapshotBlockPublicAccessState')).toEqual({ State: 'unblocked', ManagedBy: 'account' });
  await modify({ CreateVolumePermission: { Add: [{ Group: 'all' }] } });
  expect(await permissions()).toEqual([{ Group: 'all' }]);
  expect(await seen({ RestorableByUserIds: ['all'] })).toHaveLength(1);
  await api.call('EnableSnapshotBlockPublicAccess', { State: 'block-new-sharing' });
  expect(await seen()).toHaveLength(1);
  await api.call('EnableSnapshotBlockPublicAccess', { State: 'block-all-sharing' });
  expect(await api.call('GetSnapshotBlockPublicAccessState')).toMatchObject({ State: 'block-all-sharing' });
  const tags = { Resources: [SnapshotId], Tags: [{ Key: 'a', Value: 'b' }] };
  expect((await api.fail('CreateTags', tags, other)).code).toBe('InvalidSnapshot.NotFound');
  expect(await seen()).toEqual([]);
  expect((await api.fail('DescribeSnapshots', { SnapshotIds: [SnapshotId] }, other)).code).toBe(
    'InvalidSnapshot.NotFound',
  );
  expect(await permissions()).toEqual([{ Group: 'all' }]);
  const refused = await api.fail('ModifySnapshotAttribute', {
    SnapshotId,
    CreateVolumePermission: { Add: [{ Group: 'all' }] },
  });
  expect(refused.code).toBe('OperationNotPermitted');
  // That of another account is no matter.
  await api.call('EnableSnapshotBlockPublicAccess', { State: 'block-all-sharing' }, other);
  expect(await api.call('DisableSnapshotBlockPublicAccess')).toEqual({ State: 'unblocked' });
  expect(await seen()).toHaveLength(1);
  await modify({ OperationType: 'remove', GroupNames: ['all'] });
  expect(await seen()).toEqual([]);
});

it('keeps an encrypted snapshot from becoming public', async () => {
  const { api, SnapshotId } = await setUp();
  api.state.write(tx => {
    const row = tx.get(snapshots, SnapshotId);
    if (row !== undefined) tx.put(snapshots, { ...row, encrypted: true });
  });
  const input = { SnapshotId, CreateVolumePermission: { Add: [{ Group: 'all' }] } };
  expect((await api.fail('ModifySnapshotAttribute', input)).code).toBe('InvalidParameterValue');
  const row = api.state.get(snapshots, SnapshotId);
  const theirs = { db: api.state, account: '111111111111', region: 'us-east-1', owner: '111111111111/us-east-1' };
  expect(row && isVisibleSnapshot(theirs, row)).toBe(false);
});

test.each([
  [{}, 'InvalidParameterCombination'],
  [{ Attribute: 'productCodes', OperationType: 'add', UserIds: ['111111111111'] }, 'InvalidParameterValue'],
  [{ UserIds: ['111111111111'] }, 'MissingParameter'],
  [{ OperationType: 'add', UserIds: ['1'] }, 'InvalidParameterValue'],
  [{ OperationType: 'add', GroupNames: ['some'] }, 'InvalidParameterValue'],
  [{ OperationType: 'take', GroupNames: ['all'] }, 'InvalidParameterValue'],
  [{ CreateVolumePermission: { Add: [{}] } }, 'InvalidParameterValue'],
  [
    { CreateVolumePermission: { Add: [{ Group: 'all' }], Remove: [{ UserId: '111111111111' }] } },
    'InvalidParameterCombination',
  ],
  [
    { OperationType: 'add', UserIds: Array.from({ length: 501 }, (_, at) => String(111111111111 + at)) },
    'InvalidParameterValue',
  ],
])('ModifySnapshotAttribute %j answers %s', async (input, code) => {
  const { api, SnapshotId, permissions } = await setUp();
  expect((await api.fail('ModifySnapshotAttribute', { SnapshotId, ...input })).code).toBe(code);
  expect(await permissions()).toEqual([]);
});

it('lets policies forbid sharing with anybody but some', async () => {
  const { api, SnapshotId } = await setUp();
  const as = await makeUser(api, 'alice', [{ Action: 'ec2:ModifySnapshotAttribute' }]);
  await setPolicy(api, 'alice', [
    { Action: 'ec2:ModifySnapshotAttribute' },
    {
      Effect: 'Deny',
      Action: 'ec2:ModifySnapshotAttribute',
      Condition: { StringEquals: { 'ec2:Add/group': 'all' } },
    },
  ]);
  const everybody = { SnapshotId, CreateVolumePermission: { Add: [{ Group: 'all' }] } };
  expect((await api.fail('ModifySnapshotAttribute', everybody, { as })).code).toBe('UnauthorizedOperation');
  await api.call('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: ['111111111111'] }, { as });
});
