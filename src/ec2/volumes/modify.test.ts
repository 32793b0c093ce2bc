import type {
  DescribeVolumeAttributeResult,
  DescribeVolumesModificationsResult,
  Instance,
  ModifyVolumeResult,
  VolumeModification,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

let ec2: TestEc2;
/** What the engine was told. */
let told: unknown[][];

const noting = (engine: Engine): Engine => ({
  ...engine,
  disks: {
    ...engine.disks,
    ensureVolumeSize: async (...size) => {
      told.push(['size', ...size]);
    },
  },
  machines: {
    ...engine.machines,
    setDiskLimits: async (...limits) => {
      told.push(['limits', ...limits]);
    },
  },
});

beforeEach(async () => {
  told = [];
  ec2 = await startTestEc2(noting);
});
afterEach(() => ec2.controllers.close());

async function restart(change: (engine: Engine) => Engine): Promise<void> {
  await ec2.controllers.close();
  ec2 = await startTestEc2(change);
}

async function modification(id: string | undefined): Promise<VolumeModification> {
  const input = { VolumeIds: [id] };
  const result = await ec2.api.call<DescribeVolumesModificationsResult>('DescribeVolumesModifications', input);
  return result.VolumesModifications?.[0] ?? {};
}

/** Lets so much time pass, in milliseconds. */
async function pass(id: string | undefined, milliseconds: number): Promise<void> {
  ec2.api.clock.advance(milliseconds);
  ec2.controllers.wake('volume-modifications', id ?? '');
  await ec2.settle();
}

const modify = (VolumeId: string | undefined, input: object) =>
  ec2.api.call<ModifyVolumeResult>('ModifyVolume', { VolumeId, ...input });
const refused = async (VolumeId: string | undefined, input: object) =>
  (await ec2.api.fail('ModifyVolume', { VolumeId, ...input })).code;

async function modified(VolumeId: string | undefined, input: object): Promise<void> {
  await modify(VolumeId, input);
  await ec2.settle();
  await pass(VolumeId, 10_000);
}

const rootOf = (instance: Instance) => instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';

describe('ModifyVolume', () => {
  it('grows the volume of a machine that runs, by way of modifying, optimizing and completed', async () => {
    const host = Promise.withResolvers<void>();
    await restart(engine => ({
      ...noting(engine),
      disks: {
        ...engine.disks,
        ensureVolumeSize: async (...size) => {
          await host.promise;
          told.push(['size', ...size]);
        },
      },
    }));
    const instance = await ec2.running();
    const VolumeId = rootOf(instance);
    const answer = await modify(VolumeId, { Size: 20 });
    const values = { OriginalSize: 2, TargetSize: 20, OriginalVolumeType: 'gp3', TargetVolumeType: 'gp3' };
    expect(answer.VolumeModification).toMatchObject({
      VolumeId,
      ModificationState: 'modifying',
      Progress: 0,
      ...values,
      TargetIops: 3000,
      TargetThroughput: 125,
      OriginalMultiAttachEnabled: false,
      StartTime: new Date(ec2.api.clock.now()),
    });
    expect((await ec2.volume(VolumeId)).Size).toBe(2);
    host.resolve();
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).Size).toBe(20);
    expect(told[0]).toEqual(['size', VolumeId, 20]);
    await pass(VolumeId, 2_500);
    expect(await modification(VolumeId)).toMatchObject({ ModificationState: 'optimizing', Progress: 50, ...values });
    await pass(VolumeId, 2_500);
    expect(await modification(VolumeId)).toMatchObject({
      ModificationState: 'completed',
      Progress: 100,
      EndTime: new Date(ec2.api.clock.now()),
      ...values,
    });
  });

  it('changes type, IOPS and throughput, which machines hear of', async () => {
    const instance = await ec2.running({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 20 } }] });
    const VolumeId = rootOf(instance);
    await modified(VolumeId, { Iops: 6_000, Throughput: 500 });
    expect(await ec2.volume(VolumeId)).toMatchObject({ Size: 20, Iops: 6_000, Throughput: 500 });
    const limits = { iops: 6_000, bytesPerSecond: 500 * 2 ** 20, operationBytes: 2 ** 18 };
    expect(told[0]).toEqual(['limits', instance.InstanceId, VolumeId, limits]);
    await modified(VolumeId, { VolumeType: 'gp2' });
    const gp2 = await ec2.volume(VolumeId);
    expect(gp2).toMatchObject({ VolumeType: 'gp2', Iops: 100 });
    expect(gp2.Throughput).toBeUndefined();
    // What is not given follows from the type.
    await modified(VolumeId, { VolumeType: 'gp3' });
    expect(await ec2.volume(VolumeId)).toMatchObject({ VolumeType: 'gp3', Iops: 3_000, Throughput: 125 });
    expect(told.some(one => one[0] === 'size')).toBe(false);
  });

  it('keeps what was provisioned when only the size changes', async () => {
    const VolumeId = await ec2.create({ VolumeType: 'io2', Iops: 700 });
    await modified(VolumeId, { Size: 10 });
    expect(await ec2.volume(VolumeId)).toMatchObject({ Size: 10, Iops: 700 });
    const gp2 = await ec2.create({ Size: 100 });
    await modified(gp2, { Size: 200 });
    expect(await ec2.volume(gp2)).toMatchObject({ Size: 200, Iops: 600 });
  });

  it('takes four modifications in 24 hours, one after the other', async () => {
    const VolumeId = await ec2.create();
    const began = ec2.api.clock.now();
    await modify(VolumeId, { Size: 9 });
    expect(await refused(VolumeId, { Size: 10 })).toBe('IncorrectModificationState');
    await ec2.settle();
    const error = await ec2.api.fail('ModifyVolume', { VolumeId, Size: 10 });
    expect(error).toMatchObject({
      code: 'IncorrectModificationState',
      message: `Volume ${VolumeId} cannot be modified in modification state OPTIMIZING`,
    });
    await pass(VolumeId, 10_000);
    for (const Size of [10, 11, 12]) await modified(VolumeId, { Size });
    const rate = await ec2.api.fail('ModifyVolume', { VolumeId, Size: 13 });
    expect(rate.code).toBe('VolumeModificationRateExceeded');
    expect(rate.message).toContain(new Date(began + 86_400_000).toISOString());
    await pass(VolumeId, 86_400_000 - (ec2.api.clock.now() - began) - 1);
    expect(await refused(VolumeId, { Size: 13 })).toBe('VolumeModificationRateExceeded');
    await pass(VolumeId, 1);
    await modified(VolumeId, { Size: 13 });
    expect((await ec2.volume(VolumeId)).Size).toBe(13);
  });

  test.each<[string, object, object, string]>([
    ['a smaller size', {}, { Size: 7 }, 'InvalidParameterValue'],
    ['nothing', {}, {}, 'MissingParameter'],
    ['a type that is not', {}, { VolumeType: 'gp9' }, 'UnknownVolumeType'],
    ['more than the type can be', {}, { Size: 16_385 }, 'InvalidParameterValue'],
    ['IOPS of gp2', {}, { Iops: 3_000 }, 'InvalidParameterCombination'],
    ['too many IOPS for the size', { VolumeType: 'io1', Iops: 100 }, { Iops: 401 }, 'InvalidParameterValue'],
    ['too much throughput for the IOPS', { VolumeType: 'gp3' }, { Throughput: 751 }, 'InvalidParameterValue'],
    ['a magnetic volume', { VolumeType: 'standard' }, { Size: 9 }, 'InvalidParameterValue'],
    ['a volume that is to be magnetic', {}, { VolumeType: 'standard' }, 'InvalidParameterValue'],
    ['Multi-Attach of gp2', {}, { MultiAttachEnabled: true }, 'InvalidParameterCombination'],
    ['Multi-Attach of io1', { VolumeType: 'io1', Iops: 100 }, { MultiAttachEnabled: true }, 'UnsupportedOperation'],
    [
      'another type with Multi-Attach',
      { VolumeType: 'io2', Iops: 100, MultiAttachEnabled: true },
      { VolumeType: 'gp3', MultiAttachEnabled: false },
      'UnsupportedOperation',
    ],
    ['more than the quota', { VolumeType: 'io2', Iops: 100 }, { Size: 20 * 1024 + 1 }, 'VolumeLimitExceeded'],
    [
      'more IOPS than the quota',
      { VolumeType: 'io2', Iops: 100, Size: 200 },
      { Iops: 100_001 },
      'MaxIOPSLimitExceeded',
    ],
  ])('refuses %s', async (_what, volume, input, code) => {
    const VolumeId = await ec2.create(volume);
    const before = await ec2.volume(VolumeId);
    expect(await refused(VolumeId, input)).toBe(code);
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toEqual(before);
    expect((await ec2.api.fail('DescribeVolumesModifications', { VolumeIds: [VolumeId] })).code).toBe(
      'InvalidVolumeModification.NotFound',
    );
  });

  it('does not make a hard disk of a root volume', async () => {
    const instance = await ec2.running({
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 200 } }],
    });
    expect(await refused(rootOf(instance), { VolumeType: 'st1' })).toBe('InvalidParameterCombination');
    const VolumeId = await ec2.create({ Size: 200 });
    await modified(VolumeId, { VolumeType: 'st1' });
    expect((await ec2.volume(VolumeId)).VolumeType).toBe('st1');
  });

  it('turns Multi-Attach of io2 on while it is not attached, and off', async () => {
    const instance = await ec2.running();
    const VolumeId = await ec2.create({
      AvailabilityZone: instance.Placement?.AvailabilityZone,
      VolumeType: 'io2',
      Iops: 100,
    });
    await modified(VolumeId, { MultiAttachEnabled: true });
    expect((await ec2.volume(VolumeId)).MultiAttachEnabled).toBe(true);
    await modified(VolumeId, { MultiAttachEnabled: false });
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/sdf' });
    await ec2.settle();
    expect(await refused(VolumeId, { MultiAttachEnabled: true })).toBe('UnsupportedOperation');
  });

  it('ends as failed, with the reason, when the disk cannot grow', async () => {
    await restart(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureVolumeSize: async () => {
          throw new EngineError('InsufficientCapacity', 'the disk is full');
        },
      },
    }));
    const VolumeId = await ec2.create();
    await modify(VolumeId, { Size: 9 });
    await ec2.settle();
    expect(await modification(VolumeId)).toMatchObject({
      ModificationState: 'failed',
      StatusMessage: expect.stringContaining('the disk is full'),
    });
    expect((await ec2.volume(VolumeId)).Size).toBe(8);
  });
});

