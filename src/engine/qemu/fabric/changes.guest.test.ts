import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataDirHash, edgeNamespace, tapName, vpcNamespace } from '../names.ts';
import { portIntent, privateSubnet, vpcIntent } from './intents.test-data.ts';
import { run } from './run.ts';
import { client, closed, World, web } from './test-world.ts';

/** Real namespaces while the fabric changes. Needs root; that everything is removed at the end is a test, too. */

const world = new World(239);
const { guests, vpcA, vpcB, dataDir, unique, hostAddress, server, friend, stranger, twin } = world;

beforeAll(async () => {
  await world.open();
  await world.settle();
}, 60_000);

afterAll(() => world.destroy());

describe('public addresses', () => {
  it('are reached from the host, subject to security groups', async () => {
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(hostAddress);
    expect(await guests.connect(undefined, world.publicAddress(10), 80)).toBe('failed: time-out');
    expect(await guests.connect(undefined, world.publicAddress(11), 22)).toBe('failed: time-out');
  });

  it('are reached from instances, which are seen by their own public address', async () => {
    expect(await guests.connect(world.friendGuest, world.publicAddress(10), 22)).toBe(world.publicAddress(11));
    expect(await guests.connect(world.serverGuest, world.publicAddress(10), 22), 'also from itself').toBe(
      world.publicAddress(10),
    );
    expect(await guests.connect(world.friendGuest, world.publicAddress(10), 80), 'no group by public address').toBe(
      'failed: time-out',
    );
  });

  it('do not open the host or anything behind it to instances', async () => {
    expect(await guests.pings(world.friendGuest, hostAddress)).toBe(false);
    expect(await guests.pings(world.friendGuest, '192.0.2.1')).toBe(false);
  });

  it('are needed to leave the VPC', async () => {
    expect(await guests.connect(world.strangerGuest, world.publicAddress(10), 22)).toBe('failed: time-out');
    const noRoute = portIntent(vpcA, 13, {
      subnetId: privateSubnet.subnetId,
      privateIpAddresses: ['172.31.16.13'],
      publicIpAddresses: { '172.31.16.13': world.publicAddress(13) },
    });
    const guest = await world.addPort(noRoute);
    expect(await guests.dhcp(guest)).toContain('router=172.31.16.1');
    expect(await guests.connect(guest, world.publicAddress(10), 22)).toMatch('failed');
    expect(await guests.connect(guest, '172.31.0.10', 22), 'local is in every route table').toBe('172.31.16.13');
  });

  it('move to another VPC within a second, and the old owner keeps nothing', async () => {
    const old = await guests.start(
      world.friendGuest,
      ['ping', '-n', '-i', '0.2', world.publicAddress(10)],
      'bytes from',
    );
    let answers = 0;
    old.stdout?.on('data', (chunk: Buffer) => {
      answers += chunk.toString().split('bytes from').length - 1;
    });
    const moved = { ...twin, publicIpAddresses: { '172.31.0.10': world.publicAddress(10) } };
    const start = performance.now();
    await world.fabric.ensurePort(moved);
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(hostAddress);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(await guests.connect(world.serverGuest, world.publicAddress(11), 22), 'the old owner has no way out').toBe(
      'failed: time-out',
    );
    answers = 0;
    await sleep(1000);
    expect(answers, 'who kept sending reaches the new owner').toBeGreaterThan(2);
    old.kill('SIGKILL');
    await world.fabric.ensurePort(twin);
    await world.fabric.ensurePort(server);
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(hostAddress);
  });
});

describe('a VPC that changes', () => {
  it('serves a new subnet at once', async () => {
    const added = { subnetId: 'subnet-0aaaaaaaaaaaaaaa3', cidrBlock: '172.31.32.0/20', routes: [] };
    const base = vpcIntent(vpcA);
    await world.fabric.ensureVpc({ ...base, subnets: [...base.subnets, added] });
    const newcomer = portIntent(vpcA, 14, { subnetId: added.subnetId, privateIpAddresses: ['172.31.32.14'] });
    const guest = await world.addPort(newcomer);
    expect(await guests.dhcp(guest)).toContain('ip=172.31.32.14 mask=20 router=172.31.32.1');
    expect(await guests.connect(guest, '172.31.0.10', 22)).toBe('172.31.32.14');
    await world.fabric.removePort(vpcA, newcomer.networkInterfaceId);
    await world.fabric.ensureVpc(base);
  });

  it('loses its public addresses with the internet gateway, and has them back with it', async () => {
    await world.fabric.ensureVpc(vpcIntent(vpcA, { internetGateway: false }));
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe('failed: time-out');
    expect(await guests.connect(world.friendGuest, '172.31.0.10', 22)).toBe('172.31.0.11');
    await world.fabric.ensureVpc(vpcIntent(vpcA));
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(hostAddress);
    expect(await guests.connect(world.friendGuest, world.publicAddress(10), 22)).toBe(world.publicAddress(11));
  });

  it('keeps packets for the pool on the machine while the edge is down, and repairs the edge', async () => {
    await run(['ip', 'netns', 'del', edgeNamespace(dataDir)]);
    await run(['ip', 'link', 'del', `fb-${dataDirHash(dataDir)}`]).catch(() => undefined);
    expect(await run(['ip', 'route', 'get', world.publicAddress(10)]).catch(String)).toContain('Invalid argument');
    for (const vpcId of [vpcA, vpcB]) await world.fabric.ensureVpc(vpcIntent(vpcId));
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe(hostAddress);
  });
});

