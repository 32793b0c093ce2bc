import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  CreateRestoreImageTaskResult,
  DescribeImagesResult,
  DescribeSnapshotsResult,
  DescribeStoreImageTasksResult,
  RegisterImageResult,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { tarEntries } from '../../images/tar.ts';
import { ec2Controllers } from '../service.ts';
import { snapshots } from '../snapshots/model.ts';
import { restoreController, storeController } from './store-controller.ts';

const rootSnapshot = 'snap-0123456789abcdef0';
const dataSnapshot = 'snap-0123456789abcdef1';
const stranger = { account: '111111111111' };
const there = { region: 'eu-west-1' };
let folder: string;
let engine: Engine;
let api: TestApi;
let controllers: Controllers;
let image: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-store-'));
  engine = createSimulator();
  api = createTestApi(engine);
  const buckets = join(folder, 'buckets');
  Object.assign(api.services, { buckets });
  for (const snapshotId of [rootSnapshot, dataSnapshot]) {
    await engine.disks.ensureSnapshotFromFile(snapshotId, 'a file');
    api.state.write(tx =>
      tx.put(snapshots, {
        snapshotId,
        owner: '000000000000/us-east-1',
        volumeId: 'vol-ffffffff',
        volumeSize: 8,
        state: 'completed',
        description: `the disk ${snapshotId}`,
        encrypted: false,
        startTime: 0,
      }),
    );
  }
  start();
  const result = await api.call<RegisterImageResult>('RegisterImage', {
    Name: 'web',
    Description: 'a server',
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    RootDeviceName: '/dev/xvda',
    EnaSupport: true,
    BootMode: 'uefi',
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: rootSnapshot } },
      { DeviceName: '/dev/sdf', Ebs: { SnapshotId: dataSnapshot, VolumeSize: 9 } },
      { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 5 } },
    ],
    TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'stage', Value: 'test' }] }],
  });
  image = result.ImageId ?? '';
});
afterEach(async () => {
  await controllers.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(): void {
  const { state, clock } = api;
  const options = {
    state,
    clock,
    disks: engine.disks,
    buckets: join(folder, 'buckets'),
    work: join(folder, 'imports'),
  };
  const others = [storeController(options), restoreController(options)];
  controllers = ec2Controllers({ state, engine, clock, log: () => {}, others }).controllers;
  controllers.start();
}

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

const store = (more: object = {}) => api.call('CreateStoreImageTask', { ImageId: image, Bucket: 'backups', ...more });
const tasks = async (input: object = {}, options: object = {}) =>
  (await api.call<DescribeStoreImageTasksResult>('DescribeStoreImageTasks', input, options)).StoreImageTaskResults ??
  [];
const source = (more: object = {}) => ({ Bucket: 'backups', ObjectKey: `${image}.bin`, ...more });
async function restore(more: object = {}, options: object = there): Promise<string> {
  const result = await api.call<CreateRestoreImageTaskResult>('CreateRestoreImageTask', source(more), options);
  return result.ImageId ?? '';
}
async function see(id: string, options: object = there) {
  return (await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [id] }, options)).Images?.[0];
}
const object = () => join(folder, 'buckets', 'backups', `${image}.bin`);

