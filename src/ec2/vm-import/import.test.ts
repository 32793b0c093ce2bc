import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type {
  DescribeImagesResult,
  DescribeImportImageTasksResult,
  DescribeImportSnapshotTasksResult,
  DescribeSnapshotsResult,
  ImportImageResult,
  ImportSnapshotResult,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from '../../engine/engine.ts';
import {
  api,
  begin,
  bucketDisk,
  controllers,
  end,
  engine,
  folder,
  importSnapshot,
  imports,
  object,
  settle,
  snapshotTask,
  start,
  until,
} from './testing.ts';

const stranger = { account: '111111111111' };
const MIB = 1024 ** 2;
let server: Server;
let address: string;
/** What the server answers. */
let serve: (range: string | undefined, response: ServerResponse) => void;

beforeEach(async () => {
  begin();
  server = createServer((request, response) => serve(request.headers.range, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await end();
  server.closeAllConnections();
  server.close();
});

async function stateOf(id: string | undefined, options: object): Promise<string | undefined> {
  const input = { ImportTaskIds: [id] };
  const all = await api.call<DescribeImportSnapshotTasksResult>('DescribeImportSnapshotTasks', input, options);
  return all.ImportSnapshotTasks?.[0]?.SnapshotTaskDetail?.Status;
}
async function imageTask(id: string) {
  const result = await api.call<DescribeImportImageTasksResult>('DescribeImportImageTasks', { ImportTaskIds: [id] });
  return result.ImportImageTasks?.[0];
}
const snapshots = async () =>
  (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] })).Snapshots ?? [];

