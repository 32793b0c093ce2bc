import type {
  CreateImageResult,
  DescribeImagesResult,
  DescribeInstancesResult,
  DescribeSnapshotsResult,
  Instance,
  Volume,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import { type Engine, EngineError, type SnapshotCut } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { instances } from '../instances/model.ts';
import { ec2Controllers } from '../service.ts';
import { snapshots as snapshotTable } from '../snapshots/model.ts';
import { launch } from '../testing.ts';
import { images } from './model.ts';

let engine: Engine;
let api: TestApi;
let controllers: Controllers;
/** What was cut together, and whether the machine ran then. */
let cuts: { readonly volumeIds: string[]; readonly running: boolean }[];
let instanceId: string;

function start(): void {
  controllers = ec2Controllers({ state: api.state, engine, clock: api.clock, log: () => {} }).controllers;
  controllers.start();
}

beforeEach(async () => {
  cuts = [];
  engine = createSimulator();
  const ensureSnapshots = engine.disks.ensureSnapshots.bind(engine.disks);
  engine.disks.ensureSnapshots = async (parts: readonly SnapshotCut[]) => {
    const running = (await engine.machines.status(instanceId)).state === 'running';
    cuts.push({ volumeIds: parts.map(part => part.volumeId), running });
    await ensureSnapshots(parts);
  };
  api = createTestApi(engine);
  await engine.open(
    { machineChanged: id => controllers.wake('instances', id) },
    { onListening: () => {}, onClosed: () => {} },
  );
  start();
  instanceId = (await launched()).InstanceId ?? '';
});
afterEach(() => controllers.close());

async function settle(): Promise<void> {
  for (let round = 0; round < 30; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function launched(input: object = {}): Promise<Instance> {
  const [instance] = await launch(api, input);
  await settle();
  return see(instance?.InstanceId);
}

async function see(id: string | undefined): Promise<Instance> {
  const result = await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [id] });
  const instance = result.Reservations?.[0]?.Instances?.[0];
  if (instance === undefined) throw new Error(`${id} is not there`);
  return instance;
}

const create = async (input: object = {}): Promise<string> => {
  const result = await api.call<CreateImageResult>('CreateImage', { InstanceId: instanceId, Name: 'mine', ...input });
  return result.ImageId ?? '';
};
const fail = (input: object = {}) => api.fail('CreateImage', { InstanceId: instanceId, Name: 'mine', ...input });
async function image(id: string) {
  const { Images } = await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [id] });
  return Images?.[0];
}
const snapshots = async () =>
  (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] })).Snapshots ?? [];

async function addVolume(Device: string, more: object = {}): Promise<string> {
  const input = { AvailabilityZone: 'us-east-1a', Size: 10, VolumeType: 'gp3', ...more };
  const { VolumeId = '' } = await api.call<Volume>('CreateVolume', input);
  await settle();
  await api.call('AttachVolume', { VolumeId, InstanceId: instanceId, Device });
  await settle();
  return VolumeId;
}

