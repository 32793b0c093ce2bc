import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { XmlElement } from '../../src/cli/xml.ts';
import { CountingSession } from '../support/counting-session.ts';
import { eventually } from '../support/eventually.ts';
import { KillableServer } from '../support/killable-server.ts';
import { Login } from '../support/login.ts';
import { type QueryClient, Unanswered } from '../support/query-client.ts';
import { Random } from '../support/random.ts';
import { tracesOf } from '../support/traces.ts';
import { text } from './observe.ts';

/*
 * The server is killed while a guest runs, while a second one is being launched, and while that one is being
 * terminated. The first guest must not notice, and the second must be brought to where it was sent.
 */
const kills = 10;
const seed = Number(process.env.FOGBANK_CRASH_SEED ?? randomInt(2 ** 31));
const random = new Random(seed);
const publicPool = '198.19.119.0/24';
/** Seconds for a boot, on a busy machine without KVM. */
const boot = 180;

const server = new KillableServer({ engine: 'qemu', publicPool });
const keyFile = join(server.folder, 'key.pem');
let client: QueryClient;
let launch: { [name: string]: string | string[] | number };
let group = '';
let id = '';
let session: CountingSession;
let login: Login;

beforeAll(async () => {
  process.stdout.write(`crash test with guests: FOGBANK_CRASH_SEED=${seed}\n`);
  client = await server.start();
  const key = await client.ok('CreateKeyPair', { KeyName: 'test', KeyType: 'ed25519' });
  writeFileSync(keyFile, text(key, 'keyMaterial'), { mode: 0o600 });
  group = text(await client.ok('CreateSecurityGroup', { GroupName: 'login', GroupDescription: 'login' }), 'groupId');
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
  await client.ok('AuthorizeSecurityGroupIngress', { GroupId: group, IpPermissions: [ssh] });
  const filter = [{ Name: 'name', Value: ['fogbank-micro-*'] }];
  const imageId = text(await client.ok('DescribeImages', { Filter: filter }), 'imagesSet', 'item', 'imageId');
  const key22 = { KeyName: 'test', SecurityGroupId: [group] };
  launch = { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, ...key22 };
  id = text(await client.ok('RunInstances', launch), 'instancesSet', 'item', 'instanceId');
  const address = text(await inState(id, 'running'), 'ipAddress');
  login = new Login({ user: 'ec2-user', address, keyFile });
  await login.until('true', boot);
  session = new CountingSession({ user: 'ec2-user', address, keyFile });
  await session.goesOn(60);
});

afterAll(async () => {
  session?.close();
  client?.close();
  await server.down();
  server.remove();
});

test('a running guest and a session in it do not notice', async () => {
  const before = await describeInstance(id);
  const uptime = await uptimeOfGuest();
  const began = performance.now();
  for (let kill = 0; kill < kills; kill++) {
    const calling = changeUntilKilled();
    await sleep(random.below(1_500));
    await server.kill();
    await calling;
    // It counts on without any server, and with the next one.
    await session.goesOn(20);
    await restart();
    await session.goesOn(20);
    const now = await describeInstance(id);
    expect(text(now, 'instanceState', 'name')).toBe('running');
    for (const member of ['ipAddress', 'privateIpAddress', 'launchTime'])
      expect(now.get(member)).toBe(before.get(member));
    expect(await metadata('instance-id')).toBe(id);
  }
  const elapsed = (performance.now() - began) / 1000;
  // The guest's own clock went on all the time: it neither rebooted nor stood still.
  expect(await uptimeOfGuest()).toBeGreaterThan(uptime + elapsed * 0.9);
  process.stdout.write(`crash test with guests: ${kills} kills, the session counted to ${session.last}\n`);
}, 600_000);

