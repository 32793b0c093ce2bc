import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DiskAttachment } from '../../engine/engine.ts';
import { startTestEc2, type TestEc2 } from '../volumes/testing.ts';

let ec2: TestEc2;
/** Disks of the last start. */
let disks: readonly DiskAttachment[];
/** Sizes of the volumes that the engine was asked for. */
let sizes: Map<string, number>;

beforeEach(async () => {
  sizes = new Map();
  ec2 = await startTestEc2(engine => ({
    ...engine,
    machines: {
      ...engine.machines,
      ensureRunning: async (spec, keys) => {
        disks = spec.disks;
        return engine.machines.ensureRunning(spec, keys);
      },
    },
    disks: {
      ...engine.disks,
      ensureVolume: async (id, options) => {
        sizes.set(id, options.sizeGib);
        await engine.disks.ensureVolume(id, options);
      },
    },
  }));
});
afterEach(() => ec2.controllers.close());

const power = async (operation: string, id: string | undefined) => {
  await ec2.api.call(operation, { InstanceIds: [id] });
  await ec2.settle();
};

it('instances of a type with NVMe disks have them all, while they run', async () => {
  const instance = await ec2.running({ InstanceType: 'c5d.12xlarge' });
  expect(disks.map(one => [one.device, one.root, sizes.get(one.volumeId)])).toEqual([
    ['/dev/xvda', true, 2],
    ['/dev/nvme1n1', false, 838],
    ['/dev/nvme2n1', false, 838],
  ]);
  expect(await ec2.engine.disks.listVolumes()).toHaveLength(3);
  // The API shows EBS volumes only.
  expect(instance.BlockDeviceMappings).toHaveLength(1);
  const [root, store] = disks;

  await power('RebootInstances', instance.InstanceId);
  expect(await ec2.engine.disks.listVolumes()).toContain(store?.volumeId);

  await power('StopInstances', instance.InstanceId);
  expect(await ec2.engine.disks.listVolumes()).toEqual([root?.volumeId]);

  await power('StartInstances', instance.InstanceId);
  expect(disks).toHaveLength(3);
  expect(disks[0]).toEqual(root);
  // Nothing of it comes back.
  expect(disks.map(one => one.volumeId)).not.toContain(store?.volumeId);

  await power('TerminateInstances', instance.InstanceId);
  expect(await ec2.engine.disks.listVolumes()).toEqual([]);
});

it('follow the type of the instance', async () => {
  const { InstanceId } = await ec2.running({ InstanceType: 'c5d.large' });
  await power('StopInstances', InstanceId);
  await ec2.api.call('ModifyInstanceAttribute', { InstanceId, InstanceType: { Value: 'c5.large' } });
  await power('StartInstances', InstanceId);
  expect(disks.map(one => one.device)).toEqual(['/dev/xvda']);
  await power('StopInstances', InstanceId);
  await ec2.api.call('ModifyInstanceAttribute', { InstanceId, InstanceType: { Value: 'm5d.large' } });
  await power('StartInstances', InstanceId);
  expect(disks.map(one => one.device)).toEqual(['/dev/xvda', '/dev/nvme1n1']);
});

it('of older types are those that the block device mapping names', async () => {
  const mapping = (...names: string[]) =>
    names.map((DeviceName, index) => ({ DeviceName, VirtualName: `ephemeral${index}` }));
  const { InstanceId } = await ec2.running({ InstanceType: 'm3.xlarge' });
  expect(disks).toHaveLength(1);
  await ec2.running({ InstanceType: 'm3.xlarge', BlockDeviceMappings: mapping('/dev/sdb', '/dev/sdc', '/dev/sdd') });
  expect(disks.map(one => [one.device, sizes.get(one.volumeId)])).toEqual([
    ['/dev/xvda', 2],
    ['/dev/sdb', 37],
    ['/dev/sdc', 37],
  ]);
  // A type without any ignores it.
  await ec2.running({ InstanceType: 't3.micro', BlockDeviceMappings: mapping('/dev/sdb') });
  expect(disks).toHaveLength(1);
  expect(InstanceId).toBeDefined();
});
