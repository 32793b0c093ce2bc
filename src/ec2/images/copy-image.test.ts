import type {
  CopyImageResult,
  DeregisterImageResult,
  DescribeImagesResult,
  DescribeSnapshotsResult,
  Image,
  RegisterImageResult,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { ec2Controllers } from '../service.ts';
import { snapshots } from '../snapshots/model.ts';
import { publishTestImage } from '../testing.ts';
import { images } from './model.ts';

const rootSnapshot = 'snap-0123456789abcdef0';
const dataSnapshot = 'snap-0123456789abcdef1';
const friend = { account: '222222222222' };
const there = { region: 'eu-west-1' };
let engine: Engine;
let api: TestApi;
let controllers: Controllers;
let source: string;

beforeEach(async () => {
  engine = createSimulator();
  api = createTestApi(engine);
  for (const snapshotId of [rootSnapshot, dataSnapshot]) {
    await engine.disks.ensureSnapshotFromFile(snapshotId, 'a file');
    api.state.write(tx =>
      tx.put(snapshots, {
        snapshotId,
        owner: '000000000000/us-east-1',
        volumeId: 'vol-ffffffff',
        volumeSize: 8,
        state: 'completed',
        description: '',
        encrypted: false,
        startTime: 0,
      }),
    );
  }
  controllers = ec2Controllers({ state: api.state, engine, clock: api.clock, log: () => {} }).controllers;
  controllers.start();
  source = await register('web');
});
afterEach(() => controllers.close());

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function register(Name: string, more: object = {}): Promise<string> {
  const result = await api.call<RegisterImageResult>('RegisterImage', {
    Name,
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    RootDeviceName: '/dev/xvda',
    EnaSupport: true,
    ImdsSupport: 'v2.0',
    BootMode: 'uefi-preferred',
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: rootSnapshot, VolumeSize: 9, VolumeType: 'gp3' } },
      { DeviceName: '/dev/sdf', Ebs: { SnapshotId: dataSnapshot } },
      { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 5 } },
    ],
    TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'stage', Value: 'test' }] }],
    ...more,
  });
  return result.ImageId ?? '';
}

const input = (more: object = {}) => ({ Name: 'copy', SourceImageId: source, SourceRegion: 'us-east-1', ...more });
async function copy(more: object = {}, options: object = there): Promise<string> {
  return (await api.call<CopyImageResult>('CopyImage', input(more), options)).ImageId ?? '';
}
async function see(id: string, options: object = there): Promise<Image | undefined> {
  return (await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [id] }, options)).Images?.[0];
}
const snapshotsOf = async (options: object) =>
  (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] }, options)).Snapshots ?? [];
const snapshotIds = (image: Image | undefined) =>
  image?.BlockDeviceMappings?.flatMap(device => device.Ebs?.SnapshotId ?? []) ?? [];

