import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * Volumes that come, grow, move and go while their instances run, as a person at the AWS CLI and in the guests sees it.
 * The tests are one story.
 */

const skip = skipped('tests of volumes', await clientProblem('awscli'));
const zone = 'us-east-1a';

describe.skipIf(skip)('volumes of two instances', () => {
  let guests: Guests;
  let aws: AwsCli;
  let a: string;
  let b: string;
  let inA: Login;
  let inB: Login;
  let data: string;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.volumes,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
  });
  afterAll(() => guests?.server.stop());

  const create = async (...words: string[]) => {
    const id = await aws`ec2 create-volume --availability-zone ${zone} --query VolumeId ${words}`;
    await aws`ec2 wait volume-available --volume-ids ${id}`;
    return id;
  };
  const attach = async (volume: string, instance: string, device: string) => {
    await aws`ec2 attach-volume --volume-id ${volume} --instance-id ${instance} --device ${device}`;
    await aws`ec2 wait volume-in-use --volume-ids ${volume} --filters Name=attachment.status,Values=attached`;
  };
  const modified = (volume: string) =>
    eventually('end of the modification', 60, async () => {
      const state =
        await aws`ec2 describe-volumes-modifications --volume-ids ${volume} --query VolumesModifications[].ModificationState`;
      return state === 'completed' ? true : undefined;
    });
  /** Reads the beginning of a disk, past the guest's cache. */
  const read = (login: Login, disk: string) =>
    login.run(`echo 3 | sudo tee /proc/sys/vm/drop_caches >/dev/null; sudo head -c 5 ${disk}`);
  const write = (login: Login, disk: string, text: string) =>
    login.run(`echo -n ${text} | sudo dd of=${disk} conv=notrunc 2>/dev/null && sync`);

  test('the instances run', { timeout: 240_000 }, async () => {
    const group = await guests.group('ssh', {
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      IpRanges: [{ CidrIp: '0.0.0.0/0' }],
    });
    const image = await guests.image('/aws/service/fogbank/micro/latest/amd64');
    const launched =
      await aws`ec2 run-instances --image-id ${image} --instance-type t3.micro --key-name test --security-group-ids ${group} --placement AvailabilityZone=${zone} --count 2 --query Instances[].InstanceId`;
    [a = '', b = ''] = launched.split('\t');
    await aws`ec2 wait instance-running --instance-ids ${a} ${b}`;
    inA = await guests.login(a);
    inB = await guests.login(b);
    for (const login of [inA, inB]) await login.until('test -e /var/lib/cloud/instance/boot-finished', 120);
  });

  test('a volume appears under its name and serial number', { timeout: 120_000 }, async () => {
    data = await create('--size', '1', '--volume-type', 'gp3');
    await attach(data, a, '/dev/sdf');
    expect(await inA.until('readlink -f /dev/sdf; readlink -f /dev/xvdf', 30)).toBe('/dev/vdb\n/dev/vdb');
    expect(await inA.run('cat /sys/block/vdb/serial')).toBe(data.replace('-', ''));
    expect(await inA.run('cat /sys/block/vdb/size')).toBe(String(2 ** 21));
    await write(inA, '/dev/sdf', 'hello');
  });

  test('it grows under the guest', { timeout: 120_000 }, async () => {
    await aws`ec2 modify-volume --volume-id ${data} --size 2`;
    await inA.until(`test "$(cat /sys/block/vdb/size)" = ${2 ** 22}`, 30);
    expect(await read(inA, '/dev/sdf')).toBe('hello');
    await modified(data);
  });

  test('it moves to the other instance with what is on it', { timeout: 120_000 }, async () => {
    await aws`ec2 detach-volume --volume-id ${data}`;
    await aws`ec2 wait volume-available --volume-ids ${data}`;
    expect(await inA.run('ls /sys/block')).not.toContain('vdb');
    await attach(data, b, '/dev/sdg');
    await inB.until('test -b /dev/sdg', 30);
    expect(await read(inB, '/dev/sdg')).toBe('hello');
    expect(await inB.run('cat /sys/block/vdb/size')).toBe(String(2 ** 22));
  });

  test('a copy of it, made while the guest has it, holds what it held', { timeout: 120_000 }, async () => {
    const copy = await aws`ec2 copy-volumes --source-volume-id ${data} --query Volumes[].VolumeId`;
    await write(inB, '/dev/sdg', 'later');
    await aws`ec2 wait volume-available --volume-ids ${copy}`;
    await attach(copy, a, '/dev/sdc');
    await inA.until('test -b /dev/sdc', 30);
    expect(await read(inA, '/dev/sdc')).toBe('hello');
    await write(inA, '/dev/sdc', 'other');
    expect(await read(inB, '/dev/sdg')).toBe('later');
    await write(inB, '/dev/sdg', 'hello');
    await aws`ec2 detach-volume --volume-id ${copy}`;
    await aws`ec2 wait volume-available --volume-ids ${copy}`;
    await aws`ec2 delete-volume --volume-id ${copy}`;
  });

  test('it is there after a stop and a start', { timeout: 240_000 }, async () => {
    await aws`ec2 stop-instances --instance-ids ${b}`;
    await aws`ec2 wait instance-stopped --instance-ids ${b}`;
    await aws`ec2 start-instances --instance-ids ${b}`;
    await aws`ec2 wait instance-running --instance-ids ${b}`;
    inB = await guests.login(b);
    await inB.until('test -b /dev/sdg', 120);
    expect(await read(inB, '/dev/sdg')).toBe('hello');
  });

  test('two instances share a volume with Multi-Attach', { timeout: 120_000 }, async () => {
    const words = ['--size', '4', '--volume-type', 'io2', '--iops', '100', '--multi-attach-enabled'];
    const shared = await create(...words);
    await attach(shared, a, '/dev/sdh');
    await attach(shared, b, '/dev/sdh');
    for (const login of [inA, inB]) await login.until('test -b /dev/sdh', 30);
    await write(inA, '/dev/sdh', 'apple');
    expect(await read(inB, '/dev/sdh')).toBe('apple');
    await write(inB, '/dev/sdh', 'birch');
    expect(await read(inA, '/dev/sdh')).toBe('birch');
  });

  test('a volume does as many operations as were provisioned', { timeout: 120_000 }, async () => {
    const volume = await create('--size', '4', '--volume-type', 'io2', '--iops', '100');
    await attach(volume, a, '/dev/sdi');
    await inA.until('test -b /dev/sdi', 30);
    // 600 reads of 4 KiB, one after the other; those of the first second may come at once.
    const seconds = async () => {
      const uptime = 'cut -d " " -f 1 /proc/uptime';
      const reads = 'sudo dd if=/dev/sdi of=/dev/null bs=4k count=600 iflag=direct 2>/dev/null';
      const [before = '', after = ''] = (await inA.run(`${uptime}; ${reads}; ${uptime}`)).split('\n');
      return Number(after) - Number(before);
    };
    const slow = await seconds();
    expect(slow).toBeGreaterThan(4);
    await aws`ec2 modify-volume --volume-id ${volume} --iops 4000`;
    await modified(volume);
    expect(await seconds()).toBeLessThan(slow / 2);
  });

  test('a volume is cut off by force, and goes', { timeout: 120_000 }, async () => {
    await aws`ec2 detach-volume --volume-id ${data} --force`;
    await aws`ec2 wait volume-available --volume-ids ${data}`;
    await aws`ec2 delete-volume --volume-id ${data}`;
    await aws`ec2 wait volume-deleted --volume-ids ${data}`;
  });

  test('a root volume is replaced by the one of the launch', { timeout: 240_000 }, async () => {
    await inA.run('touch mark && sync');
    const task =
      await aws`ec2 create-replace-root-volume-task --instance-id ${a} --delete-replaced-root-volume --query ReplaceRootVolumeTask.ReplaceRootVolumeTaskId`;
    await eventually('replaced root volume', 180, async () => {
      const state =
        await aws`ec2 describe-replace-root-volume-tasks --replace-root-volume-task-ids ${task} --query ReplaceRootVolumeTasks[].TaskState`;
      if (state === 'succeeded') return true;
      throw new Error(state);
    });
    expect(await inA.until('ls /home/ec2-user; test -b /dev/sdi', 120)).not.toContain('mark');
  });

  test('a disk of the host is there while the instance runs', { timeout: 240_000 }, async () => {
    const image = await guests.image('/aws/service/fogbank/micro/latest/amd64');
    const mapping = JSON.stringify([{ DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' }]);
    const id =
      await aws`ec2 run-instances --image-id ${image} --instance-type m1.small --key-name test --security-groups ssh --block-device-mappings ${mapping} --query Instances[].InstanceId`;
    await aws`ec2 wait instance-running --instance-ids ${id}`;
    const login = await guests.login(id);
    await login.until('test -b /dev/sdb', 120);
    expect(await login.run('imds meta-data/block-device-mapping/ephemeral0')).toBe('sdb');
    expect(Number(await login.run('cat /sys/class/block/$(basename $(readlink -f /dev/sdb))/size'))).toBe(
      149 * 2 ** 21,
    );
  });
});
