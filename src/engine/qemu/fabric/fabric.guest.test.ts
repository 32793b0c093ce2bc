import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetadataListener, PortIntent } from '../../engine.ts';
import { dataDirHash, edgeNamespace, tapName, vpcNamespace } from '../names.ts';
import { createFabric, type Fabric, tokenReasonPhrase } from './fabric.ts';
import { anywhere, groupIntent, portIntent, privateSubnet, vpcIntent } from './intents.test-data.ts';
import { run } from './run.ts';
import { Guests } from './test-guests.ts';

/** Real namespaces, real packets. Needs root; everything is removed at the end, and that is a test too. */

const pool = '198.19.240.0/24';
const hostAddress = '198.19.240.1';
const publicAddress = (number: number) => `198.19.240.${number}`;
const unique = randomBytes(3).toString('hex');
const dataDir = mkdtempSync('/tmp/fogbank-fabric-');
const vpcA = `vpc-0000000000${unique}a`;
const vpcB = `vpc-0000000000${unique}b`;
const web = 'sg-0aaaaaaaaaaaaaaa1';
const client = 'sg-0aaaaaaaaaaaaaaa2';
const closed = 'sg-0aaaaaaaaaaaaaaa3';
const guests = new Guests(`fbg${unique}`);

/** Answers as the metadata service does: tokens with the agreed reason phrase; everything tells VPC and caller. */
function metadata(): MetadataListener & { readonly opened: Map<string, Server> } {
  const opened = new Map<string, Server>();
  return {
    opened,
    onListening(vpcId, server) {
      const http = createServer((request, response) => {
        if (request.method === 'PUT') response.writeHead(200, tokenReasonPhrase);
        response.end(`${vpcId} ${request.socket.remoteAddress}`);
      });
      server.on('connection', socket => http.emit('connection', socket));
      opened.set(vpcId, server);
    },
    onClosed: vpcId => opened.delete(vpcId),
  };
}

const listener = metadata();
let fabric: Fabric;
const namespaces = new Map<string, string>();

async function addPort(intent: PortIntent): Promise<string> {
  const namespace = namespaces.get(intent.networkInterfaceId) ?? (await guests.prepare(intent));
  namespaces.set(intent.networkInterfaceId, namespace);
  await fabric.ensurePort(intent);
  return namespace;
}

async function ensureBase(target: Fabric): Promise<void> {
  for (const vpcId of [vpcA, vpcB]) {
    await target.ensureVpc(vpcIntent(vpcId));
    await target.ensureGroup(
      groupIntent(vpcId, web, [
        { protocol: 6, fromPort: 80, toPort: 80, groupId: client },
        { protocol: 6, fromPort: 22, toPort: 22, cidrIpv4: '0.0.0.0/0' },
        { protocol: 1, icmpType: 8, icmpCode: -1, cidrIpv4: '0.0.0.0/0' },
      ]),
    );
    await target.ensureGroup(groupIntent(vpcId, client, []));
    await target.ensureGroup(groupIntent(vpcId, closed, [anywhere], []));
  }
}

const server = portIntent(vpcA, 10, { publicIpAddresses: { '172.31.0.10': publicAddress(10) } });
const friend = portIntent(vpcA, 11, {
  groupIds: [client],
  publicIpAddresses: { '172.31.0.11': publicAddress(11) },
  metadataHopLimit: 3,
});
const stranger = portIntent(vpcA, 12, { groupIds: [closed] });
const twin = portIntent(vpcB, 10);
let serverGuest: string;
let friendGuest: string;
let strangerGuest: string;
let twinGuest: string;

beforeAll(async () => {
  fabric = createFabric({ dataDir, publicPool: pool, ports: guests.ports });
  await fabric.open(listener);
  await ensureBase(fabric);
  serverGuest = await addPort(server);
  friendGuest = await addPort(friend);
  strangerGuest = await addPort(stranger);
  twinGuest = await addPort(twin);
}, 30_000);

afterAll(async () => {
  await fabric.destroy();
  await guests.remove();
});

