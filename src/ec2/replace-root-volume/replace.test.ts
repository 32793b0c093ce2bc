import type {
  CreateReplaceRootVolumeTaskResult,
  DescribeReplaceRootVolumeTasksResult,
  Instance,
  ReplaceRootVolumeTask,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { EngineError } from '../../engine/engine.ts';
import { publishTestImage } from '../testing.ts';
import { startTestEc2, type TestEc2 } from '../volumes/testing.ts';

let ec2: TestEc2;
beforeEach(async () => {
  ec2 = await startTestEc2();
});
afterEach(() => ec2.controllers.close());

const rootOf = (instance: Instance) => instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';

async function task(id: string | undefined): Promise<ReplaceRootVolumeTask> {
  const input = { ReplaceRootVolumeTaskIds: [id] };
  const result = await ec2.api.call<DescribeReplaceRootVolumeTasksResult>('DescribeReplaceRootVolumeTasks', input);
  return result.ReplaceRootVolumeTasks?.[0] ?? {};
}

async function replace(InstanceId: string | undefined, input: object = {}): Promise<ReplaceRootVolumeTask> {
  const { ReplaceRootVolumeTask: made } = await ec2.api.call<CreateReplaceRootVolumeTaskResult>(
    'CreateReplaceRootVolumeTask',
    { InstanceId, ...input },
  );
  expect(made).toMatchObject({ InstanceId, TaskState: 'pending' });
  await ec2.settle();
  return task(made?.ReplaceRootVolumeTaskId);
}

const snapshotOf = async (VolumeId: string) =>
  (await ec2.api.call<{ SnapshotId: string }>('CreateSnapshot', { VolumeId })).SnapshotId;

describe('CreateReplaceRootVolumeTask', () => {
  it('gives a running instance the root volume that it was launched with', async () => {
    const instance = await ec2.running({
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 5, DeleteOnTermination: false } }],
    });
    const { InstanceId } = instance;
    const old = rootOf(instance);
    const done = await replace(InstanceId, {
      TagSpecifications: [{ ResourceType: 'replace-root-volume-task', Tags: [{ Key: 'why', Value: 'broken' }] }],
    });
    expect(done).toMatchObject({
      TaskState: 'succeeded',
      DeleteReplacedRootVolume: false,
      Tags: [{ Key: 'why', Value: 'broken' }],
      CompleteTime: new Date(ec2.api.clock.now()).toISOString(),
    });
    const after = await ec2.instance(InstanceId);
    const root = rootOf(after);
    expect(root).not.toBe(old);
    expect(after).toMatchObject({
      State: { Name: 'running' },
      PrivateIpAddress: instance.PrivateIpAddress,
      PublicIpAddress: instance.PublicIpAddress,
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false, Status: 'attached' } }],
    });
    const { SnapshotId } = await ec2.volume(old);
    expect(await ec2.volume(root)).toMatchObject({ State: 'in-use', Size: 5, VolumeType: 'gp3', SnapshotId });
    expect(done.SnapshotId).toBe(SnapshotId);
    expect(await ec2.volume(old)).toMatchObject({ State: 'available', Attachments: [] });
    expect(await ec2.engine.machines.listDisks(InstanceId ?? '')).toEqual([root]);
  });

  it('takes a snapshot of the root volume, and of those before it', async () => {
    const { InstanceId, ...instance } = await ec2.running();
    const first = rootOf(instance);
    const early = await snapshotOf(first);
    await ec2.settle();
    expect(await replace(InstanceId, { SnapshotId: early, DeleteReplacedRootVolume: true })).toMatchObject({
      TaskState: 'succeeded',
      SnapshotId: early,
      DeleteReplacedRootVolume: true,
    });
    const second = rootOf(await ec2.instance(InstanceId));
    expect((await ec2.volume(second)).SnapshotId).toBe(early);
    expect(await ec2.engine.disks.listVolumes()).toEqual([second]);
    const late = await snapshotOf(second);
    await ec2.settle();
    for (const SnapshotId of [late, early])
      expect((await replace(InstanceId, { SnapshotId })).TaskState).toBe('succeeded');
    // The state at the launch is still known.
    const launched = await replace(InstanceId);
    expect([early, late]).not.toContain(launched.SnapshotId);
    const other = await snapshotOf(await ec2.create());
    await ec2.settle();
    const input = { InstanceId, SnapshotId: other };
    expect((await ec2.api.fail('CreateReplaceRootVolumeTask', input)).code).toBe('InvalidParameterValue');
  });

  it('takes an AMI that fits, and a volume', async () => {
    const instance = await ec2.running();
    const { InstanceId } = instance;
    const ImageId = await publishTestImage(ec2.api, 'us-east-1', 'fogbank-micro-20260201');
    const done = await replace(InstanceId, { ImageId });
    expect(done).toMatchObject({ TaskState: 'succeeded', ImageId });
    expect((await ec2.volume(rootOf(await ec2.instance(InstanceId)))).SnapshotId).toBe(done.SnapshotId);
    const VolumeId = await ec2.create({ AvailabilityZone: instance.Placement?.AvailabilityZone });
    expect((await replace(InstanceId, { VolumeId })).TaskState).toBe('succeeded');
    expect(rootOf(await ec2.instance(InstanceId))).toBe(VolumeId);
  });

  it('fails, and leaves the instance as it was, when the replacement cannot be made', async () => {
    await ec2.controllers.close();
    let full = false;
    ec2 = await startTestEc2(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureVolume: async (...volume) => {
          if (full) throw new EngineError('InsufficientCapacity', 'the disk is full');
          await engine.disks.ensureVolume(...volume);
        },
      },
    }));
    const instance = await ec2.running();
    full = true;
    expect((await replace(instance.InstanceId)).TaskState).toBe('failed');
    expect(await ec2.instance(instance.InstanceId)).toEqual(instance);
    expect(await ec2.engine.disks.listVolumes()).toEqual([rootOf(instance)]);
  });

  it('fails when the instance is stopped before, and deletes what was made', async () => {
    await ec2.controllers.close();
    const host = Promise.withResolvers<void>();
    let slow = false;
    ec2 = await startTestEc2(engine => ({
      ...engine,
      disks: {
        ...engine.disks,
        ensureVolume: async (...volume) => {
          if (slow) await host.promise;
          await engine.disks.ensureVolume(...volume);
        },
      },
    }));
    const instance = await ec2.running();
    const { InstanceId } = instance;
    slow = true;
    const { ReplaceRootVolumeTask: made } = await ec2.api.call<CreateReplaceRootVolumeTaskResult>(
      'CreateReplaceRootVolumeTask',
      { InstanceId },
    );
    expect((await ec2.api.fail('CreateReplaceRootVolumeTask', { InstanceId })).code).toBe('IncorrectState');
    await ec2.api.call('StopInstances', { InstanceIds: [InstanceId] });
    host.resolve();
    await ec2.settle();
    expect((await task(made?.ReplaceRootVolumeTaskId)).TaskState).toBe('failed');
    expect(rootOf(await ec2.instance(InstanceId))).toBe(rootOf(instance));
    expect(await ec2.engine.disks.listVolumes()).toEqual([rootOf(instance)]);
  });

  test.each<[string, object, string]>([
    [
      'two sources',
      { SnapshotId: 'snap-0123456789abcdef0', ImageId: 'ami-0123456789abcdef0' },
      'InvalidParameterCombination',
    ],
    ['a snapshot that is not', { SnapshotId: 'snap-0123456789abcdef0' }, 'InvalidSnapshot.NotFound'],
    ['an AMI that is not', { ImageId: 'ami-0123456789abcdef0' }, 'InvalidAMIID.NotFound'],
    ['a volume that is not', { VolumeId: 'vol-0123456789abcdef0' }, 'InvalidVolume.NotFound'],
    ['a rate', { VolumeInitializationRate: 100 }, 'UnsupportedOperation'],
  ])('refuses %s', async (_what, input, code) => {
    const { InstanceId } = await ec2.running();
    expect((await ec2.api.fail('CreateReplaceRootVolumeTask', { InstanceId, ...input })).code).toBe(code);
  });

  it('refuses an instance that does not run', async () => {
    const { InstanceId } = await ec2.running();
    await ec2.api.call('StopInstances', { InstanceIds: [InstanceId] });
    await ec2.settle();
    const error = await ec2.api.fail('CreateReplaceRootVolumeTask', { InstanceId });
    expect(error.code).toBe('IncorrectInstanceState');
  });

  it('needs the instance, the task and the volume', async () => {
    const { InstanceId } = await ec2.running();
    const all = (type: string, id = '*') => `arn:aws:ec2:us-east-1:000000000000:${type}/${id}`;
    const needed = [all('instance', InstanceId), all('replace-root-volume-task'), all('volume')];
    for (const left of needed) {
      const Resource = needed.filter(one => one !== left);
      const name = `without${needed.indexOf(left)}`;
      const user = await makeUser(ec2.api, name, { Action: 'ec2:*', Resource });
      const error = await ec2.api.fail('CreateReplaceRootVolumeTask', { InstanceId }, { as: user });
      expect(error.code).toBe('UnauthorizedOperation');
    }
    const user = await makeUser(ec2.api, 'ann', { Action: 'ec2:*', Resource: needed });
    await ec2.api.call('CreateReplaceRootVolumeTask', { InstanceId }, { as: user });
  });
});

it('DescribeReplaceRootVolumeTasks lists tasks by instance', async () => {
  const [one, two] = [await ec2.running(), await ec2.running()];
  const first = await replace(one.InstanceId);
  await replace(two.InstanceId);
  const input = { Filters: [{ Name: 'instance-id', Values: [one.InstanceId] }] };
  const found = await ec2.api.call<DescribeReplaceRootVolumeTasksResult>('DescribeReplaceRootVolumeTasks', input);
  expect(found.ReplaceRootVolumeTasks).toEqual([first]);
  const unknown = { ReplaceRootVolumeTaskIds: ['replacevol-0123456789abcdef0'] };
  expect((await ec2.api.fail('DescribeReplaceRootVolumeTasks', unknown)).code).toBe(
    'InvalidReplaceRootVolumeTaskId.NotFound',
  );
});
