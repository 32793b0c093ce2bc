import type { DescribeSnapshotsResult, DescribeSnapshotTierStatusResult } from '@aws-sdk/client-ec2';
import { expect, it, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { usableSnapshot } from './access.ts';
import { addSnapshot, createSnapshotWorld } from './testing.ts';

const day = 86_400_000;

async function setUp() {
  const api = createTestApi();
  const world = createSnapshotWorld(api);
  const SnapshotId = await addSnapshot(api, world);
  const archive = async () => {
    await api.call('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' });
    await world.settle();
  };
  const restore = async (input: object) => {
    const answer = await api.call('RestoreSnapshotTier', { SnapshotId, ...input });
    await world.settle();
    return answer;
  };
  const status = async () => {
    const Filters = [{ Name: 'snapshot-id', Values: [SnapshotId] }];
    const answer = await api.call<DescribeSnapshotTierStatusResult>('DescribeSnapshotTierStatus', { Filters });
    return answer.SnapshotTierStatuses?.[0];
  };
  const shown = async () =>
    (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { SnapshotIds: [SnapshotId] })).Snapshots?.[0];
  const caller = { db: api.state, account: '000000000000', region: 'us-east-1', owner: '000000000000/us-east-1' };
  const use = () => usableSnapshot(caller, SnapshotId);
  return { api, world, SnapshotId, archive, restore, status, shown, use };
}

it('archives a snapshot, which can then be neither used nor copied, and is no longer shared', async () => {
  const { api, world, SnapshotId, status, shown, use } = await setUp();
  await api.call('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: ['111111111111'] });
  expect(await status()).toMatchObject({ StorageTier: 'standard', Status: 'completed' });
  const now = new Date(api.clock.now());
  const started = await api.call('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' });
  expect(started).toEqual({ SnapshotId, TieringStartTime: now });
  expect(await status()).toMatchObject({
    StorageTier: 'standard',
    LastTieringOperationStatus: 'archival-in-progress',
    LastTieringProgress: 0,
  });
  expect(use().snapshotId).toBe(SnapshotId);
  await world.settle();
  expect(await status()).toMatchObject({
    StorageTier: 'archive',
    LastTieringOperationStatus: 'archival-completed',
    LastTieringProgress: 100,
    ArchivalCompleteTime: now,
  });
  expect(await shown()).toMatchObject({ State: 'completed', StorageTier: 'archive' });
  expect(use).toThrow('archived');
  const copy = { SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId };
  expect((await api.fail('CopySnapshot', copy)).code).toBe('IncorrectState');
  const theirs = await api.call<DescribeSnapshotsResult>('DescribeSnapshots', {}, { account: '111111111111' });
  expect(theirs.Snapshots).toEqual([]);
  expect((await api.fail('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' })).code).toBe('IncorrectState');
  await api.call('DeleteSnapshot', { SnapshotId });
});

it('restores a snapshot for some days, which can be changed', async () => {
  const { api, world, SnapshotId, archive, restore, status, shown, use } = await setUp();
  await archive();
  expect(await restore({ TemporaryRestoreDays: 5 })).toMatchObject({
    SnapshotId,
    RestoreDuration: 5,
    IsPermanentRestore: false,
  });
  const first = api.clock.now();
  expect(await shown()).toMatchObject({ StorageTier: 'standard', RestoreExpiryTime: new Date(first + 5 * day) });
  expect(use().snapshotId).toBe(SnapshotId);
  expect((await api.fail('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' })).code).toBe('IncorrectState');
  api.clock.advance(day);
  await restore({});
  expect(await status()).toMatchObject({
    RestoreExpiryTime: new Date(first + 2 * day),
    LastTieringOperationStatus: 'temporary-restore-completed',
  });
  api.clock.advance(day - 1);
  await world.settle();
  expect(use().snapshotId).toBe(SnapshotId);
  api.clock.advance(1);
  await world.settle();
  expect(use).toThrow('archived');
  expect((await shown())?.RestoreExpiryTime).toBeUndefined();
});

it('restores a snapshot for good, at once or in the end', async () => {
  const { api, archive, restore, status, use } = await setUp();
  await archive();
  expect(await restore({ PermanentRestore: true })).toMatchObject({ IsPermanentRestore: true });
  expect(await status()).toMatchObject({
    StorageTier: 'standard',
    LastTieringOperationStatus: 'permanent-restore-completed',
  });
  await archive();
  await restore({ TemporaryRestoreDays: 1 });
  await restore({ PermanentRestore: true });
  api.clock.advance(400 * day);
  expect(use().state).toBe('completed');
  expect((await status())?.RestoreExpiryTime).toBeUndefined();
});

it('leaves a snapshot of an AMI alone until the AMI is disabled', async () => {
  const { api, SnapshotId } = await setUp();
  const { ImageId } = await api.call<{ ImageId: string }>('RegisterImage', {
    Name: 'mine',
    VirtualizationType: 'hvm',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
  });
  const input = { SnapshotId, StorageTier: 'archive' };
  expect((await api.fail('ModifySnapshotTier', input)).code).toBe('InvalidSnapshot.InUse');
  await api.call('DisableImage', { ImageId });
  await api.call('ModifySnapshotTier', input);
});

test.each([
  ['ModifySnapshotTier', {}, 'MissingParameter'],
  ['ModifySnapshotTier', { StorageTier: 'standard' }, 'InvalidParameterValue'],
  ['RestoreSnapshotTier', {}, 'IncorrectState'],
  ['RestoreSnapshotTier', { TemporaryRestoreDays: 181 }, 'InvalidParameterValue'],
  ['RestoreSnapshotTier', { TemporaryRestoreDays: 0 }, 'InvalidParameterValue'],
  ['RestoreSnapshotTier', { TemporaryRestoreDays: 2, PermanentRestore: true }, 'InvalidParameterCombination'],
])('%s %j answers %s', async (operation, input, code) => {
  const { api, SnapshotId } = await setUp();
  expect((await api.fail(operation, { SnapshotId, ...input })).code).toBe(code);
});
