import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anywhere, groupIntent, portIntent } from './intents.test-data.ts';
import { run } from './run.ts';
import { client, closed, World, web } from './test-world.ts';

/** Real namespaces, real packets, at rest. Needs root; everything is removed at the end. */

const world = new World(240);
const { guests, vpcA, vpcB, server, friend, stranger } = world;
let lease = '';

beforeAll(async () => {
  await world.open();
  lease = await world.settle();
}, 60_000);

afterAll(() => world.destroy());

describe('what a guest gets', () => {
  it('a DHCP lease with address, router, DNS server, names and MTU', () => {
    expect(lease).toContain(
      'ip=172.31.0.10 mask=20 router=172.31.0.1 dns=172.31.0.2 domain=ec2.internal hostname=ip-172-31-0-10 mtu=9001 lease=3600',
    );
  });

  it('a gateway that answers', async () => {
    expect(await guests.pings(world.serverGuest, '172.31.0.1')).toBe(true);
  });

  it('neighbours within milliseconds: the router answers ARP for them at once', async () => {
    const output = await guests.attempt(world.friendGuest, 'ping', '-n', '-c', '1', '-W', '1', '172.31.0.10');
    expect(Number(/time=([\d.]+) ms/.exec(output)?.[1])).toBeLessThan(50);
  });

  it.each(['172.31.0.2', '169.254.169.253'])('private names, forwards and backwards, from %s', async resolver => {
    const ask = (...question: string[]) =>
      guests.attempt(
        world.friendGuest,
        'dig',
        '+tries=1',
        '+time=2',
        '+noall',
        '+answer',
        '+comments',
        `@${resolver}`,
        ...question,
      );
    expect(await ask('ip-172-31-0-10.ec2.internal')).toContain('172.31.0.10');
    expect(await ask('-x', '172.31.0.10')).toContain('ip-172-31-0-10.ec2.internal.');
    expect(await ask('+tcp', 'ip-172-31-0-10.ec2.internal')).toContain('172.31.0.10');
    expect(await ask('ip-172-31-0-99.ec2.internal')).toContain('NXDOMAIN');
    expect(await ask('example.com'), 'at once, since nothing leaves the machine').toContain('NXDOMAIN');
  });

  it('a refusal where no time server is', async () => {
    const output = await guests.attempt(
      world.friendGuest,
      'dig',
      '+tries=1',
      '+time=3',
      '-p',
      '123',
      '@169.254.169.123',
      'a',
    );
    expect(output).toContain('exit code 9');
  });
});

