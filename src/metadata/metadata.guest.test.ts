import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstanceRow, instances } from '../ec2/instances/model.ts';
import { groupIntent, portIntent, vpcIntent } from '../ec2/intents.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../ec2/network-interfaces/model.ts';
import { subnets } from '../ec2/subnets/model.ts';
import { createDefaultVpc } from '../ec2/vpcs/default-vpc.ts';
import { createFabric, type Fabric } from '../engine/qemu/fabric/fabric.ts';
import { run } from '../engine/qemu/fabric/run.ts';
import { Guests } from '../engine/qemu/fabric/test-guests.ts';
import { createTestMetadata, type TestMetadata } from './testing.ts';

/**
 * The service on the fabric's own sockets, asked by network stacks in the place of machines: two instances with the
 * same address in two VPCs, and behind the first one a container, one hop further.
 */

const address = '172.31.0.10';
const first = 'i-0aaaaaaaaaaaaaaaa';
const second = 'i-0bbbbbbbbbbbbbbbb';
const dataDir = `/tmp/fogbank-metadata-guest-${process.pid}`;
const prefix = `imds${process.pid}`;
const container = `${prefix}-container`;

const guests = new Guests(prefix);
let metadata: TestMetadata;
let fabric: Fabric;
let firstGuest: string;
let secondGuest: string;

/** What a guest's `fetch` gets, in one line: status and body, or the name of its error. */
async function fetchIn(
  namespace: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const script = `
    fetch('http://169.254.169.254${path}', { method: '${method}', headers: ${JSON.stringify(headers)}, signal: AbortSignal.timeout(1500) })
      .then(async answer => console.log(answer.status, await answer.text()), error => console.log('failed:', error.name));`;
  return (await guests.attempt(namespace, process.execPath, '-e', script)).trim();
}

function row(id: string): { instance: InstanceRow; networkInterface: NetworkInterfaceRow } {
  const instance = metadata.state.get(instances, id);
  const networkInterface = metadata.state.firstBy(networkInterfaces, 'instance', id);
  if (instance === undefined || networkInterface === undefined) throw new Error(`${id} is gone`);
  return { instance, networkInterface };
}

/** Sets the hop limit as ModifyInstanceMetadataOptions and its controller do. */
async function setHopLimit(id: string, hopLimit: number): Promise<void> {
  const { instance, networkInterface } = row(id);
  const metadataOptions = { ...instance.metadataOptions, httpPutResponseHopLimit: hopLimit };
  metadata.state.write(tx => tx.put(instances, { ...instance, metadataOptions }));
  await fabric.ensurePort(portIntent(metadata.state, networkInterface.networkInterfaceId, hopLimit));
}

/** Connects an instance to the fabric and configures it as DHCP would. */
async function connect(id: string): Promise<string> {
  const { networkInterface } = row(id);
  const port = portIntent(metadata.state, networkInterface.networkInterfaceId, 1);
  const guest = await guests.prepare(port);
  await fabric.ensureVpc(vpcIntent(metadata.state, port.vpcId));
  for (const groupId of port.groupIds) await fabric.ensureGroup(groupIntent(metadata.state, groupId));
  await fabric.ensurePort(port);
  await guests.configure(guest, address, '172.31.0.1');
  return guest;
}

