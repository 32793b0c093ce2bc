import { gzipSync } from 'node:zlib';
import {
  GetConsoleOutputCommand,
  GetConsoleScreenshotCommand,
  type Instance,
  ModifyInstanceAttributeCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp, userData } from '../support/guests.ts';
import { jpegSize } from '../support/jpeg.ts';
import { connects, type Login } from '../support/login.ts';
import { pools } from '../support/server.ts';
import { multipart } from '../support/user-data.ts';

/*
 * The AMI `debian-12`: a whole Debian, whose own cloud-init finds the metadata service and takes everything from it.
 * The tests are one life: each builds on the ones before it.
 */

const script = `#!/bin/bash
echo "$(id -un) at $(stat -c %U "$0"), first boot of $(hostname)" >> /var/log/script.log
`;

const cloudConfig = `#cloud-config
bootcmd:
  - echo bootcmd >> /var/log/bootcmd.log
write_files:
  - path: /etc/written
    content: by cloud-init
runcmd:
  - [sh, -c, 'id -un >> /var/log/runcmd.log']
`;

const boothook = `#cloud-boothook
#!/bin/sh
echo boothook >> /var/log/boothook.log
`;

/** Seconds from launch to the end of cloud-init, on a busy machine without KVM. */
const boot = 480;

let guests: Guests;
let group: string;
let instance: Instance;
let id: string;
let login: Login;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.debian,
    parameter: '/aws/service/debian/release/12/latest/amd64',
    user: 'admin',
  });
  group = await guests.group('login', tcp(22));
});
afterAll(() => guests?.server.stop());

test('boots, and lets its key in at the public address that the API reports', async () => {
  const began = performance.now();
  const parts = multipart(
    { type: 'text/x-shellscript', text: script },
    { type: 'text/cloud-config', text: cloudConfig },
    { type: 'text/cloud-boothook', text: boothook },
  );
  instance = await guests.launch({
    InstanceType: 't3.small',
    SecurityGroupIds: [group],
    UserData: userData(gzipSync(parts)),
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 10 } }],
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'debian' }] }],
  });
  id = instance.InstanceId ?? '';
  login = await guests.login(id);
  expect(await login.until('. /etc/os-release && echo $ID $VERSION_ID', boot)).toBe('debian 12');
  tell('launch to SSH', began);
  expect(login.address).toMatch(/^198\.19\.106\./);
  // Some modules of cloud-init come after sshd.
  await login.until('cloud-init status --wait', boot);
  tell('launch to the end of cloud-init', began);
});

test('cloud-init is done, without errors, and took the Ec2 data source', async () => {
  const status = await login.run('cloud-init status --long');
  expect(status).toContain('status: done');
  expect(status).toContain('DataSourceEc2');
  expect(await login.run('cloud-id')).toBe('aws');
  expect(JSON.parse(await login.run('cat /run/cloud-init/result.json'))).toMatchObject({
    v1: { datasource: expect.stringMatching(/^DataSourceEc2/), errors: [] },
  });
  // Everything that cloud-init learned, as `cloud-init query NAME` gives it one by one.
  expect(JSON.parse(await login.run('cloud-init query --all'))).toMatchObject({
    platform: 'ec2',
    instance_id: id,
    region: 'us-east-1',
    availability_zone: instance.Placement?.AvailabilityZone,
    ds: {
      'meta-data': { 'ami-id': instance.ImageId, 'local-hostname': instance.PrivateDnsName },
      dynamic: { 'instance-identity': { document: { accountId: '000000000000' } } },
    },
  });
});

test('every part of the gzipped multipart user data ran, as root', async () => {
  const name = instance.PrivateDnsName?.split('.')[0];
  expect(await login.run('cat /var/log/script.log')).toBe(`root at root, first boot of ${name}`);
  expect(await login.run('cat /var/log/runcmd.log')).toBe('root');
  expect(await login.run('cat /etc/written')).toBe('by cloud-init');
  expect(await login.run('cat /var/log/bootcmd.log')).toBe('bootcmd');
  // What Debian's cloud-init runs at every stage, it may run more than once in one boot.
  expect(await login.run('cat /var/log/boothook.log')).toMatch(/^boothook/);
});

test('the guest is as the API says', async () => {
  expect(await login.run('nproc')).toBe('2');
  const memory = Number(await login.run("awk '/MemTotal/ {print $2}' /proc/meminfo"));
  expect(memory).toBeGreaterThan(1_800_000);
  expect(memory).toBeLessThan(2_097_152);
  expect(await login.run('hostname --fqdn')).toBe(instance.PrivateDnsName);
  expect(await login.run('ip -4 -o address show scope global')).toContain(`inet ${instance.PrivateIpAddress}/20`);
  expect(await login.run('cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/board_asset_tag')).toBe(
    `Amazon EC2\n${id}`,
  );
  expect(await login.run('sudo id -un')).toBe('root');
  // Nothing failed at boot.
  expect(await login.run('systemctl list-units --state=failed --plain --no-legend')).toBe('');
});

