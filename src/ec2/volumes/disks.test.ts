import { afterEach, beforeEach, expect, it } from 'vitest';
import { EngineError } from '../../engine/engine.ts';
import { missingDisks, removeOrphanDisks } from './disks.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

let ec2: TestEc2;
/** Volumes that the engine was asked to make. */
let made: string[];

beforeEach(async () => {
  made = [];
  ec2 = await startTestEc2(engine => ({
    ...engine,
    disks: {
      ...engine.disks,
      ensureVolume: async (id, options) => {
        made.push(id);
        await engine.disks.ensureVolume(id, options);
      },
    },
    machines: {
      ...engine.machines,
      ensureRunning: async spec => {
        const present = await engine.disks.listVolumes();
        const missing = spec.disks.find(disk => !present.includes(disk.volumeId));
        if (missing !== undefined) throw new EngineError('NotFound', `there is no volume ${missing.volumeId}`);
        return engine.machines.ensureRunning(spec);
      },
    },
  }));
});
afterEach(() => ec2.controllers.close());

it('makes a disk once, and never again: what was on it would be missing unnoticed', async () => {
  const instance = await ec2.running();
  const { InstanceId } = instance;
  const root = instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';
  const data = await ec2.create({ AvailabilityZone: instance.Placement?.AvailabilityZone });
  expect(made).toEqual([root, data]);
  await ec2.api.call('AttachVolume', { VolumeId: data, InstanceId, Device: '/dev/sdf' });
  await ec2.settle();
  await ec2.api.call('StopInstances', { InstanceIds: [InstanceId] });
  await ec2.settle();
  expect(await missingDisks(ec2.api.state, ec2.engine.disks)).toEqual([]);

  await ec2.engine.disks.removeVolume(data);
  expect(await missingDisks(ec2.api.state, ec2.engine.disks)).toEqual([data]);
  await ec2.api.call('StartInstances', { InstanceIds: [InstanceId] });
  await ec2.settle();
  expect(ec2.log.join('\n')).toContain(`there is no volume ${data}`);
  expect((await ec2.instance(InstanceId)).State?.Name).toBe('pending');
  expect(made).toEqual([root, data]);
});

it('removes disks that nothing wants, and says which', async () => {
  const { BlockDeviceMappings } = await ec2.running({ InstanceType: 'c5d.large' });
  const kept = await ec2.engine.disks.listVolumes();
  // Its root volume, and a disk of its host.
  expect(kept).toHaveLength(2);
  expect(kept).toContain(BlockDeviceMappings?.[0]?.Ebs?.VolumeId);
  const orphan = 'vol-0123456789abcdef0';
  await ec2.engine.disks.ensureVolume(orphan, { sizeGib: 1 });
  expect(await removeOrphanDisks(ec2.api.state, ec2.engine.disks)).toEqual([orphan]);
  expect(await ec2.engine.disks.listVolumes()).toEqual(kept);
});