describe('CreateStoreImageTask', () => {
  test('writes the AMI with its disks into one object', async () => {
    expect(await store()).toEqual({ ObjectKey: `${image}.bin` });
    expect(await tasks()).toEqual([
      {
        AmiId: image,
        Bucket: 'backups',
        S3objectKey: `${image}.bin`,
        ProgressPercentage: 0,
        StoreTaskState: 'InProgress',
        TaskStartTime: new Date(api.clock.now()),
      },
    ]);
    expect((await api.fail('CreateStoreImageTask', { ImageId: image, Bucket: 'backups' })).code).toBe('InvalidRequest');
    await settle();
    expect((await tasks())[0]).toMatchObject({ StoreTaskState: 'Completed', ProgressPercentage: 100 });
    expect((await tarEntries(object())).map(entry => entry.name)).toEqual([
      'image.json',
      'disk-0.qcow2',
      'disk-1.qcow2',
    ]);
    expect(readdirSync(join(folder, 'imports'))).toEqual([]);
    // Again, over it.
    await store();
    await settle();
    expect(await tasks({ Filters: [{ Name: 'task-state', Values: ['Completed'] }] })).toHaveLength(1);
    expect(await tasks({ ImageIds: [image], Filters: [{ Name: 'bucket', Values: ['other'] }] })).toHaveLength(1);
    expect(await tasks({ Filters: [{ Name: 'bucket', Values: ['other'] }] })).toEqual([]);
    expect(await tasks({}, stranger)).toEqual([]);
    api.clock.advance(31 * 24 * 3600 * 1000);
    expect(await tasks()).toEqual([]);
  });

  test('fails with the reason', async () => {
    engine.disks.exportSnapshot = async () => {
      throw new EngineError('InsufficientCapacity', 'the disk is full');
    };
    await store();
    await settle();
    expect((await tasks())[0]).toMatchObject({ StoreTaskState: 'Failed', StoreTaskFailureReason: 'the disk is full' });
  });

  test('an interrupted one is written when the server is there again', async () => {
    await controllers.close();
    await store();
    start();
    await settle();
    expect((await tasks())[0]?.StoreTaskState).toBe('Completed');
  });

  test.each([
    [{ Bucket: 'UPPER' }, 'InvalidParameterValue'],
    [{ ImageId: 'ami-00000000000000000' }, 'InvalidAMIID.NotFound'],
    [{ S3ObjectTags: [{ Key: 'a', Value: 'b' }] }, 'UnsupportedOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('CreateStoreImageTask', { ImageId: image, Bucket: 'backups', ...input })).code).toBe(code);
  });

  test('refuses encrypted disks, AMIs that are not available, and another’s', async () => {
    expect((await api.fail('CreateStoreImageTask', { ImageId: image, Bucket: 'backups' }, stranger)).code).toBe(
      'InvalidAMIID.NotFound',
    );
    api.state.write(tx => {
      const row = tx.get(snapshots, dataSnapshot);
      if (row !== undefined) tx.put(snapshots, { ...row, encrypted: true });
    });
    expect((await api.fail('CreateStoreImageTask', { ImageId: image, Bucket: 'backups' })).code).toBe(
      'UnsupportedOperation',
    );
    await api.call('DisableImage', { ImageId: image });
    expect((await api.fail('CreateStoreImageTask', { ImageId: image, Bucket: 'backups' })).code).toBe('IncorrectState');
  });
});

describe('CreateRestoreImageTask', () => {
  test('encrypts what it makes where that is the default', async () => {
    await store();
    await settle();
    await api.call('EnableEbsEncryptionByDefault', {}, there);
    const { Images } = await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [await restore()] }, there);
    expect(Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.Encrypted).toBe(true);
    await settle();
    const { Snapshots } = await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] }, there);
    expect(Snapshots?.map(one => [one.Encrypted, one.State])).toEqual([
      [true, 'completed'],
      [true, 'completed'],
    ]);
  });

  beforeEach(async () => {
    await store();
    await settle();
  });

  test('makes an AMI of the object, in any Region', async () => {
    const id = await restore({
      TagSpecifications: [
        { ResourceType: 'image', Tags: [{ Key: 'restored', Value: 'yes' }] },
        { ResourceType: 'snapshot', Tags: [{ Key: 'disk', Value: '1' }] },
      ],
    });
    expect((await see(id))?.State).toBe('pending');
    await settle();
    const { Snapshots } = await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] }, there);
    expect(await see(id)).toMatchObject({
      Name: 'web',
      Description: 'a server',
      State: 'available',
      BootMode: 'uefi',
      EnaSupport: true,
      RootDeviceName: '/dev/xvda',
      SourceImageId: image,
      SourceImageRegion: 'us-east-1',
      Tags: [
        { Key: 'stage', Value: 'test' },
        { Key: 'restored', Value: 'yes' },
      ],
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId: Snapshots?.[0]?.SnapshotId, VolumeSize: 8 } },
        { DeviceName: '/dev/sdf', Ebs: { SnapshotId: Snapshots?.[1]?.SnapshotId, VolumeSize: 9 } },
        { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 5 } },
      ],
    });
    expect(Snapshots).toMatchObject([
      { State: 'completed', VolumeSize: 8, Description: `the disk ${rootSnapshot}`, Tags: [{ Key: 'disk' }] },
      { State: 'completed', VolumeSize: 8 },
    ]);
    expect(readdirSync(join(folder, 'imports'))).toEqual([]);
  });

  test('takes another name, and none that is in use', async () => {
    expect((await api.fail('CreateRestoreImageTask', source())).code).toBe('InvalidAMIName.Duplicate');
    const id = await restore({ Name: 'web-2' }, {});
    await settle();
    expect(await see(id, {})).toMatchObject({ Name: 'web-2', State: 'available' });
  });

  test('a disk that cannot be read fails the AMI with the reason', async () => {
    engine.disks.inspectFile = async () => {
      throw new EngineError('Invalid', 'it leans on another file');
    };
    const id = await restore();
    await settle();
    expect(await see(id)).toMatchObject({
      State: 'failed',
      StateReason: { Message: expect.stringContaining('it leans on another file') },
    });
  });

  test('an interrupted one goes on', async () => {
    await controllers.close();
    const id = await restore();
    start();
    await settle();
    expect((await see(id))?.State).toBe('available');
  });

  test('refuses what is not there, or no stored AMI', async () => {
    mkdirSync(join(folder, 'buckets', 'other'));
    const write = (content: Buffer | string) => writeFileSync(join(folder, 'buckets', 'other', 'x.bin'), content);
    const fail = async (input: object) => (await api.fail('CreateRestoreImageTask', source(input), there)).code;
    expect(await fail({ ObjectKey: 'nothing.bin' })).toBe('InvalidRequest');
    expect(await fail({ ObjectKey: '../x' })).toBe('InvalidParameterValue');
    expect(await fail({ Bucket: 'a' })).toBe('InvalidParameterValue');
    const whole = readFileSync(object());
    for (const content of [
      'x'.repeat(2000),
      Buffer.alloc(2048),
      whole.subarray(0, 600),
      // A device that is a path, and a disk that is not there.
      Buffer.from(whole.toString('latin1').replaceAll('/dev/sdf', '/etc/sdf'), 'latin1'),
      Buffer.from(whole.toString('latin1').replaceAll('disk-1.qcow2', '../../qcow2.'), 'latin1'),
      Buffer.from(whole.toString('latin1').replaceAll('"disks"', '"disko"'), 'latin1'),
    ]) {
      write(content);
      expect(await fail({ Bucket: 'other', ObjectKey: 'x.bin' })).toBe('InvalidRequest');
    }
    // Another account's AMIs are not for this one.
    expect((await api.fail('CreateRestoreImageTask', source(), { ...there, ...stranger })).code).toBe(
      'InvalidParameterValue',
    );
    expect(
      (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] }, there)).Snapshots,
    ).toEqual([]);
  });
});
