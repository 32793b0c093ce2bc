import type { DescribeVolumeStatusResult, Volume } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { EngineError } from '../../engine/engine.ts';
import { snapshots } from '../snapshots/model.ts';
import { publishTestImage } from '../testing.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

let ec2: TestEc2;
beforeEach(async () => {
  ec2 = await startTestEc2();
});
afterEach(() => ec2.controllers.close());

const zone = { AvailabilityZone: 'us-east-1a' };

/** The snapshot of the test image: 2 GiB, public. */
async function publicSnapshot(): Promise<string> {
  await publishTestImage(ec2.api);
  for (const { row } of ec2.api.state.entries(snapshots)) return row.snapshotId;
  throw new Error('there is no snapshot');
}

describe('CreateVolume', () => {
  it('makes an empty volume, which is there when its disk is', async () => {
    const made = await ec2.api.call<Volume>('CreateVolume', {
      ...zone,
      Size: 10,
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'data' }] }],
    });
    expect(made).toMatchObject({
      State: 'creating',
      Size: 10,
      VolumeType: 'gp2',
      Iops: 100,
      SnapshotId: '',
      Encrypted: false,
      MultiAttachEnabled: false,
      Attachments: [],
      AvailabilityZoneId: 'use1-az1',
      Tags: [{ Key: 'Name', Value: 'data' }],
    });
    await ec2.settle();
    expect((await ec2.volume(made.VolumeId)).State).toBe('available');
    expect(await ec2.engine.disks.listVolumes()).toEqual([made.VolumeId]);
  });

  it('makes a volume of a snapshot, as large or larger', async () => {
    const SnapshotId = await publicSnapshot();
    const VolumeId = await ec2.create({ SnapshotId, Size: undefined, VolumeType: 'gp3' });
    expect(await ec2.volume(VolumeId)).toMatchObject({ SnapshotId, Size: 2, Iops: 3000, Throughput: 125 });
    expect(await ec2.volume(await ec2.create({ SnapshotId, Size: 3 }))).toMatchObject({ Size: 3 });
    expect(await ec2.api.fail('CreateVolume', { ...zone, SnapshotId, Size: 1 })).toMatchObject({
      code: 'InvalidParameterValue',
    });
  });

  it('finds the zone by its id, too', async () => {
    const VolumeId = await ec2.create({ AvailabilityZone: undefined, AvailabilityZoneId: 'use1-az2' });
    expect((await ec2.volume(VolumeId)).AvailabilityZone).toBe('us-east-1b');
  });

  it('makes one volume for one client token', async () => {
    const input = { ...zone, Size: 1, ClientToken: 'once' };
    const first = await ec2.api.call<Volume>('CreateVolume', input);
    expect((await ec2.api.call<Volume>('CreateVolume', input)).VolumeId).toBe(first.VolumeId);
    expect((await ec2.api.fail('CreateVolume', { ...input, Size: 2 })).code).toBe('IdempotentParameterMismatch');
  });

  test.each<[string, object, string]>([
    ['no zone', { Size: 1 }, 'MissingParameter'],
    ['a zone that is not', { AvailabilityZone: 'us-east-1z', Size: 1 }, 'InvalidZone.NotFound'],
    ["another Region's zone", { AvailabilityZone: 'eu-west-1a', Size: 1 }, 'InvalidZone.NotFound'],
    ['two zones', { ...zone, AvailabilityZoneId: 'use1-az1', Size: 1 }, 'InvalidParameterCombination'],
    ['no size', zone, 'MissingParameter'],
    ['a snapshot that is not', { ...zone, SnapshotId: 'snap-0123456789abcdef0' }, 'InvalidSnapshot.NotFound'],
    ['a snapshot id that is none', { ...zone, SnapshotId: 'snap-x' }, 'InvalidSnapshotID.Malformed'],
    ['a type that is not', { ...zone, Size: 1, VolumeType: 'gp9' }, 'UnknownVolumeType'],
    [
      'Multi-Attach of gp3',
      { ...zone, Size: 4, VolumeType: 'gp3', MultiAttachEnabled: true },
      'InvalidParameterCombination',
    ],
    ['an Outpost', { ...zone, Size: 1, OutpostArn: 'arn:aws:outposts:x' }, 'UnsupportedOperation'],
    ['a rate of initialization', { ...zone, Size: 1, VolumeInitializationRate: 100 }, 'UnsupportedOperation'],
  ])('refuses %s', async (_what, input, code) => {
    expect((await ec2.api.fail('CreateVolume', input)).code).toBe(code);
    expect(await ec2.engine.disks.listVolumes()).toEqual([]);
  });

  it('ends in the state error, with the reason, when there is no room', async () => {
    await ec2.controllers.close();
    ec2 = await startTestEc2(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureVolume: async () => {
          throw new EngineError('InsufficientCapacity', 'the disk is full');
        },
      },
    }));
    const VolumeId = await ec2.create();
    expect((await ec2.volume(VolumeId)).State).toBe('error');
    const { VolumeStatuses } = await ec2.api.call<DescribeVolumeStatusResult>('DescribeVolumeStatus', {
      VolumeIds: [VolumeId],
    });
    expect(VolumeStatuses?.[0]).toMatchObject({
      VolumeStatus: { Status: 'impaired' },
      Events: [{ Description: expect.stringContaining('the disk is full') }],
    });
    await ec2.api.call('DeleteVolume', { VolumeId });
    await ec2.settle();
    expect((await ec2.api.fail('DescribeVolumes', { VolumeIds: [VolumeId] })).code).toBe('InvalidVolume.NotFound');
  });

  it('is allowed by zone, size and type', async () => {
    const small = { NumericLessThanEquals: { 'ec2:VolumeSize': '4' }, StringEquals: { 'ec2:VolumeType': 'gp3' } };
    const ann = await makeUser(ec2.api, 'ann', { Action: 'ec2:CreateVolume', Condition: small });
    const input = { ...zone, VolumeType: 'gp3' };
    await ec2.api.call('CreateVolume', { ...input, Size: 4 }, { as: ann });
    expect((await ec2.api.fail('CreateVolume', { ...input, Size: 5 }, { as: ann })).code).toBe('UnauthorizedOperation');
    expect((await ec2.api.fail('CreateVolume', { ...zone, Size: 4 }, { as: ann })).code).toBe('UnauthorizedOperation');
  });
});

