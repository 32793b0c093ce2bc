import type {
  DescribeFastSnapshotRestoresResult,
  DescribeVolumesResult,
  DisableFastSnapshotRestoresResult,
  EnableFastSnapshotRestoresResult,
} from '@aws-sdk/client-ec2';
import { expect, it, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { addSnapshot, createSnapshotWorld } from '../snapshots/testing.ts';
import { isFastRestored } from './model.ts';

const hour = 3_600_000;

async function setUp() {
  const api = createTestApi();
  const world = createSnapshotWorld(api);
  const SnapshotId = await addSnapshot(api, world);
  const input = { SourceSnapshotIds: [SnapshotId], AvailabilityZones: ['us-east-1a', 'us-east-1b'] };
  const enable = (more: object = {}, options: object = {}) =>
    api.call<EnableFastSnapshotRestoresResult>('EnableFastSnapshotRestores', { ...input, ...more }, options);
  const disable = (more: object = {}) =>
    api.call<DisableFastSnapshotRestoresResult>('DisableFastSnapshotRestores', { ...input, ...more });
  const shown = async (more: object = {}, options: object = {}) =>
    (await api.call<DescribeFastSnapshotRestoresResult>('DescribeFastSnapshotRestores', more, options))
      .FastSnapshotRestores ?? [];
  return { api, world, SnapshotId, enable, disable, shown };
}

it('is enabled by zone, disabled and forgotten', async () => {
  const { api, world, SnapshotId, enable, disable, shown } = await setUp();
  const time = new Date(api.clock.now());
  const { Successful, Unsuccessful } = await enable();
  expect(Unsuccessful).toEqual([]);
  expect(Successful).toMatchObject([
    { SnapshotId, AvailabilityZone: 'us-east-1a', State: 'enabling', EnablingTime: time, OwnerId: '000000000000' },
    { AvailabilityZone: 'us-east-1b', AvailabilityZoneId: 'use1-az2' },
  ]);
  const place = { owner: '000000000000/us-east-1', snapshotId: SnapshotId, availabilityZone: 'us-east-1a' };
  expect(isFastRestored(api.state, place)).toBe(false);
  await world.settle();
  expect(await shown()).toMatchObject([
    {
      State: 'enabled',
      StateTransitionReason: 'Client.UserInitiated - Lifecycle state transition',
      OptimizingTime: time,
      EnabledTime: time,
    },
    { State: 'enabled' },
  ]);
  expect(isFastRestored(api.state, place)).toBe(true);
  expect((await enable()).Successful).toMatchObject([{ State: 'enabled' }, { State: 'enabled' }]);
  const zone = (AvailabilityZone: string) => api.call('CreateVolume', { SnapshotId, AvailabilityZone });
  for (const letter of ['a', 'c']) await zone(`us-east-1${letter}`);
  const fast = { Filters: [{ Name: 'fast-restored', Values: ['true'] }] };
  expect((await api.call<DescribeVolumesResult>('DescribeVolumes', fast)).Volumes).toMatchObject([
    { AvailabilityZone: 'us-east-1a', FastRestored: true },
  ]);
  const off = await disable({ AvailabilityZones: undefined, AvailabilityZoneIds: ['use1-az1'] });
  expect(off.Successful).toMatchObject([{ State: 'disabling', AvailabilityZone: 'us-east-1a' }]);
  await world.settle();
  const Filters = [{ Name: 'state', Values: ['disabled'] }];
  expect(await shown({ Filters })).toMatchObject([{ AvailabilityZone: 'us-east-1a', DisabledTime: time }]);
  const again = await disable({ AvailabilityZones: ['us-east-1a'] });
  expect(again.Successful).toEqual([]);
  expect(again.Unsuccessful?.[0]?.FastSnapshotRestoreStateErrors?.[0]?.Error?.Code).toBe('IncorrectState');
  api.clock.advance(hour);
  await world.settle();
  expect(await shown()).toMatchObject([{ AvailabilityZone: 'us-east-1b' }]);
});

it('ends when the snapshot is deleted, or no longer shared', async () => {
  const { api, world, SnapshotId, enable, shown } = await setUp();
  const other = { account: '111111111111' };
  const share = (OperationType: string) =>
    api.call('ModifySnapshotAttribute', { SnapshotId, OperationType, UserIds: [other.account] });
  const unseen = await enable({}, other);
  expect(unseen.Unsuccessful?.[0]?.FastSnapshotRestoreStateErrors?.[0]?.Error?.Code).toBe('InvalidSnapshot.NotFound');
  await share('add');
  await enable({}, other);
  await enable();
  await world.settle();
  expect((await shown({}, other)).map(one => one.State)).toEqual(['enabled', 'enabled']);
  await share('remove');
  await world.settle();
  expect((await shown({}, other)).map(one => one.State)).toEqual(['disabled', 'disabled']);
  expect((await shown()).map(one => one.State)).toEqual(['enabled', 'enabled']);
  await api.call('DeleteSnapshot', { SnapshotId });
  await world.settle();
  expect((await shown()).map(one => one.State)).toEqual(['disabled', 'disabled']);
});

it('is for five snapshots of a Region', async () => {
  const { api, world, enable } = await setUp();
  await enable();
  for (let more = 0; more < 4; more++) await enable({ SourceSnapshotIds: [await addSnapshot(api, world)] });
  const { Successful, Unsuccessful } = await enable({ SourceSnapshotIds: [await addSnapshot(api, world)] });
  expect(Successful).toEqual([]);
  expect(Unsuccessful?.[0]?.FastSnapshotRestoreStateErrors).toHaveLength(2);
});

test.each([
  [{ AvailabilityZones: ['eu-west-1a'] }, 'InvalidParameterValue'],
  [{ AvailabilityZones: undefined }, 'MissingParameter'],
  [{ AvailabilityZoneIds: ['use1-az1'] }, 'InvalidParameterCombination'],
])('%j answers %s', async (more, code) => {
  const { enable } = await setUp();
  await expect(enable(more)).rejects.toMatchObject({ code });
});
