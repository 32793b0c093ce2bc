import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { cachedImages, imageCacheDir, imageFile } from '../../src/images/cache.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import { output, run, skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * Disks come from outside and go there: a cloud image is imported and launched, exported in every format and compared,
 * stored in a bucket and restored. The tests are one story.
 */

const skip = skipped('tests of importing disks', await clientProblem('awscli'));
const formats = ['vmdk', 'vhd', 'vhdx', 'raw', 'qcow2'] as const;

describe.skipIf(skip)('disks from outside', () => {
  let guests: Guests;
  let aws: AwsCli;
  let buckets: string;
  /** The disk of `micro`, as a file that somebody has. */
  let disk: string;
  let imported: string;
  let http: Server;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.imageImport,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
    buckets = join(guests.server.dataDir, 'buckets');
    const micro = (await cachedImages()).find(image => image.family === 'micro');
    if (micro === undefined) throw new Error('there is no micro');
    disk = join(guests.server.folder, 'disk.qcow2');
    await copyFile(imageFile(micro, imageCacheDir()), disk);
  });
  afterAll(async () => {
    http?.close();
    await guests?.server.stop();
  });

  const imageTask = (id: string) =>
    eventually('end of the import', 120, async () => {
      const answer =
        await aws`ec2 describe-import-image-tasks --import-task-ids ${id} --query ImportImageTasks[].[Status,StatusMessage,ImageId]`;
      return answer.startsWith('active') ? undefined : answer.split('\t');
    });
  const snapshotTask = (id: string) =>
    eventually('end of the import', 120, async () => {
      const answer =
        await aws`ec2 describe-import-snapshot-tasks --import-task-ids ${id} --query ImportSnapshotTasks[].SnapshotTaskDetail.[Status,StatusMessage,SnapshotId]`;
      return answer.startsWith('active') ? undefined : answer.split('\t');
    });
  const available = (imageId: string, region: string) =>
    eventually('available AMI', 120, async () => {
      const state =
        await aws`ec2 describe-images --region ${region} --image-ids ${imageId} --query Images[].[State,StateReason.Message]`;
      if (state.startsWith('failed')) throw new Error(state);
      return state.startsWith('available') ? true : undefined;
    });

  test('fogbank image import makes an AMI of a file, which boots', { timeout: 300_000 }, async () => {
    const said = await guests.server.fogbank('image', 'import', disk, '--name', 'brought');
    [imported = ''] = /^ami-[0-9a-f]{17}/.exec(said) ?? [];
    expect(said.trim()).toBe(`${imported} is ready (brought)`);
    const group = await guests.group('login', tcp(22));
    const { InstanceId = '' } = await guests.launch({ ImageId: imported, SecurityGroupIds: [group] });
    const login = await guests.login(InstanceId);
    expect(await login.until('imds meta-data/ami-id', 180)).toBe(imported);
    await guests.terminate(InstanceId);
  });

  test('exports have the same content in every format, and come in again', { timeout: 300_000 }, async () => {
    const ids: string[] = [];
    for (const format of formats) {
      ids.push(
        await aws`ec2 export-image --image-id ${imported} --disk-image-format ${format.toUpperCase()} --s3-export-location ${`S3Bucket=out,S3Prefix=${format}/`} --query ExportImageTaskId`,
      );
    }
    for (const [index, id] of ids.entries()) {
      const format = formats[index] ?? '';
      await eventually('completed export', 120, async () => {
        const state =
          await aws`ec2 describe-export-image-tasks --export-image-task-ids ${id} --query ExportImageTasks[].[Status,StatusMessage]`;
        if (state.startsWith('deleted')) throw new Error(state);
        return state.startsWith('completed') ? true : undefined;
      });
      const file = join(buckets, 'out', format, `${id}.${format}`);
      const name = format === 'vhd' ? 'vpc' : format;
      await output('qemu-img', ['compare', '-f', 'qcow2', '-F', name, disk, file]);
      const task =
        await aws`ec2 import-snapshot --disk-container ${`Format=${format.toUpperCase()},Url=s3://out/${format}/${id}.${format}`} --query ImportTaskId`;
      expect((await snapshotTask(task))[0]).toBe('completed');
    }
  });

  test('an address is imported as well', { timeout: 120_000 }, async () => {
    http = createServer((_request, response) => createReadStream(disk).pipe(response));
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/disk.qcow2`;
    const id = await aws`ec2 import-image --disk-containers ${`Format=QCOW2,Url=${url}`} --query ImportTaskId`;
    const [status, , imageId] = await imageTask(id);
    expect(status).toBe('completed');
    await aws`ec2 deregister-image --image-id ${imageId ?? ''} --delete-associated-snapshots`;
  });

  test('files that lean on others, and what is no disk, are refused', { timeout: 120_000 }, async () => {
    const folder = join(buckets, 'bad');
    await mkdir(folder, { recursive: true });
    const secret = join(guests.server.folder, 'secret');
    await writeFile(secret, 'x'.repeat(1024 * 1024));
    await run('qemu-img', ['create', '-f', 'qcow2', '-b', secret, '-F', 'raw', join(folder, 'backed.qcow2')]);
    await writeFile(
      join(folder, 'flat.vmdk'),
      `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "${secret}" 0\n`,
    );
    await run('qemu-img', [
      'create',
      '-f',
      'qcow2',
      '-o',
      `data_file=${secret},data_file_raw=on`,
      join(folder, 'data.qcow2'),
      '1M',
    ]);
    await copyFile(disk, join(folder, 'cut.vmdk'));
    for (const [name, format] of [
      ['backed.qcow2', 'QCOW2'],
      ['data.qcow2', 'QCOW2'],
      ['flat.vmdk', 'VMDK'],
      ['cut.vmdk', 'VMDK'],
    ]) {
      const task =
        await aws`ec2 import-snapshot --disk-container ${`Format=${format},Url=s3://bad/${name}`} --query ImportTaskId`;
      const [status, message] = await snapshotTask(task);
      expect([name, status, message?.split(' [')[0]]).toEqual([name, 'deleted', 'ClientError: Disk validation failed']);
    }
  });

  test('a stored AMI is restored in another Region', { timeout: 180_000 }, async () => {
    const key = await aws`ec2 create-store-image-task --image-id ${imported} --bucket backups --query ObjectKey`;
    await eventually('stored AMI', 120, async () => {
      const state =
        await aws`ec2 describe-store-image-tasks --image-ids ${imported} --query StoreImageTaskResults[].[StoreTaskState,StoreTaskFailureReason]`;
      if (state.startsWith('Failed')) throw new Error(state);
      return state.startsWith('Completed') ? true : undefined;
    });
    await aws`ec2 deregister-image --image-id ${imported} --delete-associated-snapshots`;
    const restored =
      await aws`ec2 create-restore-image-task --region eu-west-1 --bucket backups --object-key ${key} --query ImageId`;
    await available(restored, 'eu-west-1');
    expect(await aws`ec2 describe-images --region eu-west-1 --image-ids ${restored} --query Images[].Name`).toBe(
      'brought',
    );
    const snapshot =
      await aws`ec2 describe-images --region eu-west-1 --image-ids ${restored} --query Images[].BlockDeviceMappings[].Ebs.SnapshotId`;
    const back =
      await aws`ec2 export-image --region eu-west-1 --image-id ${restored} --disk-image-format RAW --s3-export-location S3Bucket=back --query ExportImageTaskId`;
    await eventually('completed export', 120, async () =>
      (await aws`ec2 describe-export-image-tasks --region eu-west-1 --export-image-task-ids ${back} --query ExportImageTasks[].Status`) ===
      'completed'
        ? true
        : undefined,
    );
    expect(snapshot).toMatch(/^snap-/);
    await output('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', disk, join(buckets, 'back', `${back}.raw`)]);
    expect(await readdir(join(guests.server.dataDir, 'imports'))).toEqual([]);
  });
});