describe('security groups', () => {
  it('let in whom a rule names by group', async () => {
    expect(await guests.connect(world.friendGuest, '172.31.0.10', 80)).toBe('172.31.0.11');
  });

  it('keep everything else out', async () => {
    expect(await guests.connect(world.friendGuest, '172.31.0.10', 8080)).toBe('failed: time-out');
    expect(await guests.connect(world.serverGuest, '172.31.0.11', 22)).toBe('failed: time-out');
  });

  it('keep in what no egress rule lets out, though the receiver would take it', async () => {
    expect(await guests.pings(world.strangerGuest, '172.31.0.10')).toBe(false);
    await world.fabric.ensureGroup(groupIntent(vpcA, closed, [], [{ protocol: 1, cidrIpv4: '172.31.0.10/32' }]));
    expect(await guests.pings(world.strangerGuest, '172.31.0.10')).toBe(true);
    expect(await guests.pings(world.strangerGuest, '172.31.0.11')).toBe(false);
  });

  it('leave DHCP, DNS and metadata alone', async () => {
    const body = await guests.attempt(world.strangerGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/');
    expect(body).toBe(`${vpcA} 172.31.0.12`);
  });

  it('unite on a port, and follow its membership', async () => {
    expect(await guests.connect(world.strangerGuest, '172.31.0.10', 80)).toBe('failed: time-out');
    await world.fabric.ensurePort({ ...stranger, groupIds: [closed, client] });
    expect(await guests.connect(world.strangerGuest, '172.31.0.10', 80)).toBe('172.31.0.12');
    await world.fabric.ensurePort(stranger);
    expect(await guests.connect(world.strangerGuest, '172.31.0.10', 80)).toBe('failed: time-out');
  });

  it('cannot be removed while a port has them', async () => {
    await expect(world.fabric.removeGroup(vpcA, closed)).rejects.toThrow(/busy/i);
  });
});

describe('isolation', () => {
  it('equal addresses in two VPCs are two networks', async () => {
    expect(await guests.pings(world.twinGuest, '172.31.0.11')).toBe(false);
    expect(await guests.attempt(world.twinGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcB} 172.31.0.10`,
    );
    expect(await guests.attempt(world.serverGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcA} 172.31.0.10`,
    );
  });

  it('a false source address gets nowhere, not even to the metadata service', async () => {
    await run(['ip', '-n', world.friendGuest, 'address', 'add', '172.31.0.77/32', 'dev', 'eth0']);
    expect(await guests.pings(world.friendGuest, '172.31.0.10')).toBe(true);
    expect(await guests.pings(world.friendGuest, '172.31.0.10', '-I', '172.31.0.77')).toBe(false);
    const metadataAs = (address: string) =>
      guests.attempt(world.friendGuest, 'curl', '-sS', '-m', '1', '--interface', address, 'http://169.254.169.254/');
    expect(await metadataAs('172.31.0.77')).toContain('failed');
    expect(await metadataAs('172.31.0.11')).toContain('172.31.0.11');
  });

  it('a port without source/destination check may send what it likes, and still only under its own MAC address', async () => {
    const echo = portIntent(vpcA, 77, { groupIds: [web] });
    await world.fabric.ensurePort({ ...friend, sourceDestCheck: false });
    // Watched where it would arrive: the answer to a foreign address does not come back here.
    const counter = ['add table ip t', 'add chain ip t c { type filter hook input priority 0; }'];
    await run(['nft', '-f', '-'], {
      namespace: world.serverGuest,
      input: [...counter, 'add rule ip t c ip saddr 172.31.0.77 counter', ''].join('\n'),
    });
    const arrived = async () =>
      /packets (\d+)/.exec(await run(['nft', 'list', 'ruleset'], { namespace: world.serverGuest }))?.[1];
    // An ARP request in the foreign name would be refused, so the neighbour must be known before.
    await guests.pings(world.friendGuest, '172.31.0.10');
    await guests.pings(world.friendGuest, '172.31.0.10', '-I', '172.31.0.77');
    expect(await arrived()).toBe('1');
    await run(['ip', '-n', world.friendGuest, 'link', 'set', 'eth0', 'address', echo.mac]);
    expect(await guests.pings(world.friendGuest, '172.31.0.10')).toBe(false);
    await run(['ip', '-n', world.friendGuest, 'link', 'set', 'eth0', 'address', friend.mac]);
    await run(['nft', 'delete', 'table', 'ip', 't'], { namespace: world.serverGuest });
    await world.fabric.ensurePort(friend);
    await run(['ip', '-n', world.friendGuest, 'address', 'del', '172.31.0.77/32', 'dev', 'eth0']);
    expect(await guests.pings(world.friendGuest, '172.31.0.10')).toBe(true);
  });
});

describe('DHCP', () => {
  it('answers a port about itself only', async () => {
    const ask = (mac: string) => {
      const script = `
        const message = Buffer.alloc(300);
        message.set([1, 1, 6, 0, 1, 2, 3, 4]);
        message.set(Buffer.from('${mac.replaceAll(':', '')}', 'hex'), 28);
        message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255], 236);
        const socket = require('node:dgram').createSocket('udp4');
        setTimeout(() => { console.log('nothing'); process.exit(); }, 900);
        socket.on('message', data => { console.log([...data.subarray(16, 20)].join('.')); process.exit(); });
        socket.bind(68, () => socket.send(message, 67, '172.31.0.1'));`;
      return guests.attempt(world.friendGuest, process.execPath, '-e', script);
    };
    expect(await ask(friend.mac)).toBe('172.31.0.11\n');
    expect(await ask(server.mac)).toBe('nothing\n');
  });
});

describe('the metadata hop limit', () => {
  it.each([
    ['PUT', 1, () => world.serverGuest],
    ['PUT', 3, () => world.friendGuest],
    ['GET', 64, () => world.friendGuest],
  ] as const)('%s is answered with TTL %i', async (method, ttl, guest) => {
    const namespace = guest();
    const rules = [1, 3, 64].map(
      value => `add rule ip ttl c tcp sport 80 tcp flags & psh == psh ip ttl ${value} counter`,
    );
    await run(['nft', '-f', '-'], {
      namespace,
      input: ['add table ip ttl', 'add chain ip ttl c { type filter hook input priority 0; }', ...rules, ''].join('\n'),
    });
    const options = ['-sS', '-m', '2', '-X', method];
    expect(await guests.attempt(namespace, 'curl', ...options, 'http://169.254.169.254/latest/api/token')).toContain(
      vpcA,
    );
    const counted = await run(['nft', 'list', 'table', 'ip', 'ttl'], { namespace });
    await run(['nft', 'delete', 'table', 'ip', 'ttl'], { namespace });
    const seen = [...counted.matchAll(/ip ttl (\d+) counter packets [1-9]/g)].map(match => Number(match[1]));
    expect(seen).toEqual([ttl]);
  });
});

describe('packet sizes', () => {
  it('are jumbo inside the VPC and 1500 through an internet gateway, which says so', async () => {
    const large = (address: string) =>
      guests.attempt(
        world.serverGuest,
        'ping',
        '-n',
        '-c',
        '2',
        '-i',
        '0.2',
        '-W',
        '1',
        '-M',
        'do',
        '-s',
        '8000',
        address,
      );
    await world.fabric.ensureGroup(groupIntent(vpcA, client, [anywhere]));
    expect(await large('172.31.0.11')).toContain('2 received');
    expect(await large(world.publicAddress(11))).not.toContain('received, 0%');
    const cached = await run(['ip', 'route', 'get', world.publicAddress(11)], { namespace: world.serverGuest });
    expect(cached).toContain('mtu 1500');
    await world.fabric.ensureGroup(groupIntent(vpcA, client, []));
  });
});