describe('what a guest gets', () => {
  it('a DHCP lease with address, router, DNS server, names and MTU', async () => {
    expect(await guests.dhcp(serverGuest)).toContain(
      'ip=172.31.0.10 mask=20 router=172.31.0.1 dns=172.31.0.2 domain=ec2.internal hostname=ip-172-31-0-10 mtu=9001 lease=3600',
    );
    for (const guest of [friendGuest, strangerGuest, twinGuest]) expect(await guests.dhcp(guest)).toContain('ip=172');
    await guests.serve(serverGuest, 22);
    await guests.serve(serverGuest, 80);
    await guests.serve(serverGuest, 8080);
    await guests.serve(friendGuest, 22);
  });

  it('a gateway that answers', async () => {
    expect(await guests.pings(serverGuest, '172.31.0.1')).toBe(true);
  });

  it('neighbours within milliseconds: the router answers ARP for them at once', async () => {
    const output = await guests.attempt(friendGuest, 'ping', '-n', '-c', '1', '-W', '1', '172.31.0.10');
    expect(Number(/time=([\d.]+) ms/.exec(output)?.[1])).toBeLessThan(50);
  });

  it.each(['172.31.0.2', '169.254.169.253'])('private names, forwards and backwards, from %s', async resolver => {
    const ask = (...question: string[]) =>
      guests.attempt(
        friendGuest,
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
      friendGuest,
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
    expect(await guests.connect(friendGuest, '172.31.0.10', 80)).toBe('172.31.0.11');
  });

  it('keep everything else out', async () => {
    expect(await guests.connect(friendGuest, '172.31.0.10', 8080)).toBe('failed: time-out');
    expect(await guests.connect(serverGuest, '172.31.0.11', 22)).toBe('failed: time-out');
  });

  it('keep in what no egress rule lets out, though the receiver would take it', async () => {
    expect(await guests.pings(strangerGuest, '172.31.0.10')).toBe(false);
    await fabric.ensureGroup(groupIntent(vpcA, closed, [], [{ protocol: 1, cidrIpv4: '172.31.0.10/32' }]));
    expect(await guests.pings(strangerGuest, '172.31.0.10')).toBe(true);
    expect(await guests.pings(strangerGuest, '172.31.0.11')).toBe(false);
  });

  it('leave DHCP, DNS and metadata alone', async () => {
    const body = await guests.attempt(strangerGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/');
    expect(body).toBe(`${vpcA} 172.31.0.12`);
  });

  it('unite on a port, and follow its membership', async () => {
    expect(await guests.connect(strangerGuest, '172.31.0.10', 80)).toBe('failed: time-out');
    await fabric.ensurePort({ ...stranger, groupIds: [closed, client] });
    expect(await guests.connect(strangerGuest, '172.31.0.10', 80)).toBe('172.31.0.12');
    await fabric.ensurePort(stranger);
    expect(await guests.connect(strangerGuest, '172.31.0.10', 80)).toBe('failed: time-out');
  });

  it('cannot be removed while a port has them', async () => {
    await expect(fabric.removeGroup(vpcA, closed)).rejects.toThrow(/busy/i);
  });
});

describe('isolation', () => {
  it('equal addresses in two VPCs are two networks', async () => {
    await guests.serve(twinGuest, 22);
    expect(await guests.pings(twinGuest, '172.31.0.11')).toBe(false);
    expect(await guests.attempt(twinGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcB} 172.31.0.10`,
    );
    expect(await guests.attempt(serverGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcA} 172.31.0.10`,
    );
  });

  it('a false source address gets nowhere, not even to the metadata service', async () => {
    await run(['ip', '-n', friendGuest, 'address', 'add', '172.31.0.77/32', 'dev', 'eth0']);
    expect(await guests.pings(friendGuest, '172.31.0.10')).toBe(true);
    expect(await guests.pings(friendGuest, '172.31.0.10', '-I', '172.31.0.77')).toBe(false);
    const metadataAs = (address: string) =>
      guests.attempt(friendGuest, 'curl', '-sS', '-m', '1', '--interface', address, 'http://169.254.169.254/');
    expect(await metadataAs('172.31.0.77')).toContain('failed');
    expect(await metadataAs('172.31.0.11')).toContain('172.31.0.11');
  });

  it('a port without source/destination check may send what it likes, and still only under its own MAC address', async () => {
    const echo = portIntent(vpcA, 77, { groupIds: [web] });
    await fabric.ensurePort({ ...friend, sourceDestCheck: false });
    // Watched where it would arrive: the answer to a foreign address does not come back here.
    const counter = ['add table ip t', 'add chain ip t c { type filter hook input priority 0; }'];
    await run(['nft', '-f', '-'], {
      namespace: serverGuest,
      input: [...counter, 'add rule ip t c ip saddr 172.31.0.77 counter', ''].join('\n'),
    });
    const arrived = async () =>
      /packets (\d+)/.exec(await run(['nft', 'list', 'ruleset'], { namespace: serverGuest }))?.[1];
    // An ARP request in the foreign name would be refused, so the neighbour must be known before.
    await guests.pings(friendGuest, '172.31.0.10');
    await guests.pings(friendGuest, '172.31.0.10', '-I', '172.31.0.77');
    expect(await arrived()).toBe('1');
    await run(['ip', '-n', friendGuest, 'link', 'set', 'eth0', 'address', echo.mac]);
    expect(await guests.pings(friendGuest, '172.31.0.10')).toBe(false);
    await run(['ip', '-n', friendGuest, 'link', 'set', 'eth0', 'address', friend.mac]);
    await run(['nft', 'delete', 'table', 'ip', 't'], { namespace: serverGuest });
    await fabric.ensurePort(friend);
    await run(['ip', '-n', friendGuest, 'address', 'del', '172.31.0.77/32', 'dev', 'eth0']);
    expect(await guests.pings(friendGuest, '172.31.0.10')).toBe(true);
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
      return guests.attempt(friendGuest, process.execPath, '-e', script);
    };
    expect(await ask(friend.mac)).toBe('172.31.0.11\n');
    expect(await ask(server.mac)).toBe('nothing\n');
  });
});

describe('public addresses', () => {
  it('are reached from the host, subject to security groups', async () => {
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe(hostAddress);
    expect(await guests.connect(undefined, publicAddress(10), 80)).toBe('failed: time-out');
    expect(await guests.connect(undefined, publicAddress(11), 22)).toBe('failed: time-out');
  });

  it('are reached from instances, which are seen by their own public address', async () => {
    expect(await guests.connect(friendGuest, publicAddress(10), 22)).toBe(publicAddress(11));
    expect(await guests.connect(serverGuest, publicAddress(10), 22), 'also from itself').toBe(publicAddress(10));
    expect(await guests.connect(friendGuest, publicAddress(10), 80), 'no group by public address').toBe(
      'failed: time-out',
    );
  });

  it('do not open the host or anything behind it to instances', async () => {
    expect(await guests.pings(friendGuest, hostAddress)).toBe(false);
    expect(await guests.pings(friendGuest, '192.0.2.1')).toBe(false);
  });

  it('are needed to leave the VPC', async () => {
    expect(await guests.connect(strangerGuest, publicAddress(10), 22)).toBe('failed: time-out');
    const noRoute = portIntent(vpcA, 13, {
      subnetId: privateSubnet.subnetId,
      privateIpAddresses: ['172.31.16.13'],
      publicIpAddresses: { '172.31.16.13': publicAddress(13) },
    });
    const guest = await addPort(noRoute);
    expect(await guests.dhcp(guest)).toContain('router=172.31.16.1');
    expect(await guests.connect(guest, publicAddress(10), 22)).toMatch('failed');
    expect(await guests.connect(guest, '172.31.0.10', 22), 'local is in every route table').toBe('172.31.16.13');
  });

  it('move to another VPC within a second, and the old owner keeps nothing', async () => {
    const old = await guests.start(friendGuest, ['ping', '-n', '-i', '0.2', publicAddress(10)], 'bytes from');
    let answers = 0;
    old.stdout?.on('data', (chunk: Buffer) => {
      answers += chunk.toString().split('bytes from').length - 1;
    });
    const moved = { ...twin, publicIpAddresses: { '172.31.0.10': publicAddress(10) } };
    const start = performance.now();
    await fabric.ensurePort(moved);
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe(hostAddress);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(await guests.connect(serverGuest, publicAddress(11), 22), 'the old owner has no way out').toBe(
      'failed: time-out',
    );
    answers = 0;
    await sleep(1000);
    expect(answers, 'who kept sending reaches the new owner').toBeGreaterThan(2);
    old.kill('SIGKILL');
    await fabric.ensurePort(twin);
    await fabric.ensurePort(server);
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe(hostAddress);
  });
});

describe('the metadata hop limit', () => {
  it.each([
    ['PUT', 1, () => serverGuest],
    ['PUT', 3, () => friendGuest],
    ['GET', 64, () => friendGuest],
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
      guests.attempt(serverGuest, 'ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', '8000', address);
    await fabric.ensureGroup(groupIntent(vpcA, client, [anywhere]));
    expect(await large('172.31.0.11')).toContain('2 received');
    expect(await large(publicAddress(11))).not.toContain('received, 0%');
    const cached = await run(['ip', 'route', 'get', publicAddress(11)], { namespace: serverGuest });
    expect(cached).toContain('mtu 1500');
    await fabric.ensureGroup(groupIntent(vpcA, client, []));
  });
});

describe('a VPC that changes', () => {
  it('serves a new subnet at once', async () => {
    const added = { subnetId: 'subnet-0aaaaaaaaaaaaaaa3', cidrBlock: '172.31.32.0/20', routes: [] };
    const base = vpcIntent(vpcA);
    await fabric.ensureVpc({ ...base, subnets: [...base.subnets, added] });
    const newcomer = portIntent(vpcA, 14, { subnetId: added.subnetId, privateIpAddresses: ['172.31.32.14'] });
    const guest = await addPort(newcomer);
    expect(await guests.dhcp(guest)).toContain('ip=172.31.32.14 mask=20 router=172.31.32.1');
    expect(await guests.connect(guest, '172.31.0.10', 22)).toBe('172.31.32.14');
    await fabric.removePort(vpcA, newcomer.networkInterfaceId);
    await fabric.ensureVpc(base);
  });

  it('loses its public addresses with the internet gateway, and has them back with it', async () => {
    await fabric.ensureVpc(vpcIntent(vpcA, { internetGateway: false }));
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe('failed: time-out');
    expect(await guests.connect(friendGuest, '172.31.0.10', 22)).toBe('172.31.0.11');
    await fabric.ensureVpc(vpcIntent(vpcA));
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe(hostAddress);
    expect(await guests.connect(friendGuest, publicAddress(10), 22)).toBe(publicAddress(11));
  });

  it('keeps packets for the pool on the machine while the edge is down, and repairs the edge', async () => {
    await run(['ip', 'netns', 'del', edgeNamespace(dataDir)]);
    await run(['ip', 'link', 'del', `fb-${dataDirHash(dataDir)}`]).catch(() => undefined);
    expect(await run(['ip', 'route', 'get', publicAddress(10)]).catch(String)).toContain('Invalid argument');
    for (const vpcId of [vpcA, vpcB]) await fabric.ensureVpc(vpcIntent(vpcId));
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe(hostAddress);
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
    const flow = await guests.start(friendGuest, [process.execPath, '-e', script], 'n2');
    let text = '';
    flow.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await fabric.close();
    expect(listener.opened.size).toBe(0);
    fabric = createFabric({ dataDir, publicPool: pool, ports: guests.ports });
    await fabric.open(listener);
    await ensureBase(fabric);
    await fabric.ensureGroup(groupIntent(vpcA, closed, [], [{ protocol: 1, cidrIpv4: '172.31.0.10/32' }]));
    for (const intent of [server, friend, stranger, twin]) await fabric.ensurePort(intent);
    text = '';
    await sleep(500);
    expect(text).toContain('n');
    expect(text).not.toContain('closed');
    flow.kill('SIGKILL');
    // Handles number the rules: equal handles mean that no rule was written again. One group was changed on the way.
    const withoutClosed = (rules: string) =>
      rules.replace(new RegExp(`chain ${closed}-(in|out) {[^}]*}[^}]*}`, 'g'), '');
    const after = await run(['nft', '-a', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    expect(withoutClosed(after)).toBe(withoutClosed(before));
    expect(await guests.attempt(friendGuest, 'curl', '-sS', '-m', '2', 'http://169.254.169.254/')).toBe(
      `${vpcA} 172.31.0.11`,
    );
    expect(await fabric.listVpcs()).toEqual([vpcA, vpcB]);
    expect(await fabric.listPorts(vpcB)).toEqual([twin.networkInterfaceId]);
  });
});

describe('removal', () => {
  it('of a port frees its address for a successor, who inherits no connection', async () => {
    const flow = await guests.start(
      friendGuest,
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
    await fabric.removePort(vpcA, server.networkInterfaceId);
    await fabric.removePort(vpcA, server.networkInterfaceId);
    expect(await tracked()).not.toContain('ESTABLISHED');
    expect(await fabric.listPorts(vpcA)).not.toContain(server.networkInterfaceId);
    expect(await guests.connect(undefined, publicAddress(10), 22)).toBe('failed: time-out');
    const rules = await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    expect(rules).not.toContain(tapName(server.networkInterfaceId));
    expect(rules, 'in sets; one rule names the address as a CIDR block').not.toMatch(/(?<!ip daddr )172\.31\.0\.10\b/);
    flow.kill('SIGKILL');
  });

  it('of groups, in any order, once no port has them', async () => {
    await fabric.removePort(vpcA, stranger.networkInterfaceId);
    await fabric.removeGroup(vpcA, closed);
    await fabric.removePort(vpcA, friend.networkInterfaceId);
    await fabric.removeGroup(vpcA, client);
    for (const id of await fabric.listPorts(vpcA)) await fabric.removePort(vpcA, id);
    await fabric.removeGroup(vpcA, web);
    const rules = await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcA) });
    expect(rules).not.toContain('sg-');
  });

  it('of a VPC and of everything leaves nothing', async () => {
    await fabric.removeVpc(vpcA);
    expect(listener.opened.has(vpcA)).toBe(false);
    await fabric.destroy();
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
      expect(text).not.toContain('198.19.240.');
    }
  });
});
