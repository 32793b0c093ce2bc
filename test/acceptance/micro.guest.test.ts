import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DescribeInstanceStatusCommand,
  DescribeVolumesCommand,
  GetConsoleOutputCommand,
  GetConsoleScreenshotCommand,
  type Instance,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  RebootInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp, userData } from '../support/guests.ts';
import { jpegSize } from '../support/jpeg.ts';
import { connects, type Login } from '../support/login.ts';
import { output } from '../support/process.ts';
import { findInstance } from '../support/sdk.ts';
import { pools } from '../support/server.ts';
import { tracesOf } from '../support/traces.ts';

/*
 * What becomes of an instance of the AMI `micro`, from launch to termination, as its user and its neighbours see it.
 * The tests are one life: each builds on the ones before it.
 */

const script = `#!/bin/sh
echo "$(id -un) $(hostname)" >> /var/log/hello.log
chmod 644 /var/log/hello.log
`;

/** Seconds for a boot, on a busy machine without KVM. */
const boot = 180;

let guests: Guests;
let group: string;
let instance: Instance;
let id: string;
let login: Login;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.micro,
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
  });
  group = await guests.group('login', tcp(22));
});
afterAll(() => guests?.server.stop());

test('an instance is launched, and lets its key in at the public address that the API reports', async () => {
  const began = performance.now();
  instance = await guests.launch({
    SecurityGroupIds: [group],
    UserData: userData(script),
    MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'first' }] }],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 3 } }],
  });
  id = instance.InstanceId ?? '';
  login = await guests.login(id);
  expect(await login.until('id -un', boot)).toBe('ec2-user');
  process.stderr.write(`micro: launch to SSH in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  expect(login.address).toMatch(/^198\.19\.105\./);
});

test('user data ran as root', async () => {
  expect(await login.until('test -s /var/log/hello.log && cat /var/log/hello.log', 60)).toBe(
    `root ${instance.PrivateDnsName?.split('.')[0]}`,
  );
});

test('the guest has what its instance type and its volume say', async () => {
  expect(await login.run('nproc')).toBe('2');
  const memory = Number(await login.run("awk '/MemTotal/ {print $2}' /proc/meminfo"));
  expect(memory).toBeGreaterThan(850_000);
  expect(memory).toBeLessThan(1_048_576);
  expect(await login.run('hostname')).toBe(instance.PrivateDnsName?.split('.')[0]);
  expect(await login.run('/sbin/ip -4 -o address show eth0')).toContain(`inet ${instance.PrivateIpAddress}/20`);
  // The file system is grown from the AMI's size to the volume's.
  const blocks = () => login.run("df -k / | awk 'NR == 2 {print $2}'");
  await eventually('root file system of 3 GiB', 60, async () =>
    Number(await blocks()) > 2.7 * 1024 * 1024 ? true : undefined,
  );
});

describe('the metadata service', () => {
  /** Status and body of a request without a token. */
  const v1 = (path: string) =>
    login.run(`curl -s -o /tmp/body -w '%{http_code} ' http://169.254.169.254/${path}; head -c 1000 /tmp/body`);
  /** Bodies of requests with a token, which must succeed. */
  const several = async (paths: readonly string[]) => {
    const output = await login.run(`
      token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
      for path in ${paths.join(' ')}; do
        curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/$path || exit
        printf '\\036'
      done`);
    return output.split('\x1e');
  };
  const v2 = async (path: string) => (await several([path]))[0] ?? '';

  test('answers with a token only, as asked for', async () => {
    expect(await v1('latest/meta-data/instance-id')).toMatch(/^401 /);
    expect(await v2('meta-data/instance-id')).toBe(id);
    await options({ HttpTokens: 'optional' });
    expect(await v1('latest/meta-data/instance-id')).toBe(`200 ${id}`);
    await options({ HttpEndpoint: 'disabled' });
    expect(await v1('latest/meta-data/instance-id')).toMatch(/^403 /);
    await options({ HttpEndpoint: 'enabled', HttpTokens: 'required' });
    expect(await v1('latest/meta-data/instance-id')).toMatch(/^401 /);
  });

  test('gives no token to a request that was forwarded', async () => {
    const status = (header: string) =>
      login.run(
        `curl -s -o /dev/null -w '%{http_code}' -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${header} http://169.254.169.254/latest/api/token`,
      );
    expect(await status('')).toBe('200');
    expect(await status("-H 'X-Forwarded-For: 192.0.2.1'")).toBe('403');
  });

  test('says what the API says', async () => {
    const expected = {
      'meta-data/ami-id': instance.ImageId,
      'meta-data/instance-type': 't3.micro',
      'meta-data/local-ipv4': instance.PrivateIpAddress,
      'meta-data/public-ipv4': instance.PublicIpAddress,
      'meta-data/local-hostname': instance.PrivateDnsName,
      'meta-data/placement/availability-zone': instance.Placement?.AvailabilityZone,
      'meta-data/security-groups': 'login',
      'meta-data/tags/instance/Name': 'first',
      'meta-data/public-keys/': '0=test',
      'meta-data/mac': instance.NetworkInterfaces?.[0]?.MacAddress,
      'user-data': script,
    };
    const paths = Object.keys(expected);
    const answers = await several(paths);
    expect(Object.fromEntries(paths.map((path, index) => [path, answers[index]]))).toEqual(expected);
  });

  test('signs an identity document that anybody can verify', async () => {
    const file = (name: string) => join(guests.server.folder, name);
    const document = await v2('dynamic/instance-identity/document');
    expect(JSON.parse(document)).toMatchObject({
      accountId: '000000000000',
      imageId: instance.ImageId,
      instanceId: id,
      instanceType: 't3.micro',
      privateIp: instance.PrivateIpAddress,
      region: 'us-east-1',
      version: '2017-09-30',
    });
    await writeFile(file('document'), document);
    // The commands are those of the EC2 user guide.
    for (const [item, kind, digest] of [
      ['rsa2048', 'rsa2048', []],
      ['pkcs7', 'dsa', []],
    ] as const) {
      const signature = await v2(`dynamic/instance-identity/${item}`);
      await writeFile(file(item), `-----BEGIN PKCS7-----\n${signature}\n-----END PKCS7-----\n`);
      await writeFile(file('certificate'), await guests.server.fogbank('certificate', kind));
      const verify = ['-verify', '-in', file(item), '-inform', 'PEM', '-certfile', file('certificate'), ...digest];
      const verified = await output('openssl', ['smime', ...verify, '-nointern', '-noverify']);
      expect(JSON.parse(verified)).toEqual(JSON.parse(document));
    }
    await writeFile(file('signature'), Buffer.from(await v2('dynamic/instance-identity/signature'), 'base64'));
    await writeFile(file('certificate'), await guests.server.fogbank('certificate', 'rsa'));
    await writeFile(
      file('public-key'),
      await output('openssl', ['x509', '-in', file('certificate'), '-pubkey', '-noout']),
    );
    const verified = ['dgst', '-sha256', '-verify', file('public-key'), '-signature', file('signature')];
    expect(await output('openssl', [...verified, file('document')])).toContain('Verified OK');
  });

  async function options(change: Partial<ConstructorParameters<typeof ModifyInstanceMetadataOptionsCommand>[0]>) {
    await guests.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: id, ...change }));
  }
});

