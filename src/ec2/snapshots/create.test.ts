import type { CreateSnapshotsResult, DescribeSnapshotsResult, Snapshot } from '@aws-sdk/client-ec2';
import { describe, expect, it, test } from 'vitest';
import { makeUser, setPolicy } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { createUntil } from '../../api/until.ts';
import { Controllers } from '../../controllers/controllers.ts';
import type { DiskDriver, SnapshotCut } from '../../engine/engine.ts';
import { createSimulatedDisks } from '../../engine/simulator/disks.ts';
import { images } from '../images/model.ts';
import { instances } from '../instances/model.ts';
import { launch } from '../testing.ts';
import { volumes } from '../volumes/model.ts';
import { isToBeCut, releaseCut } from './cut.ts';
import { cutController } from './cut-controller.ts';
import { snapshots } from './model.ts';
import { addVolume, createSnapshotWorld } from './testing.ts';

const VolumeId = 'vol-00000000000000000';

/** An instance with a root volume and two more. */
async function withVolumes(api: TestApi) {
  const mapping = (DeviceName: string) => ({ DeviceName, Ebs: { VolumeSize: 4 } });
  const BlockDeviceMappings = [mapping('/dev/sdf'), mapping('/dev/sdg')];
  const [instance] = await launch(api, { BlockDeviceMappings });
  const InstanceId = instance?.InstanceId ?? '';
  const devices = api.state.get(instances, InstanceId)?.blockDevices ?? [];
  // Nobody attaches them here.
  api.state.write(tx => {
    for (const { volumeId } of devices) {
      const row = tx.get(volumes, volumeId);
      if (row !== undefined) tx.put(volumes, { ...row, state: 'in-use' });
    }
  });
  return { InstanceId, ids: devices.map(device => device.volumeId) };
}

async function shown(api: TestApi, ...SnapshotIds: (string | undefined)[]): Promise<Snapshot[]> {
  return (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { SnapshotIds })).Snapshots ?? [];
}

