import { afterEach, expect, it, test } from 'vitest';
import type { DiskLimits, Engine } from '../../engine/engine.ts';
import { diskLimits } from './limits.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

const mib = 2 ** 20;

test.each<[string, Parameters<typeof diskLimits>[0], number, number]>([
  ['a small gp2 volume bursts', { volumeType: 'gp2', size: 8, iops: 100 }, 3_000, 128],
  ['a large one has 3 a GiB', { volumeType: 'gp2', size: 2_000, iops: 6_000 }, 6_000, 250],
  ['gp3 has what it was given', { volumeType: 'gp3', size: 8, iops: 4_000, throughput: 600 }, 4_000, 600],
  ['io1 moves 256 KiB an operation', { volumeType: 'io1', size: 100, iops: 1_000 }, 1_000, 250],
  ['up to 500 MiB', { volumeType: 'io1', size: 1_000, iops: 20_000 }, 20_000, 500],
  ['and more with very many', { volumeType: 'io1', size: 2_000, iops: 64_000 }, 64_000, 1_000],
  ['io2 moves 0.256 MiB an operation', { volumeType: 'io2', size: 100, iops: 1_000 }, 1_000, 256],
  ['up to 4,000 MiB', { volumeType: 'io2', size: 1_000, iops: 64_000 }, 64_000, 4_000],
  ['st1 has 250 MiB a TiB', { volumeType: 'st1', size: 1_024 }, 250, 250],
  ['up to 500', { volumeType: 'st1', size: 16_384 }, 500, 500],
  ['sc1 has 80 MiB a TiB', { volumeType: 'sc1', size: 1_024 }, 80, 80],
  ['standard is slow', { volumeType: 'standard', size: 10 }, 200, 90],
])('%s', (_what, volume, iops, throughput) => {
  const large = ['st1', 'sc1', 'standard'].includes(volume.volumeType);
  expect(diskLimits(volume)).toEqual({
    iops,
    bytesPerSecond: throughput * mib,
    operationBytes: large ? mib : mib / 4,
  });
});

let ec2: TestEc2;
afterEach(() => ec2?.controllers.close());

/** Notes the limits that machines get by the name of the device. */
function noting(notes: Record<string, DiskLimits | undefined>) {
  return (engine: Engine): Engine => ({
    ...engine,
    machines: {
      ...engine.machines,
      ensureRunning: async (spec, keys) => {
        for (const disk of spec.disks) notes[disk.device] = disk.limits;
        return engine.machines.ensureRunning(spec, keys);
      },
      attachDisk: async (instanceId, disk, key) => {
        notes[disk.device] = disk.limits;
        await engine.machines.attachDisk(instanceId, disk, key);
      },
    },
  });
}

async function launchAndAttach(): Promise<void> {
  const instance = await ec2.running();
  const AvailabilityZone = instance.Placement?.AvailabilityZone;
  const VolumeId = await ec2.create({ AvailabilityZone, VolumeType: 'io2', Iops: 500 });
  await ec2.api.call('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/sdf' });
  await ec2.settle();
}

it('machines get the limits of their volumes, at their start and later', async () => {
  const notes: Record<string, DiskLimits | undefined> = {};
  ec2 = await startTestEc2(noting(notes));
  await launchAndAttach();
  expect(notes).toEqual({
    '/dev/xvda': { iops: 3_000, bytesPerSecond: 125 * mib, operationBytes: mib / 4 },
    '/dev/sdf': { iops: 500, bytesPerSecond: 128 * mib, operationBytes: mib / 4 },
  });
});

it('there are none where the setting says so', async () => {
  const notes: Record<string, DiskLimits | undefined> = {};
  ec2 = await startTestEc2(noting(notes), { volumeLimits: false });
  await launchAndAttach();
  expect(notes).toEqual({ '/dev/xvda': undefined, '/dev/sdf': undefined });
});