describe('DeleteVolume', () => {
  it('removes the disk, and then the volume', async () => {
    await ec2.controllers.close();
    const host = Promise.withResolvers<void>();
    ec2 = await startTestEc2(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        removeVolume: async id => {
          await host.promise;
          await engine.disks.removeVolume(id);
        },
      },
    }));
    const VolumeId = await ec2.create();
    await ec2.api.call('DeleteVolume', { VolumeId });
    expect((await ec2.volume(VolumeId)).State).toBe('deleting');
    // Again, while it goes.
    await ec2.api.call('DeleteVolume', { VolumeId });
    host.resolve();
    await ec2.settle();
    expect(await ec2.engine.disks.listVolumes()).toEqual([]);
    expect((await ec2.api.fail('DeleteVolume', { VolumeId })).code).toBe('InvalidVolume.NotFound');
  });

  it('waits for the snapshots that are to be taken of it', async () => {
    await ec2.controllers.close();
    const host = Promise.withResolvers<void>();
    ec2 = await startTestEc2(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureSnapshots: async cuts => {
          await host.promise;
          expect(await engine.disks.listVolumes()).toContain(cuts[0]?.volumeId);
          await engine.disks.ensureSnapshots(cuts);
        },
      },
    }));
    const VolumeId = await ec2.create();
    const cut = ec2.api.call<{ SnapshotId: string }>('CreateSnapshot', { VolumeId });
    await ec2.api.call('DeleteVolume', { VolumeId });
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
    expect((await ec2.volume(VolumeId)).State).toBe('deleting');
    host.resolve();
    await cut;
    await ec2.settle();
    expect(await ec2.engine.disks.listVolumes()).toEqual([]);
    expect((await ec2.api.fail('DescribeVolumes', { VolumeIds: [VolumeId] })).code).toBe('InvalidVolume.NotFound');
  });

  it('refuses what is attached, and what is no id', async () => {
    const instance = await ec2.running();
    const root = instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId;
    expect((await ec2.api.fail('DeleteVolume', { VolumeId: root })).code).toBe('VolumeInUse');
    expect((await ec2.api.fail('DeleteVolume', { VolumeId: 'vol-1' })).code).toBe('InvalidVolumeID.Malformed');
  });
});