describe('CreateImage', () => {
  test('of a machine that is real is made while it is down', async () => {
    (engine.capabilities as { realMachines: boolean }).realMachines = true;
    // A guest that does not hear the power button is powered off when its time is over.
    for (const deaf of [false, true]) {
      cuts = [];
      const asked: string[] = [];
      const { pressPowerButton, powerOff } = engine.machines;
      engine.machines.pressPowerButton = async id => {
        asked.push('button');
        if (!deaf) await pressPowerButton(id);
      };
      engine.machines.powerOff = async id => {
        asked.push('off');
        await powerOff(id);
      };
      const id = await create({ Name: `deaf ${deaf}` });
      for (let round = 0; round < 5; round++) {
        await settle();
        api.clock.advance(60_000);
        controllers.wake('instances', instanceId);
      }
      await settle();
      expect(asked).toEqual(deaf ? ['button', 'off'] : ['button']);
      expect(cuts).toMatchObject([{ running: false }]);
      expect((await image(id))?.State).toBe('available');
      expect((await engine.machines.status(instanceId)).state).toBe('running');
      expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
      Object.assign(engine.machines, { pressPowerButton, powerOff });
    }
  });

  test('reboots the instance, cuts all volumes at once, and lets it go on', async () => {
    const data = await addVolume('/dev/sdf', { Iops: 4000, Throughput: 200 });
    const root = (await see(instanceId)).BlockDeviceMappings?.[0]?.Ebs?.VolumeId;
    const id = await create({
      Description: 'of a server',
      TagSpecifications: [
        { ResourceType: 'image', Tags: [{ Key: 'a', Value: '1' }] },
        { ResourceType: 'snapshot', Tags: [{ Key: 'b', Value: '2' }] },
      ],
    });
    expect(id).toMatch(/^ami-0[0-9a-f]{16}$/);
    expect((await image(id))?.State).toBe('pending');
    expect((await api.fail('RunInstances', { ImageId: id, MinCount: 1, MaxCount: 1 })).code).toBe(
      'InvalidAMIID.Unavailable',
    );
    await settle();
    expect(cuts.map(cut => cut.volumeIds)).toEqual([[root, data]]);
    const source = (await see(instanceId)).ImageId;
    const made = await snapshots();
    expect(await image(id)).toMatchObject({
      State: 'available',
      Name: 'mine',
      Description: 'of a server',
      Architecture: 'x86_64',
      BootMode: 'legacy-bios',
      RootDeviceName: '/dev/xvda',
      EnaSupport: true,
      Public: false,
      SourceInstanceId: instanceId,
      SourceImageId: source,
      SourceImageRegion: 'us-east-1',
      Tags: [{ Key: 'a', Value: '1' }],
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: { SnapshotId: made[0]?.SnapshotId, VolumeSize: 2, VolumeType: 'gp3', DeleteOnTermination: true },
        },
        {
          DeviceName: '/dev/sdf',
          Ebs: {
            SnapshotId: made[1]?.SnapshotId,
            VolumeSize: 10,
            VolumeType: 'gp3',
            Iops: 4000,
            Throughput: 200,
            DeleteOnTermination: false,
          },
        },
      ],
    });
    expect(made).toMatchObject([
      { State: 'completed', Description: `Created by CreateImage(${instanceId}) for ${id}`, VolumeId: root },
      { State: 'completed', Tags: [{ Key: 'b', Value: '2' }], VolumeId: data },
    ]);
    expect((await see(instanceId)).State?.Name).toBe('running');
    expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
    expect(api.state.get(images, id)?.rebooting).toBeUndefined();
  });

  test('without reboot leaves the guest running, and takes a stopped instance as it is', async () => {
    await create({ NoReboot: true });
    expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
    await settle();
    expect(cuts).toMatchObject([{ running: true }]);
    api.clock.advance(60_000);
    await api.call('StopInstances', { InstanceIds: [instanceId] });
    await settle();
    const id = await create({ Name: 'stopped' });
    await settle();
    expect(cuts[1]).toMatchObject({ running: false });
    expect((await image(id))?.State).toBe('available');
    expect((await see(instanceId)).State?.Name).toBe('stopped');
  });

  test('an instance that is stopped instead of rebooted is cut when it is down', async () => {
    await controllers.close();
    const id = await create();
    await api.call('StopInstances', { InstanceIds: [instanceId] });
    start();
    await settle();
    // The image's controller looks again in a second; the stop wakes nobody.
    controllers.wake('images', id);
    await settle();
    expect(cuts).toMatchObject([{ running: false }]);
    expect((await image(id))?.State).toBe('available');
    expect((await see(instanceId)).State?.Name).toBe('stopped');
  });

  test('a server that ends in between goes on where it was', async () => {
    await controllers.close();
    const id = await create();
    start();
    await settle();
    expect(cuts).toHaveLength(1);
    expect((await image(id))?.State).toBe('available');
    expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
  });

  test('its content is launched, on volumes like those of the instance', async () => {
    await addVolume('/dev/sdf');
    const id = await create({ NoReboot: true });
    await settle();
    const copy = await launched({ ImageId: id });
    expect(copy.State?.Name).toBe('running');
    expect(copy.BlockDeviceMappings?.map(device => device.DeviceName)).toEqual(['/dev/xvda', '/dev/sdf']);
  });

  test('takes what the request changes of the devices', async () => {
    await addVolume('/dev/sdf');
    await addVolume('/dev/sdg');
    const id = await create({
      NoReboot: true,
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } },
        { DeviceName: '/dev/sdf', NoDevice: '' },
        { DeviceName: '/dev/sdh', Ebs: { VolumeSize: 3 } },
      ],
    });
    await settle();
    expect((await image(id))?.BlockDeviceMappings).toMatchObject([
      { DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } },
      { DeviceName: '/dev/sdg' },
      { DeviceName: '/dev/sdh', Ebs: { VolumeSize: 3, VolumeType: 'gp2' } },
    ]);
    expect(await snapshots()).toHaveLength(2);
  });

  test('fails with the reason when a snapshot cannot be made or is deleted', async () => {
    engine.disks.ensureSnapshots = async () => {
      throw new EngineError('InsufficientCapacity', 'the disk is full');
    };
    const id = await create({ NoReboot: true });
    await settle();
    const [snapshot] = await snapshots();
    api.state.write(tx => tx.delete(snapshotTable, snapshot?.SnapshotId ?? ''));
    await settle();
    expect(await image(id)).toMatchObject({
      State: 'failed',
      StateReason: { Code: 'Server.InternalError', Message: `The snapshot ${snapshot?.SnapshotId} was deleted` },
    });
    await api.call('DeregisterImage', { ImageId: id });
  });

  test('an AMI that is deregistered before the reboot leaves its snapshots, and the instance running', async () => {
    await controllers.close();
    const id = await create();
    await api.call('DeregisterImage', { ImageId: id });
    start();
    await settle();
    expect(await snapshots()).toMatchObject([{ State: 'completed' }]);
    expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
  });

  test.each([
    [{ InstanceId: 'i-00000000000000000' }, 'InvalidInstanceID.NotFound'],
    [{ InstanceId: 'x' }, 'InvalidInstanceID.Malformed'],
    [{ Name: 'a#b' }, 'InvalidAMIName.Malformed'],
    [{ Name: undefined }, 'MissingParameter'],
    [{ Description: 'x'.repeat(256) }, 'InvalidParameterValue'],
    [{ SnapshotLocation: 'local' }, 'UnsupportedOperation'],
    [{ BootModeOverride: 'uefi' }, 'InvalidParameterCombination'],
    [{ BootModeOverride: 'bios' }, 'InvalidParameterValue'],
    [{ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', NoDevice: '' }] }, 'InvalidBlockDeviceMapping'],
    [{ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 9 } }] }, 'InvalidBlockDeviceMapping'],
    [{ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }] }, 'InvalidBlockDeviceMapping'],
    [{ BlockDeviceMappings: [{ DeviceName: 'disk', Ebs: { VolumeSize: 9 } }] }, 'InvalidBlockDeviceMapping'],
    [{ TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a' }] }] }, 'InvalidParameterValue'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await fail(input)).code).toBe(code);
    expect(await snapshots()).toEqual([]);
    expect(api.state.get(instances, instanceId)?.wanted).toBeUndefined();
  });

  test('refuses another’s instance, a name in use, and an instance that has gone', async () => {
    await create({ NoReboot: true });
    await settle();
    expect((await fail()).code).toBe('InvalidAMIName.Duplicate');
    const input = { InstanceId: instanceId, Name: 'theirs' };
    expect((await api.fail('CreateImage', input, { account: '111111111111' })).code).toBe('InvalidInstanceID.NotFound');
    await api.call('TerminateInstances', { InstanceIds: [instanceId] });
    await settle();
    expect((await fail({ Name: 'late' })).code).toBe('IncorrectInstanceState');
  });
});

