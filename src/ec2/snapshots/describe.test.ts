import type { DescribeSnapshotsResult } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { type SnapshotRow, snapshots } from './model.ts';

const own: SnapshotRow = {
  snapshotId: 'snap-00000000000000001',
  owner: '000000000000/us-east-1',
  volumeId: 'vol-00000000000000001',
  volumeSize: 8,
  state: 'completed',
  description: 'mine',
  encrypted: false,
  startTime: Date.UTC(2026, 0, 31),
};
const pending: SnapshotRow = { ...own, snapshotId: 'snap-00000000000000002', state: 'pending' };
const amazon: SnapshotRow = {
  ...own,
  snapshotId: 'snap-00000000000000003',
  owner: '999999999999/us-east-1',
  ownerAlias: 'amazon',
  description: 'micro',
};
const foreign: SnapshotRow = { ...own, snapshotId: 'snap-00000000000000004', owner: '111111111111/us-east-1' };
const elsewhere: SnapshotRow = { ...amazon, snapshotId: 'snap-00000000000000005', owner: '999999999999/eu-west-1' };

function setUp() {
  const api = createTestApi();
  api.state.write(tx => {
    for (const row of [own, amazon, foreign, elsewhere, pending]) tx.put(snapshots, row);
  });
  const ids = async (input: object = {}) =>
    (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', input)).Snapshots?.map(one => one.SnapshotId);
  return { api, ids };
}

describe('DescribeSnapshots', () => {
  test('shows own and public snapshots of the Region', async () => {
    const { api, ids } = setUp();
    expect(await ids()).toEqual([own.snapshotId, amazon.snapshotId, pending.snapshotId]);
    const shown = await api.call<DescribeSnapshotsResult>('DescribeSnapshots');
    expect(shown.Snapshots).toMatchObject([
      { OwnerId: '000000000000', Progress: '100%', State: 'completed', VolumeSize: 8, StorageTier: 'standard' },
      { OwnerId: '999999999999', OwnerAlias: 'amazon', Description: 'micro' },
      { Progress: '0%', State: 'pending' },
    ]);
  });

  test.each<[object, SnapshotRow[]]>([
    [{ OwnerIds: ['self'] }, [own, pending]],
    [{ OwnerIds: ['000000000000'] }, [own, pending]],
    [{ OwnerIds: ['amazon'] }, [amazon]],
    [{ OwnerIds: ['amazon', 'self'] }, [own, amazon, pending]],
    [{ OwnerIds: ['111111111111'] }, []],
    [{ RestorableByUserIds: ['all'] }, [amazon]],
    [{ RestorableByUserIds: ['self'] }, [own, pending]],
    [{ SnapshotIds: [pending.snapshotId, amazon.snapshotId] }, [amazon, pending]],
    [{ Filters: [{ Name: 'status', Values: ['pending'] }] }, [pending]],
    [{ Filters: [{ Name: 'owner-alias', Values: ['amazon'] }] }, [amazon]],
    [{ Filters: [{ Name: 'volume-size', Values: ['8'] }], OwnerIds: ['self'] }, [own, pending]],
    [{ Filters: [{ Name: 'progress', Values: ['100%'] }], OwnerIds: ['self'] }, [own]],
    [{ Filters: [{ Name: 'start-time', Values: ['2026-01-31*'] }], SnapshotIds: [own.snapshotId] }, [own]],
  ])('%j', async (input, expected) => {
    expect(await setUp().ids(input)).toEqual(expected.map(one => one.snapshotId));
  });
});

test('only its owner sees who may use a snapshot', async () => {
  const { api } = setUp();
  const SnapshotId = own.snapshotId;
  const attribute = (Attribute: string, id = SnapshotId) => ({ SnapshotId: id, Attribute });
  expect(await api.call('DescribeSnapshotAttribute', attribute('createVolumePermission'))).toEqual({
    SnapshotId,
    CreateVolumePermissions: [],
  });
  expect(await api.call('DescribeSnapshotAttribute', attribute('productCodes'))).toEqual({
    SnapshotId,
    ProductCodes: [],
  });
  expect(
    await api.call('DescribeSnapshotAttribute', attribute('createVolumePermission', amazon.snapshotId), {
      account: '999999999999',
    }),
  ).toMatchObject({ CreateVolumePermissions: [{ Group: 'all' }] });
  expect(
    (await api.fail('DescribeSnapshotAttribute', attribute('createVolumePermission', amazon.snapshotId))).code,
  ).toBe('AuthFailure');
});

test.each([
  ['DescribeSnapshots', { SnapshotIds: ['snap-x'] }, 'InvalidSnapshotID.Malformed'],
  ['DescribeSnapshots', { SnapshotIds: [foreign.snapshotId] }, 'InvalidSnapshot.NotFound'],
  ['DescribeSnapshots', { SnapshotIds: [elsewhere.snapshotId] }, 'InvalidSnapshot.NotFound'],
  ['DescribeSnapshots', { OwnerIds: ['me'] }, 'InvalidUserID.Malformed'],
  ['DescribeSnapshots', { RestorableByUserIds: ['amazon'] }, 'InvalidUserID.Malformed'],
  ['DescribeSnapshots', { Filters: [{ Name: 'size', Values: ['8'] }] }, 'InvalidParameterValue'],
  ['DescribeSnapshots', { MaxResults: 4 }, 'InvalidParameterValue'],
  ['DescribeSnapshotAttribute', { SnapshotId: own.snapshotId, Attribute: 'x' }, 'InvalidParameterValue'],
  [
    'DescribeSnapshotAttribute',
    { SnapshotId: foreign.snapshotId, Attribute: 'productCodes' },
    'InvalidSnapshot.NotFound',
  ],
])('%s %j answers %s', async (operation, input, code) => {
  expect((await setUp().api.fail(operation, input)).code).toBe(code);
});
