import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { imageCacheDir } from '../../src/images/cache.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import { skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * What volumes, snapshots and AMIs take of the host's disk, and that all of it is free again when they are deleted.
 */

const skip = skipped('tests of disk space', await clientProblem('awscli'));
const MIB = 1024 ** 2;

describe.skipIf(skip)('disk space', () => {
  let guests: Guests;
  let aws: AwsCli;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.space,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
      // Frozen guests are a cache, too, with a limit of its own.
      words: ['--no-warm'],
    });
    aws = awsCli(guests.server.env, guests.server.folder);
  });
  afterAll(() => guests?.server.stop());

  /** Files of disks and machines that are not the image cache's, with their bytes on the disk. */
  async function files(): Promise<Map<string, number>> {
    const cached = new Set<number>();
    for (const name of await readdir(imageCacheDir())) cached.add((await stat(join(imageCacheDir(), name))).ino);
    const found = new Map<string, number>();
    for (const folder of ['volumes', 'snapshots', 'machines', 'warm', 'shared', 'disk-servers']) {
      const path = join(guests.server.dataDir, folder);
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])) {
        if (entry.isDirectory()) continue;
        const { ino, blocks } = await stat(join(entry.parentPath, entry.name));
        if (!cached.has(ino)) found.set(join(folder, entry.name), blocks * 512);
      }
    }
    return found;
  }
  const used = async () => [...(await files()).values()].reduce((sum, bytes) => sum + bytes, 0);

  test('is taken by what is written, and is free when everything is deleted', { timeout: 600_000 }, async () => {
    const group = await guests.group('login', tcp(22));
    const { InstanceId: id = '' } = await guests.launch({ SecurityGroupIds: [group] });
    const login = await guests.login(id);
    await login.until('test -e /var/lib/cloud/instance/boot-finished', 120);
    const volume =
      await aws`ec2 create-volume --availability-zone us-east-1a --size 50 --volume-type gp3 --query VolumeId`;
    await aws`ec2 wait volume-available --volume-ids ${volume}`;
    await aws`ec2 attach-volume --volume-id ${volume} --instance-id ${id} --device /dev/sdf`;
    await login.until('test -b /dev/xvdf', 60);
    const empty = await used();

    // TRIM: what the guest no longer needs goes back to the host.
    await login.run('sudo dd if=/dev/urandom of=/dev/xvdf bs=1M count=64 2>/dev/null; sync');
    expect((await used()) - empty).toBeGreaterThan(60 * MIB);
    await login.run('sudo blkdiscard -f /dev/xvdf; sync');
    await eventually('space that the guest gave back', 30, async () => (await used()) - empty < 8 * MIB || undefined);

    // Incremental: the second snapshot holds what was written since the first.
    await login.run('sudo dd if=/dev/urandom of=/dev/xvdf bs=1M count=32 2>/dev/null; sync');
    const first = await aws`ec2 create-snapshot --volume-id ${volume} --query SnapshotId`;
    const before = await used();
    await login.run('sudo dd if=/dev/urandom of=/dev/xvdf bs=1M count=4 seek=8 conv=notrunc 2>/dev/null; sync');
    const second = await aws`ec2 create-snapshot --volume-id ${volume} --query SnapshotId`;
    expect((await used()) - before).toBeLessThan(8 * MIB);
    await aws`ec2 wait snapshot-completed --snapshot-ids ${first} ${second}`;

    const image = await aws`ec2 create-image --instance-id ${id} --name all --no-reboot --query ImageId`;
    await aws`ec2 wait image-available --image-ids ${image}`;
    const copy =
      await aws`ec2 copy-image --source-region us-east-1 --source-image-id ${image} --name all --encrypted --region eu-west-1 --query ImageId`;
    await aws`ec2 wait image-available --image-ids ${copy} --region eu-west-1`;
    const restored =
      await aws`ec2 create-volume --availability-zone us-east-1a --snapshot-id ${first} --encrypted --query VolumeId`;
    await aws`ec2 wait volume-available --volume-ids ${restored}`;

    await guests.terminate(id);
    for (const one of [volume, restored]) await aws`ec2 delete-volume --volume-id ${one}`;
    await aws`ec2 deregister-image --image-id ${image} --delete-associated-snapshots`;
    await aws`ec2 deregister-image --image-id ${copy} --delete-associated-snapshots --region eu-west-1`;
    for (const one of [first, second]) await aws`ec2 delete-snapshot --snapshot-id ${one}`;
    let left: string[] = [];
    await eventually('the last file to go', 60, async () => {
      left = [...(await files()).keys()];
      return left.length === 0 || undefined;
    }).catch(() => {});
    expect(left).toEqual([]);
  });
});