describe('DescribeVolumesModifications', () => {
  it('lists the last of each volume, and finds them by filters', async () => {
    const [one, two] = [await ec2.create(), await ec2.create()];
    await ec2.create();
    await modified(one, { Size: 9 });
    await modified(one, { Size: 10 });
    await modify(two, { Size: 30 });
    const find = async (Name: string, value: string) => {
      const input = { Filters: [{ Name, Values: [value] }] };
      const result = await ec2.api.call<DescribeVolumesModificationsResult>('DescribeVolumesModifications', input);
      return result.VolumesModifications?.map(each => each.VolumeId);
    };
    expect(await find('target-size', '10')).toEqual([one]);
    expect(await find('original-size', '9')).toEqual([one]);
    expect(await find('target-volume-type', 'gp2')).toEqual([one, two]);
    expect(await find('modification-state', 'completed')).toEqual([one]);
    expect(await find('targetMultiAttachEnabled', 'true')).toEqual([]);
    const input = { VolumeIds: ['vol-0123456789abcdef0'] };
    expect((await ec2.api.fail('DescribeVolumesModifications', input)).code).toBe('InvalidVolume.NotFound');
  });
});

describe('attributes of a volume', () => {
  it('are kept', async () => {
    const VolumeId = await ec2.create();
    const read = async () => {
      const input = { VolumeId, Attribute: 'autoEnableIO' };
      return (await ec2.api.call<DescribeVolumeAttributeResult>('DescribeVolumeAttribute', input)).AutoEnableIO?.Value;
    };
    expect(await read()).toBe(false);
    await ec2.api.call('ModifyVolumeAttribute', { VolumeId, AutoEnableIO: { Value: true } });
    expect(await read()).toBe(true);
    await ec2.api.call('ModifyVolumeAttribute', { VolumeId, AutoEnableIO: { Value: false } });
    expect(await read()).toBe(false);
    expect((await ec2.api.fail('ModifyVolumeAttribute', { VolumeId })).code).toBe('MissingParameter');
  });

  it('I/O is enabled already', async () => {
    const VolumeId = await ec2.create();
    expect(await ec2.api.call('EnableVolumeIO', { VolumeId })).toEqual({});
    expect((await ec2.api.fail('EnableVolumeIO', { VolumeId: 'vol-0123456789abcdef0' })).code).toBe(
      'InvalidVolume.NotFound',
    );
  });
});
