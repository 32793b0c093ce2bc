import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FlowCount, PortIntent } from '../../engine.ts';
import { normalIpv6 } from '../../network/ipv6.ts';
import { vpcNamespace } from '../names.ts';
import { createFabric } from './fabric.ts';
import { anywhere, groupIntent, portIntent, publicSubnet, vpcIntent } from './intents.test-data.ts';
import { run } from './run.ts';
import { Guests } from './test-guests.ts';

/** Counts of real packets. Needs root; everything is removed at the end. */

const unique = randomBytes(3).toString('hex');
const guests = new Guests(`fbc${unique}`);
const dataDir = `/tmp/fogbank-fabric-${unique}`;
const fabric = createFabric({ dataDir, publicPool: '198.19.235.0/24', ports: guests.ports });
const vpcId = `vpc-0000000000${unique}a`;
const open = 'sg-0aaaaaaaaaaaaaaa1';
const shut = 'sg-0aaaaaaaaaaaaaaa2';
const server = portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.19.235.10' } });
const closed = portIntent(vpcId, 11, { groupIds: [shut] });
const client = portIntent(vpcId, 12);
const anywhere6 = { protocol: -1, cidrIpv6: '::/0' };
const names = new Map<string, string>();

beforeAll(async () => {
  await fabric.open({ onListening: () => undefined, onClosed: () => undefined });
  await fabric.ensureVpc(vpcIntent(vpcId));
  await fabric.ensureGroup(groupIntent(vpcId, open, [anywhere]));
  await fabric.ensureGroup(groupIntent(vpcId, shut, []));
  for (const port of [server, closed, client]) {
    const namespace = await guests.prepare(port);
    names.set(port.networkInterfaceId, namespace);
    await fabric.ensurePort(port);
    await guests.configure(namespace, port.privateIpAddresses[0] ?? '', '172.31.0.1');
    await guests.serve(namespace, 22);
  }
}, 60_000);

afterAll(async () => {
  await fabric.destroy();
  await guests.remove();
});

const here = names.get.bind(names);
/** What an interface counted from one address to another. */
const at = ({ networkInterfaceId: id }: PortIntent, flows: readonly FlowCount[], source: string, destination: string) =>
  flows.filter(one => one.networkInterfaceId === id && one.source === source && one.destination === destination);

it('tell each flow with what came and what passed, only while that is wanted', async () => {
  const from = here(client.networkInterfaceId) ?? '';
  expect(await fabric.flowCounts(vpcId)).toEqual([]);
  await fabric.ensureVpc(vpcIntent(vpcId, { countFlows: true }));
  await run(['ping', '-n', '-q', '-c', '3', '-i', '0.05', '172.31.0.10'], { namespace: from });
  expect(await guests.connect(from, '172.31.0.10', 22)).toBe('172.31.0.12');
  expect(await guests.connect(from, '172.31.0.11', 22)).toMatch(/^failed/);
  const flows = await fabric.flowCounts(vpcId);
  const [asking, asked] = ['172.31.0.12', '172.31.0.10'] as const;
  const counts = { packets: 3, bytes: 252, passedPackets: 3, passedBytes: 252 };
  const ping = { source: asking, destination: asked, protocol: 1, sourcePort: 0, destinationPort: 0, ...counts };
  const sent = at(client, flows, asking, asked);
  const received = at(server, flows, asking, asked);
  expect(sent.find(one => one.protocol === 1)).toEqual({
    ...ping,
    networkInterfaceId: client.networkInterfaceId,
    direction: 'egress',
  });
  expect(received.find(one => one.protocol === 1)).toEqual({
    ...ping,
    networkInterfaceId: server.networkInterfaceId,
    direction: 'ingress',
  });
  const [request] = received.filter(one => one.destinationPort === 22);
  const [answer] = at(client, flows, asked, asking).filter(one => one.sourcePort === 22);
  expect(request?.packets).toBeGreaterThan(2);
  expect(request?.passedPackets).toBe(request?.packets);
  expect(answer).toMatchObject({ direction: 'ingress', destinationPort: request?.sourcePort });
  const [refused] = at(closed, flows, asking, '172.31.0.11');
  expect(refused?.packets).toBeGreaterThan(0);
  expect(refused).toMatchObject({ direction: 'ingress', protocol: 6, destinationPort: 22, passedPackets: 0 });
});

it('see what comes from the internet under private addresses', async () => {
  expect(await guests.connect(undefined, '198.19.235.10', 22)).toBe('198.19.235.1');
  const [inward] = at(server, await fabric.flowCounts(vpcId), '198.19.235.1', '172.31.0.10');
  expect(inward).toMatchObject({ direction: 'ingress', destinationPort: 22 });
});

it('count IPv6', async () => {
  const block = `fdf0:9ba0:${unique.slice(0, 4)}:a00::`;
  const [one, two] = [normalIpv6(`${block}12`), normalIpv6(`${block}10`)];
  const subnets = [{ ...publicSubnet, ipv6CidrBlock: `${block}/64` }];
  const ipv6CidrBlocks = [`${block}/56`];
  await fabric.ensureVpc(vpcIntent(vpcId, { countFlows: true, ipv6CidrBlocks, subnets }));
  await fabric.ensureGroup(groupIntent(vpcId, open, [anywhere, anywhere6], [anywhere, anywhere6]));
  for (const [port, address] of [
    [client, one],
    [server, two],
  ] as const) {
    await fabric.ensurePort({ ...port, ipv6Addresses: [address] });
    await guests.configureIpv6(here(port.networkInterfaceId) ?? '', address, vpcId);
  }
  // A new address may take seconds until it sends.
  expect(await guests.pings(here(client.networkInterfaceId) ?? '', two, '-W', '8')).toBe(true);
  expect(await guests.connect(here(client.networkInterfaceId), two, 22)).toBe(one);
  const [request] = at(server, await fabric.flowCounts(vpcId), one, two);
  expect(request).toMatchObject({ direction: 'ingress', protocol: 6, destinationPort: 22 });
  expect(request?.passedBytes).toBeGreaterThan(200);
});

it('survive a restart of the server, and go when nobody wants them', async () => {
  const before = await fabric.flowCounts(vpcId);
  await fabric.close();
  const again = createFabric({ dataDir, publicPool: '198.19.235.0/24', ports: guests.ports });
  await again.open({ onListening: () => undefined, onClosed: () => undefined });
  await again.ensureVpc(vpcIntent(vpcId, { countFlows: true }));
  expect((await again.flowCounts(vpcId)).length).toBe(before.length);
  await again.ensureVpc(vpcIntent(vpcId));
  expect(await again.flowCounts(vpcId)).toEqual([]);
  expect(await run(['nft', 'list', 'tables'], { namespace: vpcNamespace(vpcId) })).not.toContain('flows');
});