test('UEFI is preferred where the instance type can, and forbidden where it cannot', async () => {
  const { ImageId = '' } = await see(instanceId);
  const change = (bootMode: 'uefi' | 'uefi-preferred') =>
    api.state.write(tx => {
      const row = tx.get(images, ImageId);
      if (row !== undefined) tx.put(images, { ...row, bootMode });
    });
  const run = async (InstanceType: string) => {
    const input = { ImageId, InstanceType, MinCount: 1, MaxCount: 1 };
    return (await api.call<{ Instances: Instance[] }>('RunInstances', input)).Instances[0];
  };
  change('uefi-preferred');
  const instance = await run('t3.micro');
  expect(instance).toMatchObject({ BootMode: 'uefi-preferred', CurrentInstanceBootMode: 'uefi' });
  expect(await run('t2.micro')).toMatchObject({ CurrentInstanceBootMode: 'legacy-bios' });
  await settle();
  const kept = await create({ InstanceId: instance?.InstanceId, NoReboot: true });
  expect((await image(kept))?.BootMode).toBe('uefi-preferred');
  api.clock.advance(60_000);
  await settle();
  const only = await create({
    InstanceId: instance?.InstanceId,
    Name: 'only',
    NoReboot: true,
    BootModeOverride: 'uefi',
  });
  expect((await image(only))?.BootMode).toBe('uefi');
  change('uefi');
  expect((await api.fail('RunInstances', { ImageId, InstanceType: 't2.micro', MinCount: 1, MaxCount: 1 })).code).toBe(
    'UnsupportedOperation',
  );
});