describe('CopyImage', () => {
  test('makes an AMI with snapshots of its own in another Region', async () => {
    const id = await copy({ Description: 'over there' });
    expect(id).not.toBe(source);
    expect((await see(id))?.State).toBe('pending');
    expect((await api.fail('DescribeImages', { ImageIds: [id] })).code).toBe('InvalidAMIID.NotFound');
    expect((await api.fail('DescribeImages', { ImageIds: [source] }, there)).code).toBe('InvalidAMIID.NotFound');
    await settle();
    const image = await see(id);
    const made = await snapshotsOf(there);
    expect(image).toMatchObject({
      State: 'available',
      Name: 'copy',
      Description: 'over there',
      BootMode: 'uefi-preferred',
      EnaSupport: true,
      ImdsSupport: 'v2.0',
      RootDeviceName: '/dev/xvda',
      SourceImageId: source,
      SourceImageRegion: 'us-east-1',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 9, VolumeType: 'gp3', Iops: 3000 } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 8 } },
        { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 5 } },
      ],
    });
    expect(image?.Tags).toBeUndefined();
    expect(snapshotIds(image)).toEqual(made.map(one => one.SnapshotId));
    expect(made[0]).toMatchObject({
      State: 'completed',
      VolumeSize: 8,
      Description: expect.stringContaining(
        `Copied for DestinationAmi ${id} from SourceAmi ${source} for SourceSnapshot ${rootSnapshot}.`,
      ),
    });
    // The source may go.
    await api.call('DeregisterImage', { ImageId: source, DeleteAssociatedSnapshots: true });
    await settle();
    expect((await see(id))?.State).toBe('available');
  });

  test('copies tags when it is asked to, those of the request winning', async () => {
    const TagSpecifications = [
      { ResourceType: 'image', Tags: [{ Key: 'more', Value: '1' }] },
      { ResourceType: 'snapshot', Tags: [{ Key: 'disk', Value: '2' }] },
    ];
    const id = await copy({ CopyImageTags: true, TagSpecifications });
    expect((await see(id))?.Tags).toEqual([
      { Key: 'stage', Value: 'test' },
      { Key: 'more', Value: '1' },
    ]);
    expect((await snapshotsOf(there)).every(one => one.Tags?.[0]?.Key === 'disk')).toBe(true);
    const same = await copy(
      {
        Name: 'other',
        CopyImageTags: true,
        TagSpecifications: [{ ...TagSpecifications[0], Tags: [{ Key: 'stage' }] }],
      },
      {},
    );
    expect((await see(same, {}))?.Tags).toEqual([{ Key: 'stage', Value: '' }]);
  });

  test('makes one copy for a client token', async () => {
    const first = await copy({ ClientToken: 'once' });
    expect(await copy({ ClientToken: 'once' })).toBe(first);
    expect(await snapshotsOf(there)).toHaveLength(2);
    expect((await api.fail('CopyImage', input({ ClientToken: 'once', Name: 'other' }), there)).code).toBe(
      'IdempotentParameterMismatch',
    );
  });

  test('of another’s AMI needs permission on it, and on its snapshots', async () => {
    const refusal = () => api.fail('CopyImage', input(), { ...there, ...friend });
    expect((await refusal()).code).toBe('InvalidAMIID.NotFound');
    const Add = [{ UserId: friend.account }];
    await api.call('ModifyImageAttribute', { ImageId: source, LaunchPermission: { Add } });
    expect(await refusal()).toMatchObject({
      code: 'InvalidRequest',
      message: 'You do not have permission to access the storage of this ami',
    });
    const permit = (SnapshotId: string) =>
      api.call('ModifySnapshotAttribute', { SnapshotId, CreateVolumePermission: { Add } });
    await permit(rootSnapshot);
    expect((await refusal()).code).toBe('InvalidRequest');
    await permit(dataSnapshot);
    const id = await copy({ CopyImageTags: true }, { ...there, ...friend });
    await settle();
    expect(await see(id, { ...there, ...friend })).toMatchObject({ State: 'available', OwnerId: friend.account });
    // The owner's tags are not another's.
    expect((await see(id, { ...there, ...friend }))?.Tags).toBeUndefined();
    expect(await snapshotsOf({ ...there, ...friend })).toHaveLength(2);
    expect(await snapshotsOf(there)).toEqual([]);
  });

  test('of the AMIs that come with Fogbank is everybody’s', async () => {
    const SourceImageId = await publishTestImage(api);
    const id = await copy({ SourceImageId }, friend);
    await settle();
    expect(await see(id, friend)).toMatchObject({ State: 'available', OwnerId: friend.account, Public: false });
  });

  test('fails with the reason of its snapshots', async () => {
    engine.disks.ensureSnapshotCopy = async () => {
      throw new EngineError('InsufficientCapacity', 'the disk is full');
    };
    const id = await copy();
    for (let round = 0; round < 8; round++) {
      for (const one of await snapshotsOf(there)) controllers.wake('snapshot-copies', one.SnapshotId ?? '');
      await settle();
    }
    expect(await see(id)).toMatchObject({
      State: 'failed',
      StateReason: { Code: 'Server.InternalError', Message: expect.stringContaining('the disk is full') },
    });
  });

  test.each([
    [{ SourceRegion: 'nowhere' }, 'InvalidParameterValue'],
    [{ SourceRegion: 'eu-west-1' }, 'InvalidAMIID.NotFound'],
    [{ SourceImageId: 'x' }, 'InvalidAMIID.Malformed'],
    [{ Name: 'a' }, 'InvalidAMIName.Malformed'],
    [{ KmsKeyId: 'alias/aws/ebs' }, 'InvalidParameterDependency'],
    [{ DestinationOutpostArn: 'arn:aws:outposts:::x' }, 'UnsupportedOperation'],
    [{ DestinationAvailabilityZone: 'x' }, 'UnsupportedOperation'],
    [{ SnapshotCopyCompletionDurationMinutes: 16 }, 'InvalidParameterValue'],
    [{ TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a' }] }] }, 'InvalidParameterValue'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (more, code) => {
    expect((await api.fail('CopyImage', input(more), there)).code).toBe(code);
    expect(await snapshotsOf(there)).toEqual([]);
  });

  test('refuses a name in use, and an AMI that is not available', async () => {
    await copy();
    expect((await api.fail('CopyImage', input(), there)).code).toBe('InvalidAMIName.Duplicate');
    await api.call('DisableImage', { ImageId: source });
    expect((await api.fail('CopyImage', input({ Name: 'late' }), there)).code).toBe('InvalidAMIID.Unavailable');
  });

  test('needs the action on source, copy and snapshots', async () => {
    const from = `arn:aws:ec2:us-east-1::image/${source}`;
    const made = ['arn:aws:ec2:eu-west-1::image/*', 'arn:aws:ec2:eu-west-1::snapshot/*'];
    const half = await makeUser(api, 'half', { Action: 'ec2:CopyImage', Resource: made });
    expect((await api.fail('CopyImage', input(), { ...there, as: half })).code).toBe('UnauthorizedOperation');
    const whole = await makeUser(api, 'whole', { Action: 'ec2:CopyImage', Resource: [...made, from] });
    await api.call('CopyImage', input(), { ...there, as: whole });
  });
});