test('the root file system is grown to the volume', async () => {
  const kib = Number(await login.run('df -k --output=size / | tail -n 1'));
  expect(kib).toBeGreaterThan(9.4 * 1024 * 1024);
  expect(await login.run('lsblk -bdno SIZE $(findmnt -no SOURCE / | sed "s/[0-9]*$//")')).toBe(String(10 * 1024 ** 3));
});

test('the console has what the guest wrote, and a picture', async () => {
  const { Output } = await guests.ec2.send(new GetConsoleOutputCommand({ InstanceId: id }));
  const text = Buffer.from(Output ?? '', 'base64').toString();
  expect(text).toContain('Cloud-init');
  expect(text).toMatch(/login:/);
  const { ImageData } = await guests.ec2.send(new GetConsoleScreenshotCommand({ InstanceId: id }));
  const { width, height } = jpegSize(Buffer.from(ImageData ?? '', 'base64'));
  expect(width).toBeGreaterThanOrEqual(640);
  expect(height).toBeGreaterThanOrEqual(400);
});

describe('a second instance', () => {
  let other: Instance;
  let otherLogin: Login;
  let otherGroup: string;
  const address = () => instance.PrivateIpAddress ?? '';

  beforeAll(async () => {
    otherGroup = await guests.group('other', tcp(22));
    other = await guests.launch({
      ImageId: await guests.image('/aws/service/fogbank/micro/latest/amd64'),
      InstanceType: 't3.nano',
      SecurityGroupIds: [otherGroup],
    });
    otherLogin = await guests.login(other.InstanceId ?? '', 'ec2-user');
    await otherLogin.until('true', 180);
    await login.run('sudo systemd-run --unit=web python3 -m http.server 8080 --directory /etc/cloud');
    await login.until('curl -sf http://127.0.0.1:8080/ > /dev/null', 60);
  });
  afterAll(() => guests.terminate(other.InstanceId ?? ''));

  test('cannot connect when its security group is not allowed', async () => {
    expect(await connects(otherLogin, address(), 8080)).toBe('filtered');
  });

  test('can when its group is', async () => {
    await guests.allow(group, {
      IpProtocol: 'tcp',
      FromPort: 8080,
      ToPort: 8080,
      UserIdGroupPairs: [{ GroupId: otherGroup }],
    });
    await eventually('open port', 5, async () =>
      (await connects(otherLogin, address(), 8080)) === 'open' ? true : undefined,
    );
    expect(await otherLogin.run(`curl -sf http://${instance.PrivateDnsName}:8080/`)).toContain('cloud.cfg');
  });
});

test('after stop and start the script did not run again, bootcmd did, also from changed user data', async () => {
  const before = await login.run('wc -l < /var/log/bootcmd.log');
  expect(before).toBe('1');
  await guests.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  const stopped = await guests.inState(id, 'stopped', 120);
  expect(stopped.StateReason?.Code).toBe('Client.UserInitiatedShutdown');
  const changed = multipart(
    { type: 'text/x-shellscript', text: script },
    { type: 'text/cloud-config', text: cloudConfig.replace('echo bootcmd', 'echo changed') },
    { type: 'text/x-shellscript', text: '#!/bin/sh\ntouch /var/log/never\n' },
  );
  await guests.ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: id, UserData: { Value: Buffer.from(changed) } }),
  );
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
  instance = await guests.inState(id, 'running');
  expect(instance.PrivateIpAddress).toBe(stopped.PrivateIpAddress);
  login = await guests.login(id);
  await login.until('cloud-init status --wait', boot);
  expect(await login.run('wc -l < /var/log/script.log')).toBe('1');
  expect(await login.run('wc -l < /var/log/runcmd.log')).toBe('1');
  expect(await login.run('cat /var/log/bootcmd.log')).toBe('bootcmd\nchanged');
  expect((await login.attempt('test -e /var/log/never')).code).toBe(1);
});

test('a script runs at every boot when cloud_final_modules says so', async () => {
  await guests.terminate(id);
  const launched = await guests.launch({
    SecurityGroupIds: [group],
    UserData: userData(
      multipart(
        { type: 'text/cloud-config', text: '#cloud-config\ncloud_final_modules:\n  - [scripts-user, always]\n' },
        { type: 'text/x-shellscript', text: '#!/bin/bash\necho run >> /var/log/always.log\n' },
      ),
    ),
  });
  const again = await guests.login(launched.InstanceId ?? '');
  await again.until('cloud-init status --wait', boot);
  expect(await again.run('cat /var/log/always.log')).toBe('run');
  const bootId = await again.run('cat /proc/sys/kernel/random/boot_id');
  await again.attempt('sudo reboot');
  await eventually('another boot', boot, async () =>
    (await again.run('cat /proc/sys/kernel/random/boot_id')) === bootId ? undefined : true,
  );
  await again.until('cloud-init status --wait', boot);
  expect(await again.run('cat /var/log/always.log')).toBe('run\nrun');
});

function tell(what: string, began: number): void {
  process.stderr.write(`debian-12: ${what} in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
}