test('the console shows the kernel and the host key, the screenshot is a picture of the screen', async () => {
  const { Output } = await guests.ec2.send(new GetConsoleOutputCommand({ InstanceId: id }));
  const text = Buffer.from(Output ?? '', 'base64').toString();
  expect(text).toContain('Linux version');
  const [, hostKey] = (await output('ssh-keyscan', ['-t', 'ed25519', login.address])).trim().split(/ (.*)/);
  expect(text).toContain(hostKey);
  const { ImageData } = await guests.ec2.send(new GetConsoleScreenshotCommand({ InstanceId: id }));
  const { width, height } = jpegSize(Buffer.from(ImageData ?? '', 'base64'));
  expect(width).toBeGreaterThanOrEqual(640);
  expect(height).toBeGreaterThanOrEqual(400);
});

test('status checks pass', async () => {
  await eventually('passed status checks', 60, async () => {
    const { InstanceStatuses } = await guests.ec2.send(new DescribeInstanceStatusCommand({ InstanceIds: [id] }));
    const [status] = InstanceStatuses ?? [];
    return status?.InstanceStatus?.Status === 'ok' && status.SystemStatus?.Status === 'ok' ? true : undefined;
  });
});

describe('neighbours', () => {
  let other: Instance;
  let otherGroup: string;
  let otherLogin: Login;

  beforeAll(async () => {
    otherGroup = await guests.group('other', tcp(22));
    other = await guests.launch({ InstanceType: 't3.nano', SecurityGroupIds: [otherGroup] });
    otherLogin = await guests.login(other.InstanceId ?? '');
    await otherLogin.until('true', boot);
    await login.run('busybox httpd -p 8080 -h /usr/share');
    await eventually('listening port', 20, async () =>
      (await connects(login, '127.0.0.1', 8080)) === 'open' ? true : undefined,
    );
  });
  afterAll(() => guests.terminate(other.InstanceId ?? ''));

  const address = () => instance.PrivateIpAddress ?? '';

  test('one whose security group is not allowed does not get through', async () => {
    expect(await connects(otherLogin, address(), 8080)).toBe('filtered');
    expect((await otherLogin.attempt(`sudo ping -c 1 -W 2 ${address()}`)).stdout).toContain('100% packet loss');
    // What is allowed to all is.
    expect(await connects(otherLogin, address(), 22)).toBe('open');
  });

  test('one whose group is allowed by reference does, at once and no longer than that', async () => {
    const rule = { IpProtocol: 'tcp', FromPort: 8080, ToPort: 8080, UserIdGroupPairs: [{ GroupId: otherGroup }] };
    await guests.allow(group, rule);
    await eventually('open port', 5, async () =>
      (await connects(otherLogin, address(), 8080)) === 'open' ? true : undefined,
    );
    expect(await connects(otherLogin, address(), 8081)).toBe('filtered');
    await guests.disallow(group, rule);
    await eventually('filtered port', 5, async () =>
      (await connects(otherLogin, address(), 8080)) === 'filtered' ? true : undefined,
    );
  });

  test('an instance cannot speak with another address than its own', async () => {
    await guests.allow(group, { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    await eventually('answered ping', 10, async () =>
      (await otherLogin.attempt(`sudo ping -c 1 -W 2 ${address()}`)).code === 0 ? true : undefined,
    );
    // What the receiver has seen, whatever it answered: the first column of numbers below "Icmp:" is InMsgs.
    const received = async () => Number(await login.run("awk '/^Icmp: [0-9]/ {print $2}' /proc/net/snmp"));
    const atFirst = await received();
    await otherLogin.run(`sudo ping -c 3 -W 2 ${address()}`);
    expect(await received()).toBe(atFirst + 3);
    const stolen = (other.PrivateIpAddress ?? '').replace(/\d+$/, '251');
    await otherLogin.run(`sudo /sbin/ip address add ${stolen}/32 dev eth0`);
    const before = await received();
    expect((await otherLogin.attempt(`sudo ping -c 3 -W 1 -I ${stolen} ${address()}`)).stdout).toContain('3 packets');
    expect(await received()).toBe(before);
  });

  test('names are resolved inside the VPC', async () => {
    expect(await otherLogin.run(`nslookup ${instance.PrivateDnsName}`)).toContain(address());
  });
});

test('a reboot is one, and runs no user data again', async () => {
  const bootId = 'cat /proc/sys/kernel/random/boot_id';
  const before = await login.run(bootId);
  await guests.ec2.send(new RebootInstancesCommand({ InstanceIds: [id] }));
  await eventually('another boot', boot, async () => {
    const now = await login.run(bootId);
    return now === before ? undefined : now;
  });
  expect(await login.run('wc -l < /var/log/hello.log')).toMatch(/^\s*1$/);
  expect((await findInstance(guests.ec2, id)).PublicIpAddress).toBe(login.address);
});

test('stop and start keep the disk and the private address; the public one goes and another comes', async () => {
  await login.run('echo "written before the stop" > note && sync');
  const began = performance.now();
  await guests.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  const stopped = await guests.inState(id, 'stopped');
  process.stderr.write(`micro: stop in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  expect(stopped.PublicIpAddress).toBeUndefined();
  expect(stopped).toMatchObject({
    PrivateIpAddress: instance.PrivateIpAddress,
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
  });
  expect(stopped.StateTransitionReason).toMatch(/^User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)$/);
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
  instance = await guests.inState(id, 'running');
  expect(instance.PrivateIpAddress).toBe(stopped.PrivateIpAddress);
  login = await guests.login(id);
  expect(await login.until('cat note', boot)).toBe('written before the stop');
  expect(await login.run('wc -l < /var/log/hello.log')).toMatch(/^\s*1$/);
});

test('a guest that switches itself off is stopped', async () => {
  await login.attempt('sudo poweroff');
  expect(await guests.inState(id, 'stopped')).toMatchObject({
    StateReason: { Code: 'Client.InstanceInitiatedShutdown' },
  });
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
  await guests.inState(id, 'running');
  login = await guests.login(id);
  await login.until('true', boot);
});

test('termination leaves nothing of the instance on this machine', async () => {
  const interfaces = instance.NetworkInterfaces ?? [];
  const volumes = instance.BlockDeviceMappings?.map(mapping => mapping.Ebs?.VolumeId ?? '') ?? [];
  const names = [
    ...[id, ...volumes, (await findInstance(guests.ec2, id)).PublicIpAddress ?? ''],
    ...interfaces.flatMap(({ NetworkInterfaceId, MacAddress }) => [
      NetworkInterfaceId ?? '',
      `tap${NetworkInterfaceId?.slice(-12)}`,
      MacAddress ?? '',
    ]),
  ];
  const traces = () => tracesOf(names, [guests.server.dataDir]);
  const kinds = new Set((await traces()).map(line => line.split(' ')[0]));
  // That it is seen while it is there makes it mean something that it is not seen afterwards.
  expect([...kinds]).toEqual(expect.arrayContaining(['process', 'file', 'ip', 'nft']));
  await guests.terminate(id);
  await eventually('machine without traces', 20, async () => {
    const left = await traces();
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
  const { Volumes } = await guests.ec2.send(new DescribeVolumesCommand({}));
  expect(Volumes).toEqual([]);
});

test('with the shutdown behaviour terminate, a guest that switches itself off is terminated', async () => {
  const short = await guests.launch({
    InstanceType: 't3.nano',
    UserData: userData('#!/bin/sh\npoweroff\n'),
    InstanceInitiatedShutdownBehavior: 'terminate',
    SecurityGroupIds: [group],
  });
  expect(await guests.inState(short.InstanceId ?? '', 'terminated', boot)).toMatchObject({
    StateReason: { Code: 'Client.InstanceInitiatedShutdown' },
  });
});

test('an instance that hangs is stopped by force, and terminated while it still boots', async () => {
  const hung = await guests.launch({ InstanceType: 't3.nano', SecurityGroupIds: [group] });
  const hungId = hung.InstanceId ?? '';
  await guests.ec2.send(new StopInstancesCommand({ InstanceIds: [hungId], Force: true }));
  await guests.inState(hungId, 'stopped', 30);
  await guests.ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: hungId, InstanceType: { Value: 't3.micro' } }),
  );
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds: [hungId] }));
  await guests.inState(hungId, 'running');
  await guests.ec2.send(new TerminateInstancesCommand({ InstanceIds: [hungId] }));
  await guests.inState(hungId, 'terminated', 60);
});

test('fogbank down leaves no process, no namespace, no interface and no route', async () => {
  await guests.launch({ InstanceType: 't3.nano', SecurityGroupIds: [group] });
  const folder = guests.server.dataDir;
  const traces = () => tracesOf([folder, pools.micro.replace('.0/24', '.1'), pools.micro], ['/run']);
  expect((await traces()).length).toBeGreaterThan(0);
  await guests.server.fogbank('down', '--public-pool', pools.micro);
  expect(await traces()).toEqual([]);
});
