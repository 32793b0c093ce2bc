import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescribeExportImageTasksResult, ExportImageResult, RegisterImageResult } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from '../../engine/engine.ts';
import {
  api,
  begin,
  bucketDisk,
  end,
  engine,
  folder,
  importSnapshot,
  object,
  settle,
  snapshotTask,
  until,
} from './testing.ts';

const stranger = { account: '111111111111' };

beforeEach(begin);
afterEach(end);

describe('ExportImage', () => {
  async function ownImage(): Promise<string> {
    object('disk.raw', 'x');
    const id = await importSnapshot(bucketDisk('disk.raw'));
    await settle();
    const SnapshotId = (await snapshotTask(id))?.SnapshotTaskDetail?.SnapshotId;
    const { ImageId } = await api.call<RegisterImageResult>('RegisterImage', {
      Name: 'mine',
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    });
    return ImageId ?? '';
  }
  const to = (S3Bucket: string, S3Prefix?: string) => ({ S3ExportLocation: { S3Bucket, S3Prefix } });
  async function exportTask(id: string | undefined) {
    const input = { ExportImageTaskIds: [id] };
    return (await api.call<DescribeExportImageTasksResult>('DescribeExportImageTasks', input)).ExportImageTasks?.[0];
  }

  test('writes the disk into a bucket', async () => {
    const ImageId = await ownImage();
    const result = await api.call<ExportImageResult>('ExportImage', {
      ImageId,
      DiskImageFormat: 'VMDK',
      Description: 'out',
      ...to('exports', 'vm/'),
    });
    const { ExportImageTaskId: id } = result;
    expect(result).toMatchObject({
      ExportImageTaskId: expect.stringMatching(/^export-ami-0/),
      DiskImageFormat: 'VMDK',
      ImageId,
      Status: 'active',
      Progress: '0',
      S3ExportLocation: { S3Bucket: 'exports', S3Prefix: 'vm/' },
    });
    await settle();
    expect(await exportTask(id)).toMatchObject({ Status: 'completed', Description: 'out' });
    expect(readFileSync(join(folder, 'buckets', 'exports', 'vm', `${id}.vmdk`))).toBeDefined();
    // What one account exports is not another's to import.
    const DiskContainer = { Url: `s3://exports/vm/${id}.vmdk` };
    expect((await api.fail('ImportSnapshot', { DiskContainer }, stranger)).code).toBe('InvalidParameterValue');
    await api.call('ImportSnapshot', { DiskContainer });
  });

  test('is cancelled, and leaves nothing', async () => {
    const ImageId = await ownImage();
    let finish: (() => void) | undefined;
    engine.disks.exportSnapshot = (_source, { file }) =>
      new Promise(resolve => {
        finish = () => {
          writeFileSync(file, 'x');
          resolve();
        };
      });
    const input = { ImageId, DiskImageFormat: 'RAW', ...to('exports') };
    const { ExportImageTaskId: id } = await api.call<ExportImageResult>('ExportImage', input);
    await until(async () => finish !== undefined);
    expect((await api.fail('CancelExportTask', { ExportTaskId: id }, stranger)).code).toBe(
      'InvalidExportTaskID.NotFound',
    );
    await api.call('CancelExportTask', { ExportTaskId: id });
    expect((await exportTask(id))?.Status).toBe('deleting');
    finish?.();
    await settle();
    expect((await exportTask(id))?.Status).toBe('deleted');
    expect(readdirSync(join(folder, 'buckets', 'exports'))).toEqual([]);
    expect((await api.fail('CancelExportTask', { ExportTaskId: id })).code).toBe('IncorrectState');
  });

  test('that fails says why', async () => {
    const ImageId = await ownImage();
    engine.disks.exportSnapshot = async () => {
      throw new EngineError('InsufficientCapacity', 'the disk is full');
    };
    const input = { ImageId, DiskImageFormat: 'VHD', ...to('exports') };
    const { ExportImageTaskId: id } = await api.call<ExportImageResult>('ExportImage', input);
    await settle();
    expect(await exportTask(id)).toMatchObject({ Status: 'deleted', StatusMessage: 'ServerError: the disk is full' });
  });

  test('refuses what cannot be exported', async () => {
    const ImageId = await ownImage();
    const good = { ImageId, DiskImageFormat: 'RAW', ...to('exports') };
    const wrong: [object, string][] = [
      [{ DiskImageFormat: 'OVA' }, 'InvalidParameterValue'],
      [to('UPPER'), 'InvalidParameterValue'],
      [to('exports', '../'), 'InvalidParameterValue'],
      [{ ImageId: 'ami-00000000000000000' }, 'InvalidAMIID.NotFound'],
      [{ RoleName: 'nobody' }, 'InvalidParameter'],
    ];
    for (const [change, code] of wrong) expect((await api.fail('ExportImage', { ...good, ...change })).code).toBe(code);
    await api.call('DisableImage', { ImageId });
    expect((await api.fail('ExportImage', good)).code).toBe('IncorrectState');
  });
});
