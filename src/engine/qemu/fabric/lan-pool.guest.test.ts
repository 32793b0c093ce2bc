import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFabric, type Fabric } from './fabric.ts';
import { anywhere, groupIntent, portIntent, vpcIntent } from './intents.test-data.ts';
import { ipBatch, run } from './run.ts';
import { Guests } from './test-guests.ts';

/* Instances with addresses of the network that the host is in: others there reach them, and see them by these. */

const unique = randomBytes(3).toString('hex');
const lan = `fbl${unique}`;
const uplink = `fbl${unique}`;
const dataDir = `/tmp/fogbank-lan-${unique}`;
const guests = new Guests(`fbg${unique}`);
const vpcId = `vpc-0000000000${unique}e`;
const group = 'sg-0aaaaaaaaaaaaaaa1';
const fabrics: Fabric[] = [];
let guest = '';

async function open(publicPool: string): Promise<Fabric> {
  const fabric = createFabric({ dataDir, publicPool, ports: guests.ports, uplink });
  fabrics.push(fabric);
  await fabric.open({ onListening: () => {}, onClosed: () => {} });
  return fabric;
}

beforeAll(async () => {
  await run(['ip', 'netns', 'add', lan]);
  await ipBatch(undefined, [
    `link add ${uplink} type veth peer name eth0 netns ${lan}`,
    `address add 198.51.100.1/24 dev ${uplink}`,
    `link set ${uplink} up`,
  ]);
  await ipBatch(lan, ['link set lo up', 'address add 198.51.100.77/24 dev eth0', 'link set eth0 up']);
  await guests.serve(lan, 7);
});
afterAll(async () => {
  for (const fabric of fabrics) await fabric.destroy().catch(() => {});
  await run(['ip', 'link', 'del', uplink]).catch(() => {});
  await run(['ip', 'netns', 'del', lan]).catch(() => {});
  await guests.remove();
  await rm(dataDir, { recursive: true, force: true });
});

it('is refused when it has an address of the host in it, or is too large', async () => {
  await expect(open('198.51.100.0/25')).rejects.toThrow('contains 198.51.100.1');
  await ipBatch(undefined, [`address add 100.127.0.1/20 dev ${uplink}`]);
  await expect(open('100.127.8.0/21')).rejects.toThrow('/22 at most');
  await ipBatch(undefined, [`address del 100.127.0.1/20 dev ${uplink}`]);
});

it('brings instances into the network beyond the uplink', { timeout: 60_000 }, async () => {
  const fabric = await open('198.51.100.128/26');
  await fabric.ensureVpc(vpcIntent(vpcId));
  await fabric.ensureGroup(
    groupIntent(vpcId, group, [{ protocol: 6, fromPort: 22, toPort: 22, cidrIpv4: '198.51.100.0/24' }], [anywhere]),
  );
  const port = portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.51.100.140' } });
  guest = await guests.prepare(port);
  await fabric.ensurePort(port);
  await guests.configure(guest, '172.31.0.10', '172.31.0.1');
  for (const number of [22, 80]) await guests.serve(guest, number);
  // Both ways under the addresses that everybody has.
  expect(await guests.connect(lan, '198.51.100.140', 22)).toBe('198.51.100.77');
  expect(await guests.connect(guest, '198.51.100.77', 7)).toBe('198.51.100.140');
  // Groups count as everywhere.
  expect(await guests.connect(lan, '198.51.100.140', 80)).toBe('failed: time-out');
  // The host speaks for the pool's addresses, and for nothing else.
  const answers = async (address: string) => {
    await guests.attempt(lan, 'ping', '-n', '-c', '1', '-W', '1', address);
    return (await run(['ip', 'neigh', 'show', address], { namespace: lan })).includes('lladdr');
  };
  expect(await answers('198.51.100.150')).toBe(true);
  expect(await answers('198.51.100.100')).toBe(false);
});

it('leaves nothing when it goes', async () => {
  await fabrics.at(-1)?.destroy();
  expect(await run(['ip', 'neigh', 'show', 'proxy'])).not.toContain(uplink);
});
