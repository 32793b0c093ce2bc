import type { CopySnapshotResult, DescribeSnapshotsResult, Snapshot } from '@aws-sdk/client-ec2';
import { expect, it, test } from 'vitest';
import { makeUser, setPolicy } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { type DiskDriver, EngineError } from '../../engine/engine.ts';
import { createSimulatedDisks } from '../../engine/simulator/disks.ts';
import { snapshots } from './model.ts';
import { addVolume, createSnapshotWorld } from './testing.ts';

const west = { region: 'us-west-2' };

async function setUp(more: Partial<DiskDriver> = {}) {
  const api = createTestApi();
  const world = createSnapshotWorld(api, { ...createSimulatedDisks(), ...more });
  const { volumeId: VolumeId } = addVolume(api);
  const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', {
    VolumeId,
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'a', Value: 'b' }] }],
  });
  await world.settle();
  const source = { SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId };
  const copy = (input: object = {}, options: object = west) =>
    api.call<CopySnapshotResult>('CopySnapshot', { ...source, ...input }, options);
  return { api, world, SnapshotId, source, copy };
}

async function shown(api: TestApi, SnapshotId: string | undefined, options: object = west) {
  const { Snapshots } = await api.call<DescribeSnapshotsResult>(
    'DescribeSnapshots',
    { SnapshotIds: [SnapshotId] },
    options,
  );
  return Snapshots?.[0];
}

it('copies a snapshot to another Region, where it is another one', async () => {
  const { api, world, SnapshotId, copy } = await setUp();
  const made = await copy({
    Description: 'for bad times',
    DestinationRegion: 'us-west-2',
    PresignedUrl: 'https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'c', Value: 'd' }] }],
  });
  expect(made.Tags).toEqual([{ Key: 'c', Value: 'd' }]);
  expect(made.SnapshotId).not.toBe(SnapshotId);
  expect(await shown(api, made.SnapshotId)).toMatchObject({ State: 'pending', TransferType: 'standard' });
  await world.settle();
  const copied = await shown(api, made.SnapshotId);
  expect(copied).toMatchObject({
    State: 'completed',
    Progress: '100%',
    VolumeId: 'vol-ffffffff',
    VolumeSize: 8,
    Description: 'for bad times',
    Tags: [{ Key: 'c', Value: 'd' }],
  });
  expect((await api.fail('DescribeSnapshots', { SnapshotIds: [made.SnapshotId] })).code).toBe(
    'InvalidSnapshot.NotFound',
  );
});

it('has the content of a source that is deleted before it was copied', async () => {
  const { api, world, SnapshotId, copy } = await setUp();
  await copy();
  await api.call('DeleteSnapshot', { SnapshotId });
  const copies: string[] = [];
  const { ensureSnapshotCopy } = world.disks;
  world.disks.ensureSnapshotCopy = async (id, source, options) => {
    copies.push(source.snapshotId);
    expect(await world.disks.listSnapshots()).toContain(source.snapshotId);
    await ensureSnapshotCopy(id, source, options);
  };
  await world.settle();
  expect(copies).toEqual([SnapshotId]);
});

it('shows how far it is, and why it failed', async () => {
  const seen: (string | undefined)[] = [];
  const { api, world, copy } = await setUp({
    ensureSnapshotCopy: async (snapshotId, _source, options) => {
      options?.progress?.(0.424);
      seen.push((await shown(api, snapshotId))?.Progress);
      throw new EngineError('NotFound', 'its content is lost');
    },
  });
  const { SnapshotId } = await copy();
  await world.settle();
  expect(seen).toEqual(['42%']);
  expect(await shown(api, SnapshotId)).toMatchObject({ State: 'error', StateMessage: 'its content is lost' });
});

it('copies what others share, as the copying account', async () => {
  const { api, SnapshotId, copy } = await setUp();
  const other = { ...west, account: '111111111111' };
  await expect(copy({}, other)).rejects.toMatchObject({ code: 'InvalidSnapshot.NotFound' });
  await api.call('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: ['111111111111'] });
  const { SnapshotId: copied } = await copy({}, other);
  expect(await shown(api, copied, other)).toMatchObject({ OwnerId: '111111111111' });
});

it('keeps the time within which it was asked for', async () => {
  const { api, copy } = await setUp();
  const { SnapshotId } = await copy({ CompletionDurationMinutes: 45 });
  expect(await shown(api, SnapshotId)).toMatchObject({ TransferType: 'time-based', CompletionDurationMinutes: 45 });
});

it('makes twenty copies to a Region at a time', async () => {
  const { api, world, source, copy } = await setUp();
  for (let made = 0; made < 20; made++) await copy();
  expect((await api.fail('CopySnapshot', source, west)).code).toBe('ResourceLimitExceeded');
  await copy({}, { region: 'eu-west-1' });
  await world.settle();
  await copy();
});

test.each([
  [{ SourceRegion: 'nowhere' }, 'InvalidParameterValue'],
  [{ SourceRegion: 'eu-west-1' }, 'InvalidSnapshot.NotFound'],
  [{ SourceSnapshotId: 'snap-1' }, 'InvalidSnapshotID.Malformed'],
  [{ DestinationRegion: 'eu-west-1' }, 'InvalidParameterValue'],
  [{ KmsKeyId: 'alias/mine' }, 'InvalidParameterDependency'],
  [{ CompletionDurationMinutes: 20 }, 'InvalidParameterValue'],
  [{ CompletionDurationMinutes: 2895 }, 'InvalidParameterValue'],
  [{ DestinationOutpostArn: 'arn:aws:outposts:us-west-2:0:outpost/op-0' }, 'UnsupportedOperation'],
  [{ DestinationAvailabilityZone: 'us-west-2-lax-1a' }, 'UnsupportedOperation'],
])('%j answers %s', async (input, code) => {
  const { api, source } = await setUp();
  expect((await api.fail('CopySnapshot', { ...source, ...input }, west)).code).toBe(code);
});

it('does not copy what is not complete', async () => {
  const { api, SnapshotId, source } = await setUp();
  api.state.write(tx => {
    const row = tx.get(snapshots, SnapshotId);
    if (row !== undefined) tx.put(snapshots, { ...row, state: 'pending' });
  });
  expect((await api.fail('CopySnapshot', source, west)).code).toBe('IncorrectState');
});

it('needs permission for the source, too', async () => {
  const { api, SnapshotId, copy } = await setUp();
  const Action = 'ec2:CopySnapshot';
  const made = { Action, Resource: 'arn:aws:ec2:us-west-2::snapshot/*' };
  const as = await makeUser(api, 'alice', [made]);
  await expect(copy({}, { ...west, as })).rejects.toMatchObject({ code: 'UnauthorizedOperation' });
  await setPolicy(api, 'alice', [made, { Action, Resource: `arn:aws:ec2:us-east-1::snapshot/${SnapshotId}` }]);
  await copy({}, { ...west, as });
});

it('can be allowed for encrypted copies only', async () => {
  const { api, copy } = await setUp();
  const as = await makeUser(api, 'alice', [
    { Action: 'ec2:CopySnapshot' },
    { Action: 'kms:*' },
    {
      Effect: 'Deny',
      Action: 'ec2:CopySnapshot',
      Resource: 'arn:aws:ec2:us-west-2::snapshot/*',
      Condition: { Bool: { 'ec2:Encrypted': 'false' } },
    },
  ]);
  await expect(copy({}, { ...west, as })).rejects.toMatchObject({ code: 'UnauthorizedOperation' });
  await copy({ Encrypted: true }, { ...west, as });
});
