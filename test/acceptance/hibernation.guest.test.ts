import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { run } from '../support/process.ts';
import { pools } from '../support/server.ts';

/* An instance that is hibernated goes on where it was; one that is stopped does not. The tests are one life. */

const boot = 180;

let guests: Guests;
let id: string;
let login: Login;
let before: string;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.hibernation,
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
  });
});
afterAll(() => guests?.server.stop());

const bootId = 'cat /proc/sys/kernel/random/boot_id';

async function stop(Hibernate: boolean): Promise<void> {
  await guests.ec2.send(new StopInstancesCommand({ InstanceIds: [id], Hibernate }));
  await guests.inState(id, 'stopped');
}

async function start(): Promise<void> {
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
  await guests.inState(id, 'running');
  login = await guests.login(id);
  await login.until('true', boot);
}

test('an instance is launched for hibernation and does something', async () => {
  const group = await guests.group('login', tcp(22));
  const instance = await guests.launch({
    SecurityGroupIds: [group],
    HibernationOptions: { Configured: true },
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 3 } }],
  });
  expect(instance.HibernationOptions?.Configured).toBe(true);
  id = instance.InstanceId ?? '';
  login = await guests.login(id);
  before = await login.until(bootId, boot);
  await login.until('test -e /var/lib/cloud/instance/boot-finished', 60);
  expect(await login.run('imds meta-data/hibernation/configured')).toBe('true');
  const counter = 'n=0; while :; do n=$((n + 1)); echo $n >/dev/shm/count; sleep 0.2; done';
  await login.run(`setsid sh -c '${counter}' >/dev/null 2>&1 & echo kept >kept; sleep 1; cat /dev/shm/count`);
});

test('hibernated, it is stopped and says why', async () => {
  await stop(true);
  const instance = await guests.inState(id, 'stopped');
  expect(instance.StateReason?.Code).toBe('Client.UserInitiatedHibernate');
});

test('it goes on: same boot, same processes, memory and disk, another public address, the right time', async () => {
  const asleep = 15_000;
  await new Promise(resolve => setTimeout(resolve, asleep));
  await start();
  expect(await login.run(bootId)).toBe(before);
  const count = Number(await login.run('cat /dev/shm/count'));
  await eventually('process that counts on', 30, async () =>
    Number(await login.run('cat /dev/shm/count')) > count ? true : undefined,
  );
  expect(await login.run('cat kept')).toBe('kept');
  await eventually('right clock', 30, async () => {
    const host = Date.now() / 1000;
    return Math.abs(Number(await login.run('date +%s')) - host) < 2.5 ? true : undefined;
  });
  await login.run('echo written after the resume >>kept; sync');
});

test('it survives that a second time', async () => {
  await stop(true);
  await start();
  expect(await login.run(bootId)).toBe(before);
  expect(await login.run('tail -n 1 kept')).toBe('written after the resume');
});

test('an interface that came while it ran is where it was', async () => {
  const { SubnetId, SecurityGroups } = await guests.inState(id, 'running');
  const { NetworkInterface } = await guests.ec2.send(
    new CreateNetworkInterfaceCommand({ SubnetId, Groups: SecurityGroups?.map(one => one.GroupId ?? '') }),
  );
  const { NetworkInterfaceId, PrivateIpAddress } = NetworkInterface ?? {};
  await guests.ec2.send(new AttachNetworkInterfaceCommand({ NetworkInterfaceId, InstanceId: id, DeviceIndex: 1 }));
  const address = `ip -4 addr show dev eth1 | grep -w ${PrivateIpAddress}`;
  await login.until(address, 30);
  await stop(true);
  await start();
  expect(await login.run(bootId)).toBe(before);
  await login.run(address);
  const mac = await login.run('cat /sys/class/net/eth1/address');
  expect(mac).toBe(NetworkInterface?.MacAddress);
  expect(await login.run(`imds meta-data/network/interfaces/macs/${mac}/interface-id`)).toBe(NetworkInterfaceId);
  // It carries packets: the router answers on it.
  const router = await login.run("ip -4 route show table 1001 | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'");
  await login.run(`sudo ping -c 1 -W 5 -I eth1 ${router}`);
});

test('a plain stop loses the memory and keeps the disk', async () => {
  await stop(false);
  await start();
  expect(await login.run(bootId)).not.toBe(before);
  expect(await login.run('tail -n 1 kept; ls /dev/shm')).toBe('written after the resume');
});

test('with an encrypted root volume it goes on, too, and its memory cannot be read in the meantime', async () => {
  await guests.terminate(id);
  const group = await guests.group('encrypted', tcp(22));
  const instance = await guests.launch({
    SecurityGroupIds: [group],
    HibernationOptions: { Configured: true },
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 3, Encrypted: true } }],
  });
  id = instance.InstanceId ?? '';
  login = await guests.login(id);
  before = await login.until(bootId, boot);
  await login.until('test -e /var/lib/cloud/instance/boot-finished', 60);
  // Put together in the guest, so that no word of it is anywhere else.
  await login.run('echo secret-in-mem$((6 * 7))ory >/dev/shm/secret');
  await stop(true);
  const found = await run('grep', ['-rla', 'secret-in-mem42ory', guests.server.dataDir]);
  expect(found.stdout).toBe('');
  await start();
  expect(await login.run(bootId)).toBe(before);
  expect(await login.run('cat /dev/shm/secret')).toBe('secret-in-mem42ory');
});
