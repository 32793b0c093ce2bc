import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import { Login } from '../support/login.ts';
import { output, skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * An AMI of one's own, as a person makes it in the AWS CLI: an instance is set up, becomes an AMI, which is copied to
 * another Region, shared with another account, and launched there. The tests are one story.
 */

const skip = skipped('tests of AMIs of instances', await clientProblem('awscli'));
const there = 'eu-west-1';

interface Device {
  readonly DeviceName: string;
  readonly Ebs: { readonly SnapshotId: string };
}

describe.skipIf(skip)('an AMI of a customised instance', () => {
  let guests: Guests;
  let aws: AwsCli;
  let friend: AwsCli;
  let friendId: string;
  let id: string;
  let login: Login;
  let image: string;
  let copy: string;
  /** The same under a key. */
  let sealed: string;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.images,
      parameter: '/aws/service/fogbank/micro/latest/amd64',
      user: 'ec2-user',
    });
    aws = awsCli(guests.server.env, guests.server.folder);
    const made = JSON.parse(await guests.server.fogbank('account', 'create', 'friend', '--json'));
    friendId = made.AccountId;
    const keys = { AWS_ACCESS_KEY_ID: made.AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: made.AWS_SECRET_ACCESS_KEY };
    friend = awsCli(
      { ...guests.server.env, ...keys, AWS_REGION: there, AWS_DEFAULT_REGION: there },
      guests.server.folder,
    );
  });
  afterAll(() => guests?.server.stop());

  /** Waits for an AMI as `aws ec2 wait image-available` does, which looks every fifteen seconds only. */
  const available = (imageId: string, region: string) =>
    eventually('available AMI', 120, async () => {
      const state =
        await aws`ec2 describe-images --region ${region} --image-ids ${imageId} --query Images[].[State,StateReason.Message]`;
      if (state.startsWith('failed')) throw new Error(state);
      return state.startsWith('available') ? true : undefined;
    });

  test('an instance is set up over SSH, and has a second volume', { timeout: 240_000 }, async () => {
    const group = await guests.group('login', tcp(22));
    const instance = await guests.launch({ SecurityGroupIds: [group] });
    id = instance.InstanceId ?? '';
    login = await guests.login(id);
    await login.until('test -e /var/lib/cloud/instance/boot-finished', 180);
    const zone = instance.Placement?.AvailabilityZone ?? '';
    const volume = await aws`ec2 create-volume --availability-zone ${zone} --size 1 --query VolumeId`;
    await aws`ec2 wait volume-available --volume-ids ${volume}`;
    await aws`ec2 attach-volume --volume-id ${volume} --instance-id ${id} --device /dev/sdf`;
    await login.until('test -b /dev/vdb', 30);
    await login.run('sudo mke2fs -q -t ext4 /dev/vdb && sudo mount /dev/vdb /mnt');
    await login.run('echo "on the second disk" | sudo tee /mnt/note');
    // No sync: that is what the shutdown is for.
    await login.run('echo "a configured server" | sudo tee /etc/motd /srv/note');
  });

  test('becomes an AMI, with all that it wrote, and is started again', { timeout: 240_000 }, async () => {
    const boot = 'cat /proc/sys/kernel/random/boot_id';
    const before = await login.run(boot);
    image = await aws`ec2 create-image --instance-id ${id} --name server-1 --description ${'A server'} --query ImageId`;
    await available(image, 'us-east-1');
    await eventually('another boot', 180, async () => {
      const now = await login.run(boot);
      return now === before ? undefined : now;
    });
    const devices = await aws.json<
      Device[]
    >`ec2 describe-images --image-ids ${image} --query Images[0].BlockDeviceMappings`;
    expect(devices.map(device => device.DeviceName)).toEqual(['/dev/xvda', '/dev/sdf']);
    expect(await aws`ec2 describe-images --image-ids ${image} --query Images[].SourceInstanceId`).toBe(id);
  });

  test('is copied to another Region, where its id is unknown', { timeout: 180_000 }, async () => {
    copy =
      await aws`ec2 copy-image --region ${there} --source-region us-east-1 --source-image-id ${image} --name server-1 --query ImageId`;
    sealed =
      await aws`ec2 copy-image --region ${there} --source-region us-east-1 --source-image-id ${image} --name sealed-1 --encrypted --query ImageId`;
    await available(copy, there);
    await available(sealed, there);
    expect((await aws.failure`ec2 describe-images --region ${there} --image-ids ${image}`).stderr).toContain(
      'InvalidAMIID.NotFound',
    );
    // What was made here can go; the copy stands by itself.
    await guests.terminate(id);
    await aws`ec2 deregister-image --image-id ${image} --delete-associated-snapshots`;
    expect(await aws`ec2 describe-snapshots --owner-ids self --query Snapshots[].SnapshotId`).toBe('');
  });

  test('is launched by another account only when it is shared with it', async () => {
    const launch = () => friend.failure`ec2 run-instances --image-id ${copy} --instance-type t3.micro`;
    expect((await launch()).stderr).toContain(`(AuthFailure) when calling the RunInstances operation`);
    expect((await friend.failure`ec2 run-instances --image-id ${image} --instance-type t3.micro`).stderr).toContain(
      'InvalidAMIID.NotFound',
    );
    await aws`ec2 modify-image-attribute --region ${there} --image-id ${copy} --launch-permission ${`Add=[{UserId=${friendId}}]`}`;
    expect(await friend`ec2 describe-images --executable-users self --query Images[].ImageId`).toBe(copy);
    // The snapshots behind it are not the other account's to read.
    const devices =
      await friend`ec2 describe-images --image-ids ${copy} --query Images[].BlockDeviceMappings[].Ebs.SnapshotId`;
    const [root = ''] = devices.split('\t');
    expect((await friend.failure`ec2 describe-snapshots --snapshot-ids ${root}`).stderr).toContain(
      'InvalidSnapshot.NotFound',
    );
    expect(
      (
        await friend.failure`ec2 copy-image --source-region ${there} --source-image-id ${copy} --name stolen --query ImageId`
      ).stderr,
    ).toContain('You do not have permission to access the storage of this ami');
  });

  test('has its content there, and lets the other account in by its own key', { timeout: 300_000 }, async () => {
    const keyFile = join(guests.server.folder, 'friend.pem');
    const key = await friend`ec2 create-key-pair --key-name friend --key-type ed25519 --query KeyMaterial`;
    await writeFile(keyFile, `${key}\n`, { mode: 0o600 });
    const group = await friend`ec2 create-security-group --group-name login --description login --query GroupId`;
    await friend`ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 22 --cidr 0.0.0.0/0`;
    const theirs =
      await friend`ec2 run-instances --image-id ${copy} --instance-type t3.micro --key-name friend --security-group-ids ${group} --query Instances[].InstanceId`;
    await friend`ec2 wait instance-running --instance-ids ${theirs}`;
    const address =
      await friend`ec2 describe-instances --instance-ids ${theirs} --query Reservations[].Instances[].PublicIpAddress`;
    const inside = new Login({ user: 'ec2-user', address, keyFile });
    expect(await inside.until('cat /srv/note', 240)).toBe('a configured server');
    await inside.until('test -b /dev/vdb', 30);
    expect(await inside.run('sudo mount /dev/vdb /mnt && cat /mnt/note')).toBe('on the second disk');
    expect(await inside.run('imds meta-data/ami-id')).toBe(copy);
    await friend`ec2 terminate-instances --instance-ids ${theirs}`;
    await friend`ec2 wait instance-terminated --instance-ids ${theirs}`;
  });

  test('is launched from its encrypted copy, made into an AMI again, and not shared', {
    timeout: 300_000,
  }, async () => {
    const add = `Add=[{UserId=${friendId}}]`;
    expect(
      (await aws.failure`ec2 modify-image-attribute --region ${there} --image-id ${sealed} --launch-permission ${add}`)
        .stderr,
    ).toContain('(InvalidParameter)');
    const key = `fileb://${join(guests.server.folder, 'key.pub')}`;
    await writeFile(join(guests.server.folder, 'key.pub'), await output('ssh-keygen', ['-y', '-f', guests.keyFile]));
    await aws`ec2 import-key-pair --region ${there} --key-name test --public-key-material ${key}`;
    const group =
      await aws`ec2 create-security-group --region ${there} --group-name login --description login --query GroupId`;
    await aws`ec2 authorize-security-group-ingress --region ${there} --group-id ${group} --protocol tcp --port 22 --cidr 0.0.0.0/0`;
    const mine =
      await aws`ec2 run-instances --region ${there} --image-id ${sealed} --instance-type t3.micro --key-name test --security-group-ids ${group} --query Instances[].InstanceId`;
    await aws`ec2 wait instance-running --region ${there} --instance-ids ${mine}`;
    const [address = ''] = (
      await aws`ec2 describe-instances --region ${there} --instance-ids ${mine} --query Reservations[].Instances[].PublicIpAddress`
    ).split('\t');
    const inside = new Login({ user: 'ec2-user', address, keyFile: guests.keyFile });
    expect(await inside.until('cat /srv/note', 240)).toBe('a configured server');
    expect(
      await aws`ec2 describe-volumes --region ${there} --filters Name=attachment.instance-id,Values=${mine} --query Volumes[].Encrypted`,
    ).toBe('True\tTrue');
    const again =
      await aws`ec2 create-image --region ${there} --instance-id ${mine} --name again --no-reboot --query ImageId`;
    await available(again, there);
    expect(
      await aws`ec2 describe-images --region ${there} --image-ids ${again} --query Images[].BlockDeviceMappings[].Ebs.Encrypted`,
    ).toBe('True\tTrue');
    await aws`ec2 terminate-instances --region ${there} --instance-ids ${mine}`;
    await aws`ec2 wait instance-terminated --region ${there} --instance-ids ${mine}`;
  });
});
