import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dataDirHash, edgeNamespace, vpcNamespace } from '../names.ts';
import { hostInterface, hostTable, runtimeDir } from './layout.ts';
import { run } from './run.ts';
import { World } from './test-world.ts';

/* The machine restarts: namespaces, links, rules and processes are gone, and only what the server knows is left. */

let world: World;
beforeAll(async () => {
  world = new World(221);
  await world.open();
  await world.settle();
}, 60_000);
afterAll(() => world.destroy());

/** What a restart of the machine takes away of this data folder's network. */
async function reboot(): Promise<void> {
  await world.fabric.close();
  const hash = dataDirHash(world.dataDir);
  const servers = (await run(['ps', '-eo', 'pid=,args='])).split('\n').filter(line => line.includes('dnsmasq'));
  for (const line of servers.filter(one => one.includes(hash))) process.kill(Number(line.trim().split(' ')[0]));
  const { dataDir, vpcA, vpcB } = world;
  for (const name of [edgeNamespace(dataDir), vpcNamespace(vpcA), vpcNamespace(vpcB)])
    await run(['ip', 'netns', 'del', name]);
  await run(['ip', 'link', 'del', hostInterface(world.dataDir)]).catch(() => {});
  await run(['nft', 'delete', 'table', 'inet', hostTable(world.dataDir)]).catch(() => {});
  await rm(runtimeDir(world.dataDir), { recursive: true, force: true });
}

it('the same network is there again, from what is asked for', { timeout: 120_000 }, async () => {
  const rules = async () => {
    const lists = await Promise.all(
      [world.vpcA, world.vpcB].map(vpcId => run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcId) })),
    );
    return lists.join('');
  };
  const before = await rules();
  await reboot();
  expect(await world.guests.connect(undefined, world.publicAddress(10), 22)).toMatch(/^failed/);
  world.fabric = world.createFabric();
  await world.fabric.open(world.metadata);
  expect(await world.fabric.listVpcs()).toEqual([]);
  await world.ensureBase();
  for (const intent of [world.server, world.friend, world.stranger, world.twin]) await world.addPort(intent);
  expect(await rules()).toBe(before);
  const { guests } = world;
  // Their interfaces are new, and ask again.
  for (const guest of [world.serverGuest, world.friendGuest, world.strangerGuest]) await guests.dhcp(guest);

  expect(await guests.connect(world.friendGuest, '172.31.0.10', 80)).toBe('172.31.0.11');
  expect(await guests.connect(world.strangerGuest, '172.31.0.10', 80)).toMatch(/^failed/);
  expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(world.hostAddress);
  expect(await guests.connect(world.friendGuest, world.publicAddress(10), 22)).toBe(world.publicAddress(11));
  expect(await guests.attempt(world.friendGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
    `${world.vpcA} 172.31.0.11`,
  );
});
