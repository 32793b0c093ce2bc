import type { CopyVolumesResult, Volume } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import type { Engine } from '../../engine/engine.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

let ec2: TestEc2;
/** What the engine was told of disks. */
let told: unknown[][];
/** Keys that volumes were made with, and those of what they were made of. */
const keys = new Map<string, unknown[]>();

const noting = (engine: Engine): Engine => ({
  ...engine,
  disks: {
    ...engine.disks,
    ensureSnapshots: async cuts => {
      told.push(['cut', ...cuts.map(one => one.volumeId)]);
      await engine.disks.ensureSnapshots(cuts);
    },
    ensureVolume: async (id, options) => {
      told.push(['volume', id, options.sizeGib, options.snapshotId !== undefined]);
      keys.set(id, [options.key, options.snapshotKey]);
      await engine.disks.ensureVolume(id, options);
    },
  },
});

beforeEach(async () => {
  told = [];
  ec2 = await startTestEc2(noting);
});
afterEach(() => ec2.controllers.close());

async function copy(SourceVolumeId: string | undefined, input: object = {}): Promise<Volume> {
  const { Volumes } = await ec2.api.call<CopyVolumesResult>('CopyVolumes', { SourceVolumeId, ...input });
  return Volumes?.[0] ?? {};
}

describe('CopyVolumes', () => {
  it('makes a volume of what another one holds, by way of a snapshot that nobody sees', async () => {
    const source = await ec2.create({ AvailabilityZone: 'us-east-1b', VolumeType: 'gp3' });
    told = [];
    const Tags = [{ Key: 'Name', Value: 'copy' }];
    const made = await copy(source, { Size: 12, TagSpecifications: [{ ResourceType: 'volume', Tags }] });
    expect(made).toMatchObject({ State: 'creating', SourceVolumeId: source, Size: 12, VolumeType: 'gp2', Tags });
    await ec2.settle();
    expect(await ec2.volume(made.VolumeId)).toMatchObject({
      State: 'available',
      AvailabilityZone: 'us-east-1b',
      SourceVolumeId: source,
      SnapshotId: '',
    });
    expect(told).toEqual([
      ['cut', source],
      ['volume', made.VolumeId, 12, true],
    ]);
    expect(await ec2.engine.disks.listSnapshots()).toEqual([]);
    expect(await ec2.api.call('DescribeSnapshots', { OwnerIds: ['self'] })).toMatchObject({ Snapshots: [] });
  });

  it('copies the volume of an instance that runs', async () => {
    const { BlockDeviceMappings, Placement } = await ec2.running();
    const made = await copy(BlockDeviceMappings?.[0]?.Ebs?.VolumeId, { VolumeType: 'io2', Iops: 100, Size: 4 });
    await ec2.settle();
    expect(await ec2.volume(made.VolumeId)).toMatchObject({
      State: 'available',
      AvailabilityZone: Placement?.AvailabilityZone,
      Iops: 100,
    });
  });

  it('encrypts as the source is, or as it is asked for', async () => {
    const plain = await ec2.create();
    const secret = await ec2.create({ Encrypted: true });
    const [key] = keys.get(secret) ?? [];
    expect(key).toHaveLength(32);
    const same = await copy(secret);
    const fresh = await copy(plain, { Encrypted: true });
    await ec2.settle();
    const { KmsKeyId } = await ec2.volume(secret);
    for (const { VolumeId } of [same, fresh])
      expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'available', Encrypted: true, KmsKeyId });
    expect(keys.get(same.VolumeId ?? '')).toEqual([key, key]);
    expect(keys.get(fresh.VolumeId ?? '')).toEqual([expect.any(Uint8Array), undefined]);
    expect(keys.get(fresh.VolumeId ?? '')).not.toContain(key);
  });

  it('keeps the source until the copy is there', async () => {
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
    const source = await ec2.create();
    const made = await copy(source);
    await ec2.api.call('DeleteVolume', { VolumeId: source });
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
    expect((await ec2.volume(source)).State).toBe('deleting');
    host.resolve();
    await ec2.settle();
    expect((await ec2.volume(made.VolumeId)).State).toBe('available');
    expect(await ec2.engine.disks.listVolumes()).toEqual([made.VolumeId]);
  });

  test.each<[string, object, string]>([
    ['a smaller size', { Size: 7 }, 'InvalidParameterValue'],
    ['a volume that is not', { SourceVolumeId: 'vol-0123456789abcdef0' }, 'InvalidVolume.NotFound'],
    ['a type that is not', { VolumeType: 'gp9' }, 'UnknownVolumeType'],
    ['io2 without IOPS', { VolumeType: 'io2' }, 'MissingParameter'],
    ['Multi-Attach of gp2', { MultiAttachEnabled: true }, 'InvalidParameterCombination'],
    ['a key without encryption', { KmsKeyId: 'alias/aws/ebs' }, 'InvalidParameterDependency'],
  ])('refuses %s', async (_what, input, code) => {
    const SourceVolumeId = await ec2.create();
    expect((await ec2.api.fail('CopyVolumes', { SourceVolumeId, ...input })).code).toBe(code);
    expect(await ec2.engine.disks.listVolumes()).toEqual([SourceVolumeId]);
  });

  it('needs the source and the copy', async () => {
    const SourceVolumeId = await ec2.create();
    const source = `arn:aws:ec2:us-east-1:000000000000:volume/${SourceVolumeId}`;
    const ann = await makeUser(ec2.api, 'ann', { Action: 'ec2:CopyVolumes', Resource: source });
    expect((await ec2.api.fail('CopyVolumes', { SourceVolumeId }, { as: ann })).code).toBe('UnauthorizedOperation');
    const all = 'arn:aws:ec2:us-east-1:000000000000:volume/*';
    const bob = await makeUser(ec2.api, 'bob', { Action: 'ec2:CopyVolumes', Resource: all });
    await ec2.api.call('CopyVolumes', { SourceVolumeId }, { as: bob });
  });
});