describe('a restart of the server', () => {
  it('changes nothing that is there, and a connection goes on', async () => {
    const before = await run(['nft', '-a', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    const script = `
      const socket = require('node:net').connect(22, '172.31.0.10');
      let count = 0;
      socket.on('data', () => { console.log('n' + ++count); setTimeout(() => socket.write('x'), 50); });
      socket.on('close', () => console.log('closed'));`;
    const flow = await guests.start(world.friendGuest, [process.execPath, '-e', script], 'n2');
    let text = '';
    flow.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await world.fabric.close();
    expect(world.metadata.opened.size).toBe(0);
    world.fabric = world.createFabric();
    await world.fabric.open(world.metadata);
    await world.ensureBase();
    for (const intent of [server, friend, stranger, twin]) await world.fabric.ensurePort(intent);
    text = '';
    await sleep(500);
    expect(text).toContain('n');
    expect(text).not.toContain('closed');
    flow.kill('SIGKILL');
    // Handles number the rules: equal handles mean that no rule was written again.
    expect(await run(['nft', '-a', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) })).toBe(before);
    expect(await guests.attempt(world.friendGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcA} 172.31.0.11`,
    );
    expect(await world.fabric.listVpcs()).toEqual([vpcA, vpcB]);
    expect(await world.fabric.listPorts(vpcB)).toEqual([twin.networkInterfaceId]);
  });
});

describe('removal', () => {
  it('of a port frees its address for a successor, who inherits no connection', async () => {
    const flow = await guests.start(
      world.friendGuest,
      [
        process.execPath,
        '-e',
        "require('node:net').connect(22, '172.31.0.10').on('data', d => console.log('got', String(d)))",
      ],
      'got',
    );
    const tracked = () =>
      run(['conntrack', '-L', '-f', 'ipv4', '--orig-dst', '172.31.0.10'], { namespace: vpcNamespace(vpcA) });
    expect(await tracked()).toContain('ESTABLISHED');
    await world.fabric.removePort(vpcA, server.networkInterfaceId);
    await world.fabric.removePort(vpcA, server.networkInterfaceId);
    expect(await tracked()).not.toContain('ESTABLISHED');
    expect(await world.fabric.listPorts(vpcA)).not.toContain(server.networkInterfaceId);
    expect(await guests.connect(undefined, world.publicAddress(10), 22)).toBe('failed: time-out');
    const rules = await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    expect(rules).not.toContain(tapName(server.networkInterfaceId));
    expect(rules, 'in sets; one rule names the address as a CIDR block').not.toMatch(/(?<!ip daddr )172\.31\.0\.10\b/);
    flow.kill('SIGKILL');
  });

  it('of groups, in any order, once no port has them', async () => {
    await world.fabric.removePort(vpcA, stranger.networkInterfaceId);
    await world.fabric.removeGroup(vpcA, closed);
    await world.fabric.removePort(vpcA, friend.networkInterfaceId);
    await world.fabric.removeGroup(vpcA, client);
    for (const id of await world.fabric.listPorts(vpcA)) await world.fabric.removePort(vpcA, id);
    await world.fabric.removeGroup(vpcA, web);
    const rules = await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    expect(rules).not.toContain('sg-');
  });

  it('of a VPC and of everything leaves nothing', async () => {
    await world.fabric.removeVpc(vpcA);
    expect(world.metadata.opened.has(vpcA)).toBe(false);
    await world.fabric.destroy();
    const left = await Promise.all([
      run(['ip', 'netns', 'list']),
      run(['ip', '-brief', 'link']),
      run(['ip', 'route', 'show', 'table', 'all']),
      run(['nft', 'list', 'tables']),
      run(['ps', '-eo', 'args']),
    ]);
    for (const text of left) {
      expect(text.replaceAll(`fbg${unique}`, '')).not.toContain(unique);
      expect(text).not.toContain(dataDirHash(dataDir));
      expect(text).not.toContain('198.19.239.');
    }
  });
});