test('a launch that is interrupted ends with a machine that one can log in to', async () => {
  const ids: string[] = [];
  for (let round = 0; round < 3; round++) {
    const token = { ClientToken: `launch-${round}` };
    const answered = client.call('RunInstances', { ...launch, ...token }).catch(unanswered);
    await sleep(random.below(700));
    await server.kill();
    await answered;
    await restart();
    const repeated = await client.ok('RunInstances', { ...launch, ...token });
    const second = text(repeated, 'instancesSet', 'item', 'instanceId');
    ids.push(second);
    const address = text(await inState(second, 'running'), 'ipAddress');
    if (round === 0) await new Login({ user: 'ec2-user', address, keyFile }).until('true', boot);
    expect(await machinesOf(second)).toHaveLength(1);
    await session.goesOn(30);

    // And so does an end that is interrupted.
    await client.ok('TerminateInstances', { InstanceId: [second] });
    await sleep(random.below(700));
    await server.kill();
    await restart();
    await inState(second, 'terminated');
    await session.goesOn(30);
  }
  const { interfaces, volumes } = await parts();
  expect([interfaces.length, volumes.length]).toEqual([1, 1]);
  await eventually('machines without traces', 20, async () => {
    const left = await tracesOf(ids, [server.dataDir]);
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
}, 900_000);

test('after so many kills, the end of the instance leaves nothing on this machine', async () => {
  const one = await describeInstance(id);
  const { interfaces, volumes } = await parts();
  const names = [
    id,
    text(one, 'ipAddress'),
    ...volumes,
    ...interfaces,
    ...interfaces.map(card => `tap${card.slice(-12)}`),
  ];
  const traces = (): Promise<string[]> => tracesOf(names, [server.dataDir]);
  expect((await traces()).length).toBeGreaterThan(3);
  session.close();
  await client.ok('TerminateInstances', { InstanceId: [id] });
  await inState(id, 'terminated');
  await eventually('machine without traces', 20, async () => {
    const left = await traces();
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
  await server.down();
  expect(await tracesOf([server.dataDir, publicPool], ['/run'])).toEqual([]);
}, 120_000);

async function restart(): Promise<void> {
  client.close();
  client = await server.start();
}

/** Calls that reach into the fabric of the running guest, until there is no answer. */
async function changeUntilKilled(): Promise<void> {
  for (let port = 8_000; ; port++) {
    const rule = { IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '192.0.2.0/24' }] };
    try {
      await client.ok('AuthorizeSecurityGroupIngress', { GroupId: group, IpPermissions: [rule] });
      await client.ok('CreateTags', { ResourceId: [id], Tag: [{ Key: 'port', Value: String(port) }] });
      await client.ok('RevokeSecurityGroupIngress', { GroupId: group, IpPermissions: [rule] });
    } catch (error) {
      if (error instanceof Unanswered) return;
      // The kill before this one may have come between the two calls.
      if (!String(error).includes('InvalidPermission.Duplicate')) throw error;
    }
  }
}

function unanswered(error: unknown): undefined {
  if (!(error instanceof Unanswered)) throw error;
}

async function describeInstance(instanceId: string): Promise<XmlElement> {
  const answer = await client.ok('DescribeInstances', { InstanceId: [instanceId] });
  const found = answer.find('reservationSet', 'item', 'instancesSet', 'item');
  if (found === undefined) throw new Error(`${instanceId} is not described`);
  return found;
}

function inState(instanceId: string, state: string): Promise<XmlElement> {
  return eventually(`instance in state ${state}`, 120, async () => {
    const found = await describeInstance(instanceId);
    if (text(found, 'instanceState', 'name') === state) return found;
    throw new Error(`it is ${text(found, 'instanceState', 'name')}: ${found.get('stateReason', 'message') ?? ''}`);
  });
}

async function parts(): Promise<{ interfaces: string[]; volumes: string[] }> {
  const interfaces = await client.all('DescribeNetworkInterfaces', 'networkInterfaceSet');
  const volumes = await client.all('DescribeVolumes', 'volumeSet');
  return {
    interfaces: interfaces.map(card => text(card, 'networkInterfaceId')),
    volumes: volumes.map(volume => text(volume, 'volumeId')),
  };
}

async function uptimeOfGuest(): Promise<number> {
  return Number((await login.run('cat /proc/uptime')).split(' ')[0]);
}

/** What the metadata service tells the guest. */
function metadata(path: string): Promise<string> {
  return login.until(
    `token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token) && ` +
      `curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/${path}`,
    20,
  );
}

/** Processes that run this machine. */
async function machinesOf(instanceId: string): Promise<string[]> {
  const traces = await tracesOf([instanceId], []);
  return traces.filter(line => line.startsWith('process') && line.includes('qemu-system'));
}