beforeAll(async () => {
  metadata = await createTestMetadata();
  fabric = createFabric({ dataDir, publicPool: '198.19.77.0/24', ports: guests.ports });
  await fabric.open(metadata.service);

  const otherVpc = metadata.state.write(tx => createDefaultVpc(tx, '210987654321', 'us-east-1'));
  for (const id of [first, second]) {
    metadata.launch(id, address);
    const { instance, networkInterface } = row(id);
    const vpcId = id === first ? metadata.vpcId : otherVpc;
    const [subnet] = metadata.state.by(subnets, 'vpc', vpcId);
    if (subnet === undefined) throw new Error('the default VPC is incomplete');
    metadata.state.write(tx => {
      tx.put(instances, { ...instance, vpcId });
      tx.put(networkInterfaces, {
        ...networkInterface,
        vpcId,
        subnetId: subnet.subnetId,
        macAddress: `0a:00:00:00:00:${id.slice(-2)}`,
        privateIpAddresses: [{ address, primary: true }],
        groupIds: [],
      });
    });
  }
  firstGuest = await connect(first);
  secondGuest = await connect(second);

  await run(['ip', 'netns', 'add', container]);
  await run([
    'ip',
    '-n',
    firstGuest,
    'link',
    'add',
    'bridge',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    container,
  ]);
  await run(['ip', '-n', firstGuest, 'address', 'add', '10.88.0.1/24', 'dev', 'bridge']);
  await run(['ip', '-n', firstGuest, 'link', 'set', 'bridge', 'up']);
  await run(['ip', '-n', container, 'address', 'add', '10.88.0.2/24', 'dev', 'eth0']);
  await run(['ip', '-n', container, 'link', 'set', 'eth0', 'up']);
  await run(['ip', '-n', container, 'route', 'add', 'default', 'via', '10.88.0.1']);
  await run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'], { namespace: firstGuest });
  await run(['nft', '-f', '-'], {
    namespace: firstGuest,
    input: [
      'add table ip nat',
      'add chain ip nat post { type nat hook postrouting priority srcnat; }',
      'add rule ip nat post oifname "eth0" masquerade',
      '',
    ].join('\n'),
  });
}, 60_000);

afterAll(async () => {
  await run(['ip', 'netns', 'del', container]).catch(() => undefined);
  await fabric?.destroy();
  await guests.remove();
  await metadata?.close();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

const lifetime = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };

test('instances with the same address in two VPCs are told apart', async () => {
  expect(await fetchIn(firstGuest, 'GET', '/latest/meta-data/instance-id')).toBe(`200 ${first}`);
  expect(await fetchIn(secondGuest, 'GET', '/latest/meta-data/instance-id')).toBe(`200 ${second}`);
});

test('a token of one is refused to the other', async () => {
  const [status, token = ''] = (await fetchIn(firstGuest, 'PUT', '/latest/api/token', lifetime)).split(' ');
  expect(status).toBe('200');
  const headers = { 'X-aws-ec2-metadata-token': token };
  expect(await fetchIn(firstGuest, 'GET', '/latest/meta-data/instance-id', headers)).toBe(`200 ${first}`);
  expect(await fetchIn(secondGuest, 'GET', '/latest/meta-data/instance-id', headers)).toMatch(/^401 /);
});

test('a token reaches as far as the hop limit says, other answers further', async () => {
  expect(await fetchIn(container, 'GET', '/latest/meta-data/instance-id')).toBe(`200 ${first}`);
  expect(await fetchIn(container, 'PUT', '/latest/api/token', lifetime)).toBe('failed: TimeoutError');
  await setHopLimit(first, 2);
  expect(await fetchIn(container, 'PUT', '/latest/api/token', lifetime)).toMatch(/^200 [\w-]{54}==$/);
  await setHopLimit(first, 1);
  expect(await fetchIn(container, 'PUT', '/latest/api/token', lifetime)).toBe('failed: TimeoutError');
  expect(await fetchIn(firstGuest, 'PUT', '/latest/api/token', lifetime)).toMatch(/^200 /);
});

test('the service is there again after a restart of the server', async () => {
  await metadata.service.close();
  await fabric.close();
  fabric = createFabric({ dataDir, publicPool: '198.19.77.0/24', ports: guests.ports });
  await fabric.open(metadata.service);
  await expect
    .poll(() => fetchIn(firstGuest, 'GET', '/latest/meta-data/instance-id'), { timeout: 15_000 })
    .toBe(`200 ${first}`);
});