describe('ImportSnapshot', () => {
  test('makes a snapshot of a file in a bucket', async () => {
    object('disk.raw', Buffer.alloc(3 * MIB));
    const answer = await api.call<ImportSnapshotResult>('ImportSnapshot', {
      Description: 'a disk',
      DiskContainer: bucketDisk('disk.raw', { Format: 'RAW' }),
      TagSpecifications: [{ ResourceType: 'import-snapshot-task', Tags: [{ Key: 'stage', Value: 'test' }] }],
    });
    expect(answer).toMatchObject({
      ImportTaskId: expect.stringMatching(/^import-snap-0[0-9a-f]{16}$/),
      Description: 'a disk',
      SnapshotTaskDetail: {
        Format: 'RAW',
        Progress: '0',
        Status: 'active',
        StatusMessage: 'pending',
        UserBucket: { S3Bucket: 'images', S3Key: 'disk.raw' },
      },
      Tags: [{ Key: 'stage', Value: 'test' }],
    });
    await settle();
    const task = await snapshotTask(answer.ImportTaskId ?? '');
    expect(task?.SnapshotTaskDetail).toMatchObject({ Status: 'completed', DiskImageSize: 3 * MIB });
    expect(task?.SnapshotTaskDetail?.Progress).toBeUndefined();
    const [snapshot] = await snapshots();
    expect(snapshot).toMatchObject({
      SnapshotId: task?.SnapshotTaskDetail?.SnapshotId,
      State: 'completed',
      VolumeSize: 1,
      Description: `Created by AWS-VMImport service for ${answer.ImportTaskId}`,
    });
    expect(await engine.disks.listSnapshots()).toContain(snapshot?.SnapshotId);
  });

  test('encrypts what it makes, when that is asked for or the default', async () => {
    object('disk.raw', Buffer.alloc(MIB));
    const keys: unknown[] = [];
    const { ensureSnapshotImport } = engine.disks;
    engine.disks.ensureSnapshotImport = (id, source, options) => {
      keys.push(options?.key);
      return ensureSnapshotImport(id, source, options);
    };
    const asked = await importSnapshot(bucketDisk('disk.raw'), { Encrypted: true });
    await settle();
    await api.call('EnableEbsEncryptionByDefault');
    const usual = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    for (const id of [asked, usual]) {
      expect((await snapshotTask(id))?.SnapshotTaskDetail).toMatchObject({
        Status: 'completed',
        Encrypted: true,
        KmsKeyId: expect.stringMatching(/^arn:aws:kms:us-east-1:000000000000:key/),
      });
    }
    expect((await snapshots()).map(one => one.Encrypted)).toEqual([true, true]);
    expect(keys).toEqual([expect.any(Uint8Array), expect.any(Uint8Array)]);
    const failing = await importSnapshot(bucketDisk('disk.raw'), { Encrypted: true, KmsKeyId: 'alias/none' });
    await settle();
    expect((await snapshotTask(failing))?.SnapshotTaskDetail).toMatchObject({
      Status: 'deleted',
      StatusMessage: expect.stringContaining('alias/none'),
    });
  });

  test('finds the format out when it is not said', async () => {
    object('disk.img', 'KDMV and so on');
    const id = await importSnapshot(bucketDisk('disk.img'));
    await settle();
    expect((await snapshotTask(id))?.SnapshotTaskDetail?.Format).toBe('VMDK');
  });

  test('downloads from an address, showing progress, and continues after a cut', async () => {
    const content = Buffer.alloc(MIB, 'x');
    let go: (() => void) | undefined;
    const ranges: (string | undefined)[] = [];
    serve = (range, response) => {
      ranges.push(range);
      const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        etag: '"one"',
        'content-length': content.length - from,
        ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
      });
      if (from > 0) {
        response.end(content.subarray(from));
        return;
      }
      response.write(content.subarray(0, MIB / 2));
      go = () => response.destroy();
    };
    const id = await importSnapshot({ Url: `${address}/disk.raw` });
    await until(async () => (await snapshotTask(id))?.SnapshotTaskDetail?.Progress === '25');
    expect((await snapshotTask(id))?.SnapshotTaskDetail).toMatchObject({
      StatusMessage: 'downloading/converting',
      Url: `${address}/disk.raw`,
      DiskImageSize: MIB,
    });
    go?.();
    await until(async () => (await snapshotTask(id))?.SnapshotTaskDetail?.Status === 'completed');
    expect(ranges).toEqual([undefined, `bytes=${MIB / 2}-`]);
    await settle();
    expect(readdirSync(join(folder, 'imports'))).toEqual([]);
  });

  test('an address that has nothing fails the task with the reason', async () => {
    serve = (_, response) => response.writeHead(404).end();
    const id = await importSnapshot({ Url: `${address}/disk.raw` });
    await settle();
    expect((await snapshotTask(id))?.SnapshotTaskDetail).toMatchObject({
      Status: 'deleted',
      StatusMessage: expect.stringMatching(/^ClientError: .* answered 404/),
    });
    expect(await snapshots()).toEqual([]);
  });

  test('only the first account fetches from this machine, and nobody from link-local addresses', async () => {
    serve = (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    const message = async (Url: string, options: object = {}) => {
      const { ImportTaskId } = await api.call<ImportSnapshotResult>(
        'ImportSnapshot',
        { DiskContainer: { Url } },
        options,
      );
      await settle();
      await until(async () => (await stateOf(ImportTaskId, options)) !== 'active');
      const input = { ImportTaskIds: [ImportTaskId] };
      const all = await api.call<DescribeImportSnapshotTasksResult>('DescribeImportSnapshotTasks', input, options);
      return all.ImportSnapshotTasks?.[0]?.SnapshotTaskDetail?.StatusMessage;
    };
    const refused = (host: string) => `ClientError: ${host} is an address from which nothing is fetched`;
    expect(await message(`${address}/disk.raw`)).toBe(refused('169.254.169.254'));
    expect(await message('http://[fe80::1]/disk.raw')).toBe(refused('[fe80::1]'));
    expect(await message('http://[::ffff:169.254.169.254]/')).toBe(refused('[::ffff:a9fe:a9fe]'));
    const { host } = new URL(address);
    expect(await message(`${address}/disk.raw`, stranger)).toBe(refused(host));
    expect(await message(`http://localhost:${host.split(':')[1]}/`, stranger)).toContain('localhost');
  });

  test.each([
    ['a file that is not there', 'nothing.raw', {}, /^ClientError: there is no object s3:\/\/images\/nothing.raw$/],
    [
      'another format',
      'disk.img',
      { Format: 'RAW' },
      /^ClientError: Disk validation failed \[the file is VMDK, not RAW/,
    ],
    [
      'a compressed file',
      'disk.xz',
      {},
      /^ClientError: Disk validation failed \[the file is compressed with xz; decompress it first\]$/,
    ],
    ['a link out of the bucket', 'link', {}, /^ClientError: there is no object/],
    ['a folder', 'folder', {}, /^ClientError: there is no object/],
  ])('%s fails the task', async (_what, key, more, message) => {
    object('disk.img', 'KDMV and so on');
    object('disk.xz', Buffer.from('fd377a585a000004e6d6b446', 'hex'));
    mkdirSync(join(folder, 'buckets', 'images', 'folder'));
    symlinkSync('/etc/passwd', join(folder, 'buckets', 'images', 'link'));
    const id = await importSnapshot(bucketDisk(key, more));
    await settle();
    const detail = (await snapshotTask(id))?.SnapshotTaskDetail;
    expect(detail?.Status).toBe('deleted');
    expect(detail?.StatusMessage).toMatch(message);
    expect(await snapshots()).toEqual([]);
  });

  test('what the engine cannot read is the client’s error, a full disk is not', async () => {
    object('disk.raw', 'x');
    engine.disks.inspectFile = async () => {
      throw new EngineError('Invalid', 'it leans on another file');
    };
    const first = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    expect((await snapshotTask(first))?.SnapshotTaskDetail?.StatusMessage).toBe(
      'ClientError: Disk validation failed [it leans on another file]',
    );
    engine.disks.inspectFile = async () => ({ format: 'raw', virtualBytes: 1 });
    engine.disks.ensureSnapshotImport = async () => {
      throw new EngineError('InsufficientCapacity', 'the disk is full');
    };
    const second = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    expect((await snapshotTask(second))?.SnapshotTaskDetail?.StatusMessage).toBe('ServerError: the disk is full');
    expect(await snapshots()).toEqual([]);
  });

  test('a snapshot that is deleted while it is made fails the task, and leaves nothing', async () => {
    object('disk.raw', 'x');
    const original = engine.disks.ensureSnapshotImport;
    engine.disks.ensureSnapshotImport = async (id, source, options) => {
      await api.call('DeleteSnapshot', { SnapshotId: id });
      await original(id, source, options);
    };
    const id = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    expect((await snapshotTask(id))?.SnapshotTaskDetail).toMatchObject({
      Status: 'deleted',
      StatusMessage: expect.stringMatching(/^ClientError: the snapshot snap-\w+ was deleted$/),
    });
    expect(await engine.disks.listSnapshots()).toEqual([]);
  });

  test('a server that ends in the middle begins again', async () => {
    object('disk.raw', 'x');
    const original = engine.disks.ensureSnapshotImport;
    let begun = 0;
    engine.disks.ensureSnapshotImport = () => {
      begun++;
      return new Promise(() => {});
    };
    const id = await importSnapshot(bucketDisk('disk.raw'));
    await until(async () => begun === 1);
    const [pending] = await snapshots();
    expect(pending?.State).toBe('pending');
    imports.stop();
    await controllers.close();
    engine.disks.ensureSnapshotImport = original;
    start();
    await settle();
    expect((await snapshotTask(id))?.SnapshotTaskDetail).toMatchObject({
      Status: 'completed',
      SnapshotId: pending?.SnapshotId,
    });
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ DiskContainer: {} }, 'MissingParameter'],
    [{ DiskContainer: { Url: 'ftp://a/b' } }, 'InvalidParameterValue'],
    [{ DiskContainer: { Url: 'file:///etc/passwd' } }, 'InvalidParameterValue'],
    [{ DiskContainer: { Url: 'http://me:secret@host/b' } }, 'InvalidParameterValue'],
    [{ DiskContainer: { Url: 's3://images/../../secrets.key' } }, 'InvalidParameterValue'],
    [{ DiskContainer: { Url: 's3://../secrets.key' } }, 'InvalidParameterValue'],
    [{ DiskContainer: bucketDisk('../other/disk.raw') }, 'InvalidParameterValue'],
    [{ DiskContainer: bucketDisk('disk.raw', { Url: 'http://a/b' }) }, 'InvalidParameterCombination'],
    [{ DiskContainer: bucketDisk('disk.raw', { Format: 'OVA' }) }, 'InvalidParameterValue'],
    [{ DiskContainer: bucketDisk('disk.raw'), KmsKeyId: 'alias/a' }, 'InvalidParameterDependency'],
    [{ DiskContainer: bucketDisk('disk.raw'), RoleName: 'nobody' }, 'InvalidParameter'],
    [{ DiskContainer: bucketDisk('disk.raw'), DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('ImportSnapshot', input)).code).toBe(code);
    const all = await api.call<DescribeImportSnapshotTasksResult>('DescribeImportSnapshotTasks');
    expect(all.ImportSnapshotTasks).toEqual([]);
  });

  test('no account reads a bucket that another has its logs or exports written to', async () => {
    const theirs = { ...stranger, service: 'cloudtrail' };
    await api.call('CreateTrail', { Name: 'their-trail', S3BucketName: 'logs' }, theirs);
    const DiskContainer = { UserBucket: { S3Bucket: 'logs', S3Key: 'file' } };
    expect((await api.fail('ImportSnapshot', { DiskContainer })).message).toContain(
      'another account’s'.replace('’', "'"),
    );
    await api.call('ImportSnapshot', { DiskContainer }, stranger);
  });

  test('the role that is named must be there', async () => {
    const AssumeRolePolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'vmie.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    });
    await api.call('CreateRole', { RoleName: 'vmimport', AssumeRolePolicyDocument }, { service: 'iam' });
    await importSnapshot(bucketDisk('disk.raw'), { RoleName: 'vmimport' });
  });
});