describe('DeregisterImage', () => {
  const deregister = (ImageId: string, options: object = {}) =>
    api.call<DeregisterImageResult>('DeregisterImage', { ImageId, DeleteAssociatedSnapshots: true }, options);
  const codes = (result: DeregisterImageResult) =>
    Object.fromEntries(result.DeleteSnapshotResults?.map(one => [one.SnapshotId, one.ReturnCode]) ?? []);

  test('deletes the snapshots that no other AMI has, when it is asked to', async () => {
    const other = await register('other', {
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: rootSnapshot } }],
    });
    expect(await deregister(source)).toEqual({
      Return: true,
      DeleteSnapshotResults: [
        { SnapshotId: rootSnapshot, ReturnCode: 'skipped' },
        { SnapshotId: dataSnapshot, ReturnCode: 'success' },
      ],
    });
    expect((await snapshotsOf({})).map(one => one.SnapshotId)).toEqual([rootSnapshot]);
    await settle();
    expect(await engine.disks.listSnapshots()).toEqual([rootSnapshot]);
    expect(codes(await deregister(other))).toEqual({ [rootSnapshot]: 'success' });
    expect(await snapshotsOf({})).toEqual([]);
  });

  test('says which snapshots it may not or cannot delete', async () => {
    const limited = await makeUser(api, 'limited', [
      { Action: 'ec2:DeregisterImage' },
      { Action: 'ec2:DeleteSnapshot', Resource: `arn:aws:ec2:us-east-1::snapshot/${dataSnapshot}` },
    ]);
    await api.call('LockSnapshot', { SnapshotId: dataSnapshot, LockMode: 'governance', LockDuration: 1 });
    expect(codes(await deregister(source, { as: limited }))).toEqual({
      [rootSnapshot]: 'missing-permissions',
      [dataSnapshot]: 'client-error',
    });
    expect(api.state.get(images, source)).toBeUndefined();
    expect(await snapshotsOf({})).toHaveLength(2);
  });
});