describe('CreateSnapshot', () => {
  it('makes a snapshot that is pending until its volume was cut', async () => {
    const api = createTestApi();
    const world = createSnapshotWorld(api);
    addVolume(api);
    const made = await api.call<Snapshot>('CreateSnapshot', {
      VolumeId,
      Description: 'before the upgrade',
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'a', Value: 'b' }] }],
    });
    expect(made).toMatchObject({
      VolumeId,
      VolumeSize: 8,
      State: 'pending',
      Progress: '',
      Description: 'before the upgrade',
      Encrypted: false,
      OwnerId: '000000000000',
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    expect(isToBeCut(api.state, VolumeId)).toBe(true);
    await world.settle();
    expect(isToBeCut(api.state, VolumeId)).toBe(false);
    expect(await shown(api, made.SnapshotId)).toMatchObject([
      { State: 'completed', Progress: '100%', FullSnapshotSizeInBytes: 0, Tags: [{ Key: 'a', Value: 'b' }] },
    ]);
    expect(await world.disks.listSnapshots()).toContain(made.SnapshotId);
  });

  it('answers when the volume was cut, not before', async () => {
    const api = createTestApi();
    addVolume(api);
    const disks = createSimulatedDisks();
    let isCut = false;
    const slow: DiskDriver = {
      ...disks,
      ensureSnapshots: async cuts => {
        await new Promise(resolve => setTimeout(resolve, 30));
        isCut = true;
        await disks.ensureSnapshots(cuts);
      },
    };
    Object.assign(api.services, { until: createUntil(api.state) });
    const controllers = new Controllers(api.state, [cutController(api.state, slow, api.clock)], () => {});
    controllers.start();
    const { SnapshotId, State } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    expect(isCut).toBe(true);
    expect(State).toBe('pending');
    expect(await shown(api, SnapshotId)).toMatchObject([{ State: 'completed' }]);
    await controllers.close();
  });

  it('ends in the state error when its volume cannot be cut', async () => {
    const api = createTestApi();
    const world = createSnapshotWorld(api);
    const { volumeId } = addVolume(api);
    const { SnapshotId } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    api.state.write(tx => tx.delete(volumes, volumeId));
    await world.settle();
    expect(await shown(api, SnapshotId)).toMatchObject([
      { State: 'error', StateMessage: `the volume ${volumeId} no longer exists` },
    ]);
  });

  it('leaves nothing of a snapshot that is deleted while it is made', async () => {
    const api = createTestApi();
    const disks = createSimulatedDisks();
    addVolume(api);
    const { SnapshotId } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    const world = createSnapshotWorld(api, {
      ...disks,
      ensureSnapshots: async cuts => {
        await api.call('DeleteSnapshot', { SnapshotId });
        await disks.ensureSnapshots(cuts);
      },
    });
    await world.settle();
    expect(await disks.listSnapshots()).toEqual([]);
  });

  it('has limits for what is pending of a volume', async () => {
    const api = createTestApi();
    const world = createSnapshotWorld(api);
    addVolume(api);
    const make = () => api.call<Snapshot>('CreateSnapshot', { VolumeId });
    for (let made = 0; made < 4; made++) {
      await make();
      expect((await api.fail('CreateSnapshot', { VolumeId })).code).toBe('SnapshotCreationPerVolumeRateExceeded');
      api.clock.advance(15_000);
    }
    await make();
    api.clock.advance(15_000);
    expect((await api.fail('CreateSnapshot', { VolumeId })).code).toBe('ConcurrentSnapshotLimitExceeded');
    await world.settle();
    await make();
  });

  it('has limits for what an account has', async () => {
    const api = createTestApi();
    const { volumeId: VolumeId } = addVolume(api);
    const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    await createSnapshotWorld(api).settle();
    const row = api.state.get(snapshots, SnapshotId);
    const fill = (count: number, state: 'pending' | 'completed') =>
      api.state.write(tx => {
        for (let at = 0; at < count; at++) {
          const snapshotId = `snap-${state === 'pending' ? 'a' : 'b'}${String(at).padStart(16, '0')}`;
          if (row !== undefined) tx.put(snapshots, { ...row, snapshotId, volumeId: 'vol-ffffffff', state });
        }
      });
    fill(100, 'pending');
    expect((await api.fail('CreateSnapshot', { VolumeId })).code).toBe('PendingSnapshotLimitExceeded');
    expect((await api.fail('StartSnapshot', { VolumeSize: 1 }, { service: 'ebs' })).code).toBe(
      'ConcurrentLimitExceededException',
    );
    fill(99_900, 'completed');
    expect((await api.fail('CreateSnapshot', { VolumeId })).code).toBe('SnapshotLimitExceeded');
    expect((await api.fail('StartSnapshot', { VolumeSize: 1 }, { service: 'ebs' })).code).toBe(
      'ServiceQuotaExceededException',
    );
  });

  test.each([
    [{ VolumeId: 'vol-x' }, 'InvalidVolumeID.Malformed'],
    [{ VolumeId: 'vol-0aaaaaaaaaaaaaaaa' }, 'InvalidVolume.NotFound'],
    [{ VolumeId: 'vol-00000000000000001' }, 'IncorrectState'],
    [{ VolumeId, Description: 'x'.repeat(256) }, 'InvalidParameterValue'],
    [{ VolumeId, OutpostArn: 'arn:aws:outposts:us-east-1:0:outpost/op-0' }, 'UnsupportedOperation'],
    [{ VolumeId, Location: 'local' }, 'UnsupportedOperation'],
    [{ VolumeId, TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a' }] }] }, 'InvalidParameterValue'],
  ])('%j answers %s', async (input, code) => {
    const api = createTestApi();
    addVolume(api);
    addVolume(api, { state: 'creating' });
    expect((await api.fail('CreateSnapshot', input)).code).toBe(code);
    expect([...api.state.entries(snapshots)]).toEqual([]);
  });

  it('needs permission for the volume and for the snapshot', async () => {
    const api = createTestApi();
    addVolume(api);
    const Action = 'ec2:CreateSnapshot';
    const onVolume = { Action, Resource: `arn:aws:ec2:us-east-1:000000000000:volume/${VolumeId}` };
    const as = await makeUser(api, 'alice', [onVolume]);
    expect((await api.fail('CreateSnapshot', { VolumeId }, { as })).code).toBe('UnauthorizedOperation');
    const Condition = { NumericLessThan: { 'ec2:VolumeSize': '9' } };
    await setPolicy(api, 'alice', [onVolume, { Action, Resource: 'arn:aws:ec2:us-east-1::snapshot/*', Condition }]);
    await api.call('CreateSnapshot', { VolumeId }, { as });
  });
});

