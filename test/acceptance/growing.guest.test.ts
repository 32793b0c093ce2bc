import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { cachedImages, imageFile } from '../../src/images/cache.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';
import { ubuntuLayout } from '../support/ubuntu-layout.ts';

/*
 * A root volume grows while its guest runs and writes: what a person types is what AWS's guide says,
 * https://docs.aws.amazon.com/ebs/latest/userguide/recognize-expanded-volume-linux.html
 */

const skip = skipped('tests of growing volumes', await clientProblem('awscli'));
const debian = '/aws/service/debian/release/12/latest/amd64';
/** Seconds until a Debian can be logged in to, on a busy machine without KVM. */
const boot = 480;
/** Writes files with random content, each noted with its checksum and flushed, until it is told to stop. */
const writer = `i=0
while [ ! -e stop ]; do
  head -c 700000 /dev/urandom > file$i && sha256sum file$i >> sums && sync file$i sums
  i=$((i + 1))
done
touch stopped`;

describe.skipIf(skip)('a root volume', () => {
  let guests: Guests;
  let aws: AwsCli;
  let group: string;

  beforeAll(async () => {
    guests = await startGuests({ publicPool: pools.growing, parameter: debian, user: 'admin' });
    aws = awsCli(guests.server.env, guests.server.folder);
    group = await guests.group('login', tcp(22));
  });
  afterAll(() => guests?.server.stop());

  async function launch(ImageId?: string): Promise<{ id: string; volume: string; login: Login }> {
    const { InstanceId: id = '' } = await guests.launch({
      InstanceType: 't3.small',
      SecurityGroupIds: [group],
      ...(ImageId === undefined ? {} : { ImageId }),
    });
    const volume =
      await aws`ec2 describe-volumes --filters Name=attachment.instance-id,Values=${id} --query Volumes[].VolumeId`;
    const login = await guests.login(id);
    // cloud-init itself grows the root file system at the first boot; what grows later is the user's.
    await login.until('cloud-init status --wait', boot);
    return { id, volume, login };
  }

  /** Starts the writer and waits until it has written something. */
  async function beginWriting(login: Login): Promise<void> {
    await login.run(`mkdir load; (cd load && exec sh -c '${writer}') > /dev/null 2>&1 < /dev/null &`);
    await login.until('test $(wc -l < load/sums) -ge 3', 60);
  }

  /** Ends the writer; every file is as it was written. */
  async function endWriting(login: Login): Promise<number> {
    await login.run('touch load/stop');
    await login.until('test -e load/stopped', 60);
    await login.run('sync; echo 3 | sudo tee /proc/sys/vm/drop_caches > /dev/null');
    const checked = await login.run('cd load && sha256sum -c sums | grep -c ": OK$"');
    expect(await login.run('wc -l < load/sums')).toBe(checked);
    return Number(checked);
  }

  async function grow(volume: string, gib: number): Promise<void> {
    await aws`ec2 modify-volume --volume-id ${volume} --size ${gib}`;
    await eventually('the new size in use', 60, async () => {
      const state =
        await aws`ec2 describe-volumes-modifications --volume-ids ${volume} --query VolumesModifications[].ModificationState`;
      return state === 'optimizing' || state === 'completed' || undefined;
    });
  }

  test('with Debian’s partitions grows as AWS’s guide says, under write load', { timeout: 900_000 }, async () => {
    const { id, volume, login } = await launch();
    expect(await login.run('df -hT / | tail -1')).toMatch(/ext4 +7\.\dG/);
    await beginWriting(login);
    await grow(volume, 20);

    const before = await login.run('lsblk');
    expect(before).toMatch(/^vda +\S+ +0 +20G +0 disk/m);
    expect(before).toMatch(/vda1 +\S+ +0 +8G +0 part \/$/m);
    expect(await login.run('sudo growpart /dev/xvda 1')).toMatch(/^CHANGED: partition=1/);
    await login.run('sudo resize2fs /dev/xvda1');
    expect(await login.run('df -hT')).toMatch(/^\S+ +ext4 +20G .* \/$/m);

    // Once more at once, to a size that EC2 takes too.
    await grow(volume, 21);
    await login.run('sudo growpart /dev/xvda 1 && sudo resize2fs /dev/xvda1');
    expect(await endWriting(login)).toBeGreaterThan(5);
    const bootId = await login.run('cat /proc/sys/kernel/random/boot_id');
    await aws`ec2 reboot-instances --instance-ids ${id}`;
    await eventually('another boot', boot, async () => {
      const now = await login.run('cd load && sha256sum --quiet -c sums && cat /proc/sys/kernel/random/boot_id');
      return now !== bootId || undefined;
    });
    expect(await login.run('df -hT')).toMatch(/^\S+ +ext4 +21G .* \/$/m);
    await guests.terminate(id);
  });

  test('with the partitions of Ubuntu’s images grows, too', { timeout: 900_000 }, async () => {
    const image = (await cachedImages()).find(one => one.family === 'debian-12');
    if (image === undefined) throw new Error('the debian-12 AMI is not in the cache');
    const bucket = join(guests.server.dataDir, 'buckets', 'disks');
    await mkdir(bucket, { recursive: true });
    await rename(await ubuntuLayout(imageFile(image), guests.server.folder), join(bucket, 'ubuntu.raw'));
    const task =
      await aws`ec2 import-snapshot --disk-container Format=raw,UserBucket={S3Bucket=disks,S3Key=ubuntu.raw} --query ImportTaskId`;
    const snapshot = await eventually('the imported snapshot', 240, async () => {
      const [status, id = ''] = (
        await aws`ec2 describe-import-snapshot-tasks --import-task-ids ${task} --query ImportSnapshotTasks[].SnapshotTaskDetail.[Status,SnapshotId]`
      ).split('\t');
      expect(status).toBe('completed');
      return id;
    });
    const ami =
      await aws`ec2 register-image --name ubuntu-layout --architecture x86_64 --virtualization-type hvm --ena-support --root-device-name /dev/sda1 --block-device-mappings DeviceName=/dev/sda1,Ebs={SnapshotId=${snapshot},VolumeType=gp3} --query ImageId`;
    const { id, volume, login } = await launch(ami);
    expect(await login.run("lsblk -rno NAME,MOUNTPOINT | sed 's/ $//'")).toBe('vda\nvda1 /\nvda14\nvda15\nvda16 /boot');
    await beginWriting(login);
    await grow(volume, 16);
    expect(await login.run('lsblk')).toMatch(/^vda +\S+ +0 +16G +0 disk/m);
    expect(await login.run('sudo growpart /dev/xvda 1')).toMatch(/^CHANGED: partition=1/);
    await login.run('sudo resize2fs /dev/xvda1');
    expect(await login.run('df -hT')).toMatch(/^\S+ +ext4 +16G .* \/$/m);
    expect(await endWriting(login)).toBeGreaterThan(3);
    await guests.terminate(id);
  });
});
