import type { Instance, VolumeAttachment } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { startTestEc2, type TestEc2 } from './testing.ts';

let ec2: TestEc2;
beforeEach(async () => {
  ec2 = await startTestEc2();
});
afterEach(() => ec2.controllers.close());

/** Starts anew with something laid over the simulator. */
async function startWith(change: (engine: Engine) => Engine): Promise<void> {
  await ec2.controllers.close();
  ec2 = await startTestEc2(change);
}

/** A volume where the instance is. */
const createFor = (instance: Instance, input: object = {}) =>
  ec2.create({ AvailabilityZone: instance.Placement?.AvailabilityZone, ...input });

async function attached(instance: Instance, Device = '/dev/sdf', input: object = {}): Promise<string> {
  const VolumeId = await createFor(instance, input);
  await ec2.api.call('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device });
  await ec2.settle();
  return VolumeId;
}

/** Lets the controllers go on with what nothing holds. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
}

const plugged = (instance: Instance) => ec2.engine.machines.listDisks(instance.InstanceId ?? '');
const rootOf = (instance: Instance) => instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';

async function stop(instance: Instance): Promise<void> {
  await ec2.api.call('StopInstances', { InstanceIds: [instance.InstanceId] });
  await ec2.settle();
}

async function start(instance: Instance): Promise<void> {
  await ec2.api.call('StartInstances', { InstanceIds: [instance.InstanceId] });
  await ec2.settle();
}

describe('a volume and an instance that runs', () => {
  it('are attached when the machine has the disk, and seen from both sides', async () => {
    const instance = await ec2.running();
    const { InstanceId } = instance;
    const VolumeId = await createFor(instance);
    const answer = await ec2.api.call<VolumeAttachment>('AttachVolume', { VolumeId, InstanceId, Device: '/dev/sdf' });
    expect(answer).toMatchObject({ VolumeId, InstanceId, Device: '/dev/sdf', State: 'attaching' });
    expect((await ec2.volume(VolumeId)).State).toBe('in-use');
    await ec2.settle();
    expect(await plugged(instance)).toEqual([rootOf(instance), VolumeId]);
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([
      { InstanceId, Device: '/dev/sdf', State: 'attached', DeleteOnTermination: false },
    ]);
    expect((await ec2.instance(InstanceId)).BlockDeviceMappings?.[1]).toMatchObject({
      DeviceName: '/dev/sdf',
      Ebs: { VolumeId, Status: 'attached', DeleteOnTermination: false },
    });
  });

  it('come apart when the machine has let go of the disk', async () => {
    const guest = Promise.withResolvers<void>();
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        detachDisk: async (...disk) => {
          await guest.promise;
          await engine.machines.detachDisk(...disk);
        },
      },
    }));
    const instance = await ec2.running();
    const VolumeId = await attached(instance);
    const answer = await ec2.api.call<VolumeAttachment>('DetachVolume', { VolumeId });
    expect(answer).toMatchObject({ VolumeId, InstanceId: instance.InstanceId, State: 'detaching' });
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'in-use', Attachments: [{ State: 'detaching' }] });
    guest.resolve();
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'available', Attachments: [] });
    expect((await ec2.instance(instance.InstanceId)).BlockDeviceMappings).toHaveLength(1);
    expect(await plugged(instance)).toEqual([rootOf(instance)]);
    // And again, elsewhere.
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/xvdg' });
    await ec2.settle();
    expect(await plugged(instance)).toEqual([rootOf(instance), VolumeId]);
  });

  it('stay together over a stop and a start', async () => {
    const instance = await ec2.running();
    const VolumeId = await attached(instance);
    await stop(instance);
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([{ State: 'attached' }]);
    await start(instance);
    expect(await plugged(instance)).toEqual([rootOf(instance), VolumeId]);
  });

  it('are attached when the machine was just being built anew', async () => {
    const look = Promise.withResolvers<void>();
    let held = false;
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        status: async id => {
          const status = await engine.machines.status(id);
          if (held) await look.promise;
          return status;
        },
      },
    }));
    const instance = await ec2.running();
    const { InstanceId = '' } = instance;
    const VolumeId = await createFor(instance);
    held = true;
    // The machine is gone; the instance's controller looks at the instance as it is now, and waits.
    await ec2.engine.machines.remove(InstanceId);
    await turns();
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId, Device: '/dev/sdf' });
    await turns();
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([{ State: 'attaching' }]);
    held = false;
    look.resolve();
    await ec2.settle();
    expect(await plugged(instance)).toEqual([rootOf(instance), VolumeId]);
    ec2.controllers.wake('volume-attachments', VolumeId);
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([{ State: 'attached' }]);
  });

  it('are apart again when the machine cannot take the disk', async () => {
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        attachDisk: async () => {
          throw new EngineError('Invalid', 'no room for another disk');
        },
      },
    }));
    const instance = await ec2.running();
    const VolumeId = await attached(instance);
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'available', Attachments: [] });
    expect((await ec2.instance(instance.InstanceId)).BlockDeviceMappings).toHaveLength(1);
    expect(ec2.log.join('\n')).toContain('no room for another disk');
  });

  it('are busy while the guest does not let go, and come apart by force', async () => {
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        detachDisk: async (instanceId, volumeId, options) => {
          if (options?.force !== true) throw new EngineError('Failed', 'the guest has not let go');
          await engine.machines.detachDisk(instanceId, volumeId, options);
        },
      },
    }));
    const instance = await ec2.running();
    const VolumeId = await attached(instance);
    await ec2.api.call('DetachVolume', { VolumeId });
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'in-use', Attachments: [{ State: 'busy' }] });
    expect((await ec2.instance(instance.InstanceId)).BlockDeviceMappings?.[1]?.Ebs?.Status).toBe('detaching');
    const again = { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/sdg' };
    expect((await ec2.api.fail('AttachVolume', again)).code).toBe('VolumeInUse');
    await ec2.api.call('DetachVolume', { VolumeId, Force: true });
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).State).toBe('available');
    expect(await plugged(instance)).toEqual([rootOf(instance)]);
  });
});

describe('a volume and an instance that is stopped', () => {
  it('are attached and come apart at once', async () => {
    const instance = await ec2.running();
    await stop(instance);
    const VolumeId = await createFor(instance);
    const { InstanceId } = instance;
    const answer = await ec2.api.call<VolumeAttachment>('AttachVolume', { VolumeId, InstanceId, Device: '/dev/sdf' });
    expect(answer.State).toBe('attached');
    await ec2.api.call('DetachVolume', { VolumeId, InstanceId, Device: '/dev/sdf' });
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'available', Attachments: [] });
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId, Device: '/dev/sdf' });
    await start(instance);
    expect(await plugged(instance)).toEqual([rootOf(instance), VolumeId]);
  });

  it('may exchange the root volume, without which there is no start', async () => {
    const instance = await ec2.running();
    const { InstanceId, RootDeviceName } = instance;
    const old = rootOf(instance);
    expect((await ec2.api.fail('DetachVolume', { VolumeId: old })).code).toBe('OperationNotPermitted');
    await stop(instance);
    await ec2.api.call('DetachVolume', { VolumeId: old });
    const error = await ec2.api.fail('StartInstances', { InstanceIds: [InstanceId] });
    expect(error).toMatchObject({
      code: 'InvalidParameterValue',
      message: expect.stringContaining('does not have a volume attached at root (/dev/xvda)'),
    });
    const VolumeId = await createFor(instance);
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId, Device: RootDeviceName });
    await start(instance);
    expect((await ec2.instance(InstanceId)).State?.Name).toBe('running');
    expect(await plugged(instance)).toEqual([VolumeId]);
  });
});

describe('the end of an instance', () => {
  it('takes the volumes that are to go with it, and leaves the others', async () => {
    const instance = await ec2.running();
    const { InstanceId } = instance;
    const stays = await attached(instance, '/dev/sdf');
    const goes = await attached(instance, '/dev/sdg');
    await ec2.api.call('ModifyInstanceAttribute', {
      InstanceId,
      BlockDeviceMappings: [{ DeviceName: '/dev/sdg', Ebs: { DeleteOnTermination: true } }],
    });
    expect((await ec2.volume(goes)).Attachments).toMatchObject([{ DeleteOnTermination: true }]);
    await ec2.api.call('TerminateInstances', { InstanceIds: [InstanceId] });
    await ec2.settle();
    expect(await ec2.volume(stays)).toMatchObject({ State: 'available', Attachments: [] });
    expect(await ec2.engine.disks.listVolumes()).toEqual([stays]);
    expect((await ec2.api.fail('DescribeVolumes', { VolumeIds: [goes] })).code).toBe('InvalidVolume.NotFound');
  });

  it('leaves a volume that is being detached, whatever was to happen to it', async () => {
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        detachDisk: async (instanceId, volumeId) => {
          const { state } = await engine.machines.status(instanceId);
          if (state === 'running') throw new EngineError('Failed', 'the guest has not let go');
          await engine.machines.detachDisk(instanceId, volumeId);
        },
      },
    }));
    const instance = await ec2.running({
      BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, DeleteOnTermination: true } }],
    });
    const VolumeId = instance.BlockDeviceMappings?.[1]?.Ebs?.VolumeId;
    await ec2.api.call('DetachVolume', { VolumeId });
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([{ State: 'busy' }]);
    await ec2.api.call('TerminateInstances', { InstanceIds: [instance.InstanceId] });
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toMatchObject({ State: 'available', Attachments: [] });
    expect(await ec2.engine.disks.listVolumes()).toEqual([VolumeId]);
  });
});

describe('AttachVolume', () => {
  test.each([
    ['/dev/xvda', 'Attachment point /dev/xvda is already in use'],
    ['/dev/sdf', 'Attachment point /dev/sdf is already in use'],
    ['/dev/xvdf', 'Attachment point /dev/xvdf is already in use'],
    ['xvdf', 'Attachment point xvdf is already in use'],
    ['/dev/sdk1', '/dev/sdk1 is not a valid EBS device name'],
    ['/dev/nvme1n1', '/dev/nvme1n1 is not a valid EBS device name'],
  ])('refuses the device %s', async (Device, message) => {
    const instance = await ec2.running();
    await attached(instance, '/dev/sdf');
    const VolumeId = await createFor(instance);
    const error = await ec2.api.fail('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device });
    expect(error).toMatchObject({ code: 'InvalidParameterValue', message: expect.stringContaining(message) });
    expect((await ec2.volume(VolumeId)).State).toBe('available');
  });

  it('refuses a volume elsewhere or in use, and an instance that ends', async () => {
    const instance = await ec2.running();
    const { InstanceId } = instance;
    const at = { InstanceId, Device: '/dev/sdg' };
    const zone = instance.Placement?.AvailabilityZone === 'us-east-1a' ? 'us-east-1b' : 'us-east-1a';
    const far = await ec2.create({ AvailabilityZone: zone });
    expect((await ec2.api.fail('AttachVolume', { ...at, VolumeId: far })).code).toBe('InvalidVolume.ZoneMismatch');
    const used = await attached(instance);
    expect((await ec2.api.fail('AttachVolume', { ...at, VolumeId: used })).code).toBe('VolumeInUse');
    await ec2.settle();
    await ec2.api.call('TerminateInstances', { InstanceIds: [InstanceId] });
    const free = await createFor(instance);
    expect((await ec2.api.fail('AttachVolume', { ...at, VolumeId: free })).code).toBe('IncorrectState');
  });

  it('refuses a volume that is being created', async () => {
    const host = Promise.withResolvers<void>();
    await startWith(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureVolume: async (id, options) => {
          if (options.snapshotId === undefined) await host.promise;
          await engine.disks.ensureVolume(id, options);
        },
      },
    }));
    const instance = await ec2.running();
    const { InstanceId, Placement } = instance;
    const input = { AvailabilityZone: Placement?.AvailabilityZone, Size: 1 };
    const { VolumeId } = await ec2.api.call<{ VolumeId: string }>('CreateVolume', input);
    const attach = { VolumeId, InstanceId, Device: '/dev/sdf' };
    expect((await ec2.api.fail('AttachVolume', attach)).code).toBe('IncorrectState');
    expect((await ec2.api.fail('DeleteVolume', { VolumeId })).code).toBe('IncorrectState');
    host.resolve();
    await ec2.settle();
    await ec2.api.call('AttachVolume', attach);
  });

  it('allows as many volumes as the type has slots that no interface takes', async () => {
    const instance = await ec2.running({ InstanceType: 't2.micro' });
    const { InstanceId } = instance;
    const letters = [...'bcdefghijklmnopqrstuvwxyz'];
    const names = [...letters.map(one => `/dev/xvd${one}`), ...letters.map(one => `/dev/xvdb${one}`)];
    for (const Device of names.slice(0, 39)) {
      const { VolumeId } = await ec2.api.call<{ VolumeId: string }>('CreateVolume', {
        AvailabilityZone: instance.Placement?.AvailabilityZone,
        Size: 1,
      });
      await ec2.settle();
      await ec2.api.call('AttachVolume', { VolumeId, InstanceId, Device });
    }
    const VolumeId = await createFor(instance);
    const error = await ec2.api.fail('AttachVolume', { VolumeId, InstanceId, Device: names[39] });
    expect(error.code).toBe('AttachmentLimitExceeded');
  });

  it('needs the volume and the instance', async () => {
    const instance = await ec2.running();
    const VolumeId = await createFor(instance);
    const input = { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/sdf' };
    const arn = `arn:aws:ec2:us-east-1:000000000000:volume/${VolumeId}`;
    const ann = await makeUser(ec2.api, 'ann', { Action: 'ec2:*', Resource: arn });
    expect((await ec2.api.fail('AttachVolume', input, { as: ann })).code).toBe('UnauthorizedOperation');
    const bob = await makeUser(ec2.api, 'bob', {
      Action: 'ec2:*',
      Resource: [arn, `arn:aws:ec2:us-east-1:000000000000:instance/${instance.InstanceId}`],
    });
    await ec2.api.call('AttachVolume', input, { as: bob });
    expect((await ec2.api.fail('DetachVolume', { VolumeId }, { as: ann })).code).toBe('UnauthorizedOperation');
    await ec2.api.call('DetachVolume', { VolumeId }, { as: bob });
  });
});

describe('DetachVolume', () => {
  it('names the attachment that there is not', async () => {
    const instance = await ec2.running();
    const other = await ec2.running();
    const VolumeId = await createFor(instance);
    expect((await ec2.api.fail('DetachVolume', { VolumeId })).code).toBe('IncorrectState');
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId: instance.InstanceId, Device: '/dev/sdf' });
    const at = (input: object) => ec2.api.fail('DetachVolume', { VolumeId, ...input });
    expect((await at({ InstanceId: other.InstanceId })).code).toBe('InvalidAttachment.NotFound');
    expect((await at({ Device: '/dev/sdg' })).code).toBe('InvalidAttachment.NotFound');
    expect((await at({ InstanceId: 'i-0123456789abcdef0' })).code).toBe('InvalidInstanceID.NotFound');
  });
});

describe('Multi-Attach', () => {
  const io2 = { VolumeType: 'io2', Iops: 100, MultiAttachEnabled: true };

  it('gives one volume to several instances, which share it', async () => {
    const shared: unknown[] = [];
    await startWith(engine => ({
      ...engine,
      machines: {
        ...engine.machines,
        attachDisk: async (instanceId, disk, key) => {
          shared.push(disk.shared);
          await engine.machines.attachDisk(instanceId, disk, key);
        },
      },
    }));
    const [one, two] = [await ec2.running(), await ec2.running()];
    const VolumeId = await attached(one, '/dev/sdf', io2);
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId: two.InstanceId, Device: '/dev/sdg' });
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toMatchObject({
      MultiAttachEnabled: true,
      State: 'in-use',
      Attachments: [
        { InstanceId: one.InstanceId, Device: '/dev/sdf', State: 'attached' },
        { InstanceId: two.InstanceId, Device: '/dev/sdg', State: 'attached' },
      ],
    });
    expect(shared).toEqual([true, true]);
    expect((await ec2.api.fail('DetachVolume', { VolumeId })).code).toBe('MissingParameter');
    await ec2.api.call('DetachVolume', { VolumeId, InstanceId: one.InstanceId });
    await ec2.settle();
    expect(await ec2.volume(VolumeId)).toMatchObject({
      State: 'in-use',
      Attachments: [{ InstanceId: two.InstanceId }],
    });
    expect(await plugged(one)).toEqual([rootOf(one)]);
    expect(await plugged(two)).toEqual([rootOf(two), VolumeId]);
  });

  it('goes with the last instance that is to take it', async () => {
    const [one, two] = [await ec2.running(), await ec2.running()];
    const VolumeId = await attached(one, '/dev/sdf', io2);
    await ec2.api.call('AttachVolume', { VolumeId, InstanceId: two.InstanceId, Device: '/dev/sdf' });
    const BlockDeviceMappings = [{ DeviceName: '/dev/sdf', Ebs: { DeleteOnTermination: true } }];
    for (const { InstanceId } of [one, two])
      await ec2.api.call('ModifyInstanceAttribute', { InstanceId, BlockDeviceMappings });
    await ec2.api.call('TerminateInstances', { InstanceIds: [one.InstanceId] });
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).Attachments).toMatchObject([{ InstanceId: two.InstanceId }]);
    await ec2.api.call('TerminateInstances', { InstanceIds: [two.InstanceId] });
    await ec2.settle();
    expect((await ec2.api.fail('DescribeVolumes', { VolumeIds: [VolumeId] })).code).toBe('InvalidVolume.NotFound');
    expect(await ec2.engine.disks.listVolumes()).toEqual([]);
  });

  it('is for machines of Nitro, and not for roots', async () => {
    const xen = await ec2.running({ InstanceType: 't2.micro' });
    const VolumeId = await createFor(xen, io2);
    const input = { VolumeId, InstanceId: xen.InstanceId, Device: '/dev/sdf' };
    expect((await ec2.api.fail('AttachVolume', input)).code).toBe('UnsupportedOperation');
    const nitro = await ec2.running();
    await stop(nitro);
    await ec2.api.call('DetachVolume', { VolumeId: rootOf(nitro) });
    const root = { VolumeId, InstanceId: nitro.InstanceId, Device: '/dev/xvda' };
    expect((await ec2.api.fail('AttachVolume', root)).code).toBe('InvalidParameterValue');
  });
});