describe('CreateSnapshots', () => {
  it('cuts all volumes of an instance at one instant', async () => {
    const api = createTestApi();
    const disks = createSimulatedDisks();
    const cuts: (readonly SnapshotCut[])[] = [];
    const world = createSnapshotWorld(api, {
      ...disks,
      ensureSnapshots: async list => {
        cuts.push(list);
        await disks.ensureSnapshots(list);
      },
    });
    const { InstanceId, ids } = await withVolumes(api);
    await api.call('CreateTags', { Resources: ids, Tags: [{ Key: 'of', Value: 'volume' }] });
    const { Snapshots = [] } = await api.call<CreateSnapshotsResult>('CreateSnapshots', {
      InstanceSpecification: { InstanceId },
      Description: 'all',
      CopyTagsFromSource: 'volume',
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'mine', Value: '1' }] }],
    });
    expect(Snapshots.map(one => one.VolumeId)).toEqual(ids);
    expect(Snapshots[0]).toMatchObject({ State: 'pending', Progress: '', Description: 'all' });
    await world.settle();
    expect(cuts.map(list => list.map(one => one.volumeId))).toEqual([ids]);
    const made = await shown(api, ...Snapshots.map(one => one.SnapshotId));
    expect(made.map(one => one.State)).toEqual(['completed', 'completed', 'completed']);
    for (const { Tags } of made) {
      expect(Tags).toEqual([
        { Key: 'of', Value: 'volume' },
        { Key: 'mine', Value: '1' },
      ]);
    }
  });

  it('leaves out what is excluded', async () => {
    const api = createTestApi();
    const { InstanceId, ids } = await withVolumes(api);
    const [root, first, second] = ids;
    const { Snapshots } = await api.call<CreateSnapshotsResult>('CreateSnapshots', {
      InstanceSpecification: { InstanceId, ExcludeBootVolume: true, ExcludeDataVolumeIds: [first] },
    });
    expect(Snapshots?.map(one => one.VolumeId)).toEqual([second]);
    const wrong = async (more: object) =>
      (await api.fail('CreateSnapshots', { InstanceSpecification: { InstanceId, ...more } })).code;
    expect(await wrong({ ExcludeDataVolumeIds: [root] })).toBe('InvalidParameterValue');
    expect(await wrong({ ExcludeDataVolumeIds: ['vol-0aaaaaaaaaaaaaaaa'] })).toBe('InvalidParameterValue');
    expect(await wrong({ ExcludeBootVolume: true, ExcludeDataVolumeIds: [first, second] })).toBe(
      'InvalidParameterValue',
    );
    expect(await wrong({ InstanceId: 'i-0aaaaaaaaaaaaaaaa' })).toBe('InvalidInstanceID.NotFound');
  });

  it('waits with a cut that is held', async () => {
    const api = createTestApi();
    const world = createSnapshotWorld(api);
    addVolume(api);
    const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    api.state.write(tx => {
      const row = tx.get(snapshots, SnapshotId);
      if (row?.making?.kind === 'cut') tx.put(snapshots, { ...row, making: { ...row.making, held: true } });
    });
    await world.settle();
    expect(await shown(api, SnapshotId)).toMatchObject([{ State: 'pending', Progress: '0%' }]);
    api.state.write(tx => releaseCut(tx, [SnapshotId]));
    await world.settle();
    expect(await shown(api, SnapshotId)).toMatchObject([{ State: 'completed' }]);
  });
});

describe('DeleteSnapshot', () => {
  it('removes a snapshot, and its content once the volumes of it are made', async () => {
    const api = createTestApi();
    const world = createSnapshotWorld(api);
    addVolume(api);
    const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    await world.settle();
    const { unmade: _unmade, ...made } = addVolume(api, { snapshotId: SnapshotId, unmade: true });
    const controllers = world.start();
    await api.call('DeleteSnapshot', { SnapshotId });
    await controllers.idle();
    expect((await api.fail('DescribeSnapshots', { SnapshotIds: [SnapshotId] })).code).toBe('InvalidSnapshot.NotFound');
    expect(await world.disks.listSnapshots()).toEqual([SnapshotId]);
    api.state.write(tx => tx.put(volumes, made));
    await api.state.settled();
    await controllers.idle();
    expect(await world.disks.listSnapshots()).toEqual([]);
    await controllers.close();
  });

  it('refuses one that an AMI uses', async () => {
    const api = createTestApi();
    addVolume(api);
    const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
    await createSnapshotWorld(api).settle();
    const { ImageId } = await api.call<{ ImageId: string }>('RegisterImage', {
      Name: 'mine',
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    });
    const refused = await api.fail('DeleteSnapshot', { SnapshotId });
    expect(refused.code).toBe('InvalidSnapshot.InUse');
    expect(refused.message).toContain(ImageId);
    api.state.write(tx => tx.delete(images, ImageId));
    await api.call('DeleteSnapshot', { SnapshotId });
    expect((await api.fail('DeleteSnapshot', { SnapshotId })).code).toBe('InvalidSnapshot.NotFound');
  });
});