describe('ImportImage', () => {
  async function importImage(DiskContainers: object[], more: object = {}): Promise<string> {
    return (await api.call<ImportImageResult>('ImportImage', { DiskContainers, ...more })).ImportTaskId ?? '';
  }

  test('makes an AMI of disks, the first of which it boots from', async () => {
    object('root.qcow2', Buffer.from('QFI\xfb and so on', 'latin1'));
    object('data.raw', Buffer.alloc(10));
    const id = await importImage([bucketDisk('root.qcow2', { Format: 'qcow2' }), bucketDisk('data.raw')], {
      Description: 'from outside',
      BootMode: 'uefi',
      LicenseType: 'BYOL',
    });
    expect(await imageTask(id)).toMatchObject({ Status: 'active', Architecture: 'x86_64', BootMode: 'uefi' });
    await settle();
    const task = await imageTask(id);
    expect(task).toMatchObject({ Status: 'completed', ImageId: id.replace('import-', ''), Platform: 'Linux' });
    const { Images } = await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [task?.ImageId] });
    expect(Images?.[0]).toMatchObject({
      Name: id,
      Description: 'from outside',
      State: 'available',
      BootMode: 'uefi',
      RootDeviceName: '/dev/sda1',
      BlockDeviceMappings: [
        { DeviceName: '/dev/sda1', Ebs: { SnapshotId: task?.SnapshotDetails?.[0]?.SnapshotId, VolumeSize: 1 } },
        { DeviceName: '/dev/sdf', Ebs: { SnapshotId: task?.SnapshotDetails?.[1]?.SnapshotId } },
      ],
    });
    expect(task?.SnapshotDetails?.map(one => one.Format)).toEqual(['QCOW2', 'RAW']);
  });

  test('takes a snapshot that is there instead of a file', async () => {
    object('disk.raw', 'x');
    const first = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    const SnapshotId = (await snapshotTask(first))?.SnapshotTaskDetail?.SnapshotId;
    const id = await importImage([{ SnapshotId, DeviceName: '/dev/xvda' }]);
    await settle();
    const { Images } = await api.call<DescribeImagesResult>('DescribeImages', { Owners: ['self'] });
    expect(Images?.[0]).toMatchObject({
      ImageId: id.replace('import-', ''),
      RootDeviceName: '/dev/xvda',
      BootMode: 'legacy-bios',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    });
  });

  test('a cancelled one leaves nothing', async () => {
    let requests = 0;
    serve = (_, response) => {
      requests++;
      response.writeHead(200, { 'content-length': 100 });
      response.write('x');
    };
    object('disk.raw', 'x');
    const id = await importImage([bucketDisk('disk.raw'), { Url: `${address}/slow.raw` }]);
    await until(async () => requests === 1);
    expect(await snapshots()).toHaveLength(1);
    expect((await api.fail('CancelImportTask', { ImportTaskId: id }, stranger)).code).toBe('InvalidConversionTaskId');
    expect(await api.call('CancelImportTask', { ImportTaskId: id, CancelReason: 'too slow' })).toEqual({
      ImportTaskId: id,
      PreviousState: 'active',
      State: 'deleting',
    });
    await settle();
    expect(await imageTask(id)).toMatchObject({ Status: 'deleted', StatusMessage: 'too slow' });
    expect(await snapshots()).toEqual([]);
    expect(readdirSync(join(folder, 'imports'))).toEqual([]);
    expect((await api.fail('CancelImportTask', { ImportTaskId: id })).code).toBe('IncorrectState');
  });

  test.each([
    [{ DiskContainers: [] }, 'MissingParameter'],
    [{ Architecture: 'riscv64' }, 'InvalidParameterValue'],
    [{ BootMode: 'uefi-preferred' }, 'InvalidParameterValue'],
    [{ Platform: 'Windows' }, 'UnsupportedOperation'],
    [{ LicenseType: 'AWS' }, 'UnsupportedOperation'],
    [{ Hypervisor: 'kvm' }, 'InvalidParameterValue'],
    [{ DiskContainers: [bucketDisk('a', { DeviceName: 'disk' })] }, 'InvalidParameterValue'],
    [{ DiskContainers: [bucketDisk('a'), bucketDisk('b', { DeviceName: '/dev/sda1' })] }, 'InvalidParameterValue'],
    [{ DiskContainers: [{ SnapshotId: 'snap-00000000000000000' }] }, 'InvalidSnapshot.NotFound'],
    [{ DiskContainers: Array.from({ length: 22 }, () => bucketDisk('a')) }, 'InvalidParameterValue'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('ImportImage', { DiskContainers: [bucketDisk('a')], ...input })).code).toBe(code);
  });

  test('at most twenty at once', async () => {
    engine.disks.inspectFile = () => new Promise(() => {});
    object('a', 'x');
    for (let index = 0; index < 20; index++) await importImage([bucketDisk('a')]);
    expect((await api.fail('ImportImage', { DiskContainers: [bucketDisk('a')] })).code).toBe(
      'ResourceCountLimitExceeded',
    );
    await api.call('ImportImage', { DiskContainers: [bucketDisk('a')] }, stranger);
  });
});

describe('descriptions of tasks', () => {
  test('are by kind, by state, and the account’s own', async () => {
    object('disk.raw', 'x');
    const id = await importSnapshot(bucketDisk('disk.raw'));
    const states = async (state: string) => {
      const Filters = [{ Name: 'task-state', Values: [state] }];
      const all = await api.call<DescribeImportSnapshotTasksResult>('DescribeImportSnapshotTasks', { Filters });
      return all.ImportSnapshotTasks?.length;
    };
    expect(await states('active')).toBe(1);
    await settle();
    expect(await states('active')).toBe(0);
    expect(await states('completed')).toBe(1);
    expect(await api.call('DescribeImportImageTasks')).toEqual({ ImportImageTasks: [] });
    expect((await api.fail('DescribeImportImageTasks', { ImportTaskIds: [id] })).code).toBe(
      'InvalidConversionTaskId.Malformed',
    );
    expect((await api.fail('DescribeImportSnapshotTasks', { ImportTaskIds: [id] }, stranger)).code).toBe(
      'InvalidConversionTaskId',
    );
  });
});
