import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PortIntent, RouteIntent, SubnetIntent, VpcIntent } from '../../engine.ts';
import { linkLocalOf, normalIpv6 } from '../../network/ipv6.ts';
import { dataDirHash, edgeNamespace, tapName, vpcNamespace } from '../names.ts';
import { createFabric } from './fabric.ts';
import { anywhere, groupIntent, portIntent, privateSubnet, publicSubnet, vpcIntent } from './intents.test-data.ts';
import { ipv6HostAddresses, routerMac, tokenReasonPhrase } from './layout.ts';
import { run } from './run.ts';
import { Guests } from './test-guests.ts';

/** IPv6 with real packets, in a VPC that begins without it. Needs root; everything is removed at the end. */

const unique = randomBytes(3).toString('hex');
const dataDir = `/tmp/fogbank-fabric-${unique}`;
const guests = new Guests(`fb6${unique}`);
const vpcId = `vpc-0000000000${unique}a`;
const worldId = `vpc-0000000000${unique}b`;
const peerId = `vpc-0000000000${unique}c`;
const open = 'sg-0aaaaaaaaaaaaaaa1';
const shut = 'sg-0aaaaaaaaaaaaaaa2';

/** The first 56 bits of a VPC's block. */
const net = (vpc: 'a' | 'b' | 'c') => `fdf0:9ba0:${unique.slice(0, 4)}:${vpc}`;
/** An address in a subnet, whose number is the last byte of the fourth group. */
const at = (vpc: 'a' | 'b' | 'c', subnet: number, host: string) =>
  normalIpv6(`${net(vpc)}${subnet.toString(16).padStart(2, '0')}::${host}`);

const all6: RouteIntent = { destination: '::/0', target: 'internet-gateway' };
const out6: RouteIntent = { destination: '::/0', target: 'egress-only-internet-gateway' };
const anywhere6 = { protocol: -1, cidrIpv6: '::/0' } as const;
const all = { ruleNumber: 100, allow: true, protocol: -1, cidrBlock: '0.0.0.0/0' } as const;
const all6Entry = { ...all, ruleNumber: 101, cidrBlock: '::/0' } as const;

const inside = portIntent(vpcId, 10, { subnetId: privateSubnet.subnetId, privateIpAddresses: ['172.31.16.10'] });
const outside = portIntent(vpcId, 20, { publicIpAddresses: { '172.31.0.20': '198.19.237.20' } });
const world = portIntent(worldId, 40, { ipv6Addresses: [at('b', 0, '40')] });
const peer = portIntent(peerId, 50, {
  subnetId: 'subnet-0bbbbbbbbbbbbbbb1',
  privateIpAddresses: ['10.9.0.50'],
  ipv6Addresses: [at('c', 0, '50')],
});
const inside6 = { ...inside, ipv6Addresses: [at('a', 1, '10')] };
const outside6 = { ...outside, ipv6Addresses: [at('a', 0, '20')] };

const publicSubnet6: SubnetIntent = {
  ...publicSubnet,
  ipv6CidrBlock: `${at('a', 0, '')}/64`,
  routes: [...publicSubnet.routes, all6],
};
const privateSubnet6: SubnetIntent = { ...privateSubnet, ipv6CidrBlock: `${at('a', 1, '')}/64`, routes: [out6] };

function vpc6(changes: Partial<VpcIntent> = {}): VpcIntent {
  return vpcIntent(vpcId, {
    ipv6CidrBlocks: [`${at('a', 0, '')}/56`],
    subnets: [publicSubnet6, privateSubnet6],
    egressOnlyInternetGateway: true,
    ...changes,
  });
}

function peerVpc(changes: Partial<VpcIntent> = {}, routes: readonly RouteIntent[] = []): VpcIntent {
  return vpcIntent(peerId, {
    cidrBlocks: ['10.9.0.0/16'],
    ipv6CidrBlocks: [`${at('c', 0, '')}/56`],
    subnets: [{ subnetId: peer.subnetId, cidrBlock: '10.9.0.0/20', ipv6CidrBlock: `${at('c', 0, '')}/64`, routes }],
    internetGateway: false,
    ...changes,
  });
}

const worldVpc = vpcIntent(worldId, {
  ipv6CidrBlocks: [`${at('b', 0, '')}/56`],
  subnets: [{ ...publicSubnet, ipv6CidrBlock: `${at('b', 0, '')}/64`, routes: [all6] }],
});

/** What the metadata service was asked: by whom. */
const http = createServer((request, response) => {
  if (request.method === 'PUT') response.writeHead(200, tokenReasonPhrase);
  response.end(request.socket.remoteAddress);
});
const metadata = {
  onListening: (_: string, server: import('node:net').Server) =>
    void server.on('connection', socket => http.emit('connection', socket)),
  onClosed: () => undefined,
};
const options = { dataDir, publicPool: '198.19.237.0/24', ports: guests.ports };
let fabric = createFabric(options);

const names = new Map<PortIntent, string>();
const guestOf = (intent: PortIntent) => names.get(intent) ?? '';

async function plug(intent: PortIntent): Promise<void> {
  const namespace = await guests.prepare(intent);
  names.set(intent, namespace);
  await fabric.ensurePort(intent);
  const [address = ''] = intent.privateIpAddresses;
  await guests.configure(namespace, address, address.replace(/\d+$/, '1'));
  await guests.serve(namespace, 22);
}

const timeout = 'failed: time-out';
const unreachable = /^failed/;
/** A TCP connection by IPv6, from the host when `from` is undefined; the address that the other side sees. */
const connect = (from: PortIntent | undefined, to: string) =>
  guests.connect(from === undefined ? undefined : guestOf(from), to, 22);

beforeAll(async () => {
  await fabric.open(metadata);
  for (const intent of [vpcIntent(vpcId), worldVpc, peerVpc()]) await fabric.ensureVpc(intent);
  for (const id of [vpcId, worldId, peerId]) {
    await fabric.ensureGroup(groupIntent(id, open, [anywhere, anywhere6], [anywhere, anywhere6]));
    await fabric.ensureGroup(groupIntent(id, shut, [], [anywhere, anywhere6]));
  }
  for (const intent of [inside, outside, world, peer]) await plug(intent);
  await guests.configureIpv6(guestOf(world), at('b', 0, '40'), worldId);
  await guests.configureIpv6(guestOf(peer), at('c', 0, '50'), peerId);
}, 120_000);

afterAll(async () => {
  await fabric.destroy();
  await guests.remove();
  http.close();
});

describe('a VPC with running guests that gets IPv6', () => {
  it('goes on with IPv4 without a gap', async () => {
    const flow = await guests.start(guestOf(outside), ['ping', '-n', '-i', '0.02', '172.31.16.10'], 'bytes from');
    let seen = '';
    flow.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await fabric.ensureVpc(vpc6());
    await fabric.ensurePort(inside6);
    await fabric.ensurePort(outside6);
    await sleep(300);
    flow.kill('SIGINT');
    await sleep(200);
    expect(seen).toMatch(/ 0% packet loss/);
    expect(await connect(outside, '172.31.16.10')).toBe('172.31.0.20');
  });

  it('tells its guests the router, and that addresses are given by DHCPv6, which gives theirs', async () => {
    const namespace = guestOf(inside);
    const routes = () => run(['ip', '-n', namespace, '-6', 'route', 'show', 'default']);
    for (let tries = 0; tries < 60 && !(await routes()).includes('proto ra'); tries++) await sleep(100);
    expect(await routes()).toContain(`via ${linkLocalOf(routerMac(vpcId))} dev eth0 proto ra`);
    const addresses = await run(['ip', '-n', namespace, '-6', 'address', 'show', 'scope', 'global']);
    expect(addresses, 'no address of its own making').toBe('');
    const lease = await guests.dhcpv6(namespace);
    expect(normalIpv6(lease.address ?? '::')).toBe(at('a', 1, '10'));
    expect(lease).toMatchObject({ preferred: 140, dns: 'fd00:0ec2:0000:0000:0000:0000:0000:0253' });
    await guests.configureIpv6(namespace, at('a', 1, '10'), vpcId);
    await guests.configureIpv6(guestOf(outside), at('a', 0, '20'), vpcId);
  });

  it('gives an address that moves to its new owner at once', async () => {
    const moved = [at('a', 1, '99')];
    const second = portIntent(vpcId, 11, { subnetId: privateSubnet.subnetId, privateIpAddresses: ['172.31.16.11'] });
    await plug(second);
    await fabric.ensurePort({ ...inside6, ipv6Addresses: moved });
    expect(normalIpv6((await guests.dhcpv6(guestOf(inside))).address ?? '::')).toBe(moved[0]);
    await fabric.ensurePort(inside6);
    await fabric.ensurePort({ ...second, ipv6Addresses: moved });
    expect(normalIpv6((await guests.dhcpv6(guestOf(second))).address ?? '::')).toBe(moved[0]);
    await fabric.removePort(vpcId, second.networkInterfaceId);
  });
});

describe('local traffic', () => {
  it('goes between subnets, and is judged by groups, by IPv6 address and by membership', async () => {
    expect(await connect(outside, at('a', 1, '10'))).toBe(at('a', 0, '20'));
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'))).toBe(true);
    await fabric.ensurePort({ ...inside6, groupIds: [shut] });
    expect(await connect(outside, at('a', 1, '10'))).toBe(timeout);
    await fabric.ensureGroup(groupIntent(vpcId, shut, [{ protocol: 6, fromPort: 22, toPort: 22, groupId: open }]));
    expect(await connect(outside, at('a', 1, '10'))).toBe(at('a', 0, '20'));
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'))).toBe(false);
    const narrow = { protocol: 6, fromPort: 22, toPort: 22, cidrIpv6: `${at('a', 0, '21')}/128` };
    await fabric.ensureGroup(groupIntent(vpcId, shut, [narrow]));
    expect(await connect(outside, at('a', 1, '10'))).toBe(timeout);
    const echo = { protocol: 58, icmpType: 128, icmpCode: -1, cidrIpv6: '::/0' };
    await fabric.ensureGroup(groupIntent(vpcId, shut, [{ ...narrow, cidrIpv6: `${at('a', 0, '')}/64` }, echo]));
    expect(await connect(outside, at('a', 1, '10'))).toBe(at('a', 0, '20'));
    expect(await guests.pings(guestOf(outside), at('a', 1, '10')), 'by ICMPv6 type').toBe(true);
    await fabric.ensureGroup(groupIntent(vpcId, shut, [anywhere]));
    expect(await connect(outside, at('a', 1, '10')), '0.0.0.0/0 is not ::/0').toBe(timeout);
    await fabric.ensureGroup(groupIntent(vpcId, shut, [], [anywhere, anywhere6]));
    await fabric.ensurePort(inside6);
  });

  it('has the sender’s own address, or is dropped', async () => {
    const stolen = at('a', 0, '66');
    await run(['ip', '-n', guestOf(outside), '-6', 'address', 'add', `${stolen}/128`, 'dev', 'eth0', 'nodad']);
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'), '-I', stolen)).toBe(false);
    expect(await guests.pings(guestOf(inside), stolen), 'nor does it get there').toBe(false);
    await fabric.ensurePort({ ...outside6, ipv6Addresses: [at('a', 0, '20'), stolen] });
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'), '-I', stolen)).toBe(true);
    await fabric.ensurePort(outside6);
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'), '-I', stolen)).toBe(false);
    const prefix = `${net('a')}00:77::/80`;
    const delegated = `${net('a')}00:77::5`;
    await run(['ip', '-n', guestOf(outside), '-6', 'address', 'add', `${delegated}/128`, 'dev', 'eth0', 'nodad']);
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'), '-I', delegated)).toBe(false);
    await fabric.ensurePort({ ...outside6, ipv6Prefixes: [prefix] });
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'), '-I', delegated), 'of a delegated prefix').toBe(true);
    expect(await guests.pings(guestOf(inside), delegated)).toBe(true);
    await fabric.ensurePort(outside6);
    expect(await guests.pings(guestOf(inside), delegated)).toBe(false);
    for (const address of [stolen, delegated])
      await run(['ip', '-n', guestOf(outside), '-6', 'address', 'del', `${address}/128`, 'dev', 'eth0']);
  });

  it('is judged by network ACLs where it leaves a subnet', async () => {
    const networkAclId = 'acl-0aaaaaaaaaaaaaaa1';
    const apply = (ingress: readonly (typeof all6Entry | typeof all | object)[]) =>
      fabric.ensureVpc(
        vpc6({
          subnets: [publicSubnet6, { ...privateSubnet6, networkAclId }],
          networkAcls: [{ networkAclId, ingress: ingress as (typeof all6Entry)[], egress: [all, all6Entry] }],
        }),
      );
    await apply([all]);
    expect(await connect(outside, at('a', 1, '10'))).toBe(timeout);
    expect(await connect(outside, '172.31.16.10')).toBe('172.31.0.20');
    await apply([all, { ...all6Entry, protocol: 6, fromPort: 22, toPort: 22 }]);
    expect(await connect(outside, at('a', 1, '10'))).toBe(at('a', 0, '20'));
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'))).toBe(false);
    await apply([all, { ...all6Entry, protocol: 58, icmpType: 128, icmpCode: 0 }]);
    expect(await guests.pings(guestOf(outside), at('a', 1, '10'))).toBe(true);
    await fabric.ensureVpc(vpc6());
  });
});

describe('gateways', () => {
  it('the internet gateway leads out and in, without translation', async () => {
    expect(await connect(outside, at('b', 0, '40'))).toBe(at('a', 0, '20'));
    expect(await connect(world, at('a', 0, '20'))).toBe(at('b', 0, '40'));
    expect(await connect(undefined, at('a', 0, '20')), 'from the host').toBe(ipv6HostAddresses(dataDir).host);
    const host = ipv6HostAddresses(dataDir).host;
    expect(await guests.pings(guestOf(outside), host), 'machines do not reach the host').toBe(false);
  });

  it('a block that the host has its own way to is not taken from it', async () => {
    const own = 'fdf0:9bff:0:100::/56';
    await run(['ip', '-6', 'route', 'add', 'blackhole', 'fdf0:9bff:0:100::/64', 'metric', '4000']);
    try {
      await fabric.ensureVpc(vpc6({ ipv6CidrBlocks: [`${at('a', 0, '')}/56`, own] }));
      expect(await run(['ip', '-6', 'route'])).not.toContain(own);
      expect(await run(['ip', '-n', edgeNamespace(dataDir), '-6', 'route'])).toContain(own);
    } finally {
      await run(['ip', '-6', 'route', 'del', 'fdf0:9bff:0:100::/64']);
    }
    await fabric.ensureVpc(vpc6());
    expect(await run(['ip', '-n', edgeNamespace(dataDir), '-6', 'route'])).not.toContain(own);
    expect(await connect(undefined, at('a', 0, '20'))).toBe(ipv6HostAddresses(dataDir).host);
  });

  it('the egress-only one leads out, and in only what answers', async () => {
    expect(await connect(inside, at('b', 0, '40'))).toBe(at('a', 1, '10'));
    expect(await guests.pings(guestOf(inside), at('b', 0, '40'))).toBe(true);
    expect(await connect(world, at('a', 1, '10'))).toMatch(unreachable);
    expect(await guests.pings(guestOf(world), at('a', 1, '10'))).toBe(false);
    expect(await connect(undefined, at('a', 1, '10'))).toMatch(unreachable);
  });

  it('also when it is the only one', async () => {
    await fabric.ensureVpc(vpc6({ internetGateway: false }));
    expect(await connect(inside, at('b', 0, '40'))).toBe(at('a', 1, '10'));
    expect(await connect(world, at('a', 1, '10'))).toMatch(unreachable);
    expect(await connect(outside, at('b', 0, '40')), 'the other gateway is gone').toMatch(unreachable);
    expect(await connect(world, at('a', 0, '20'))).toMatch(unreachable);
    await fabric.ensureVpc(vpc6({ egressOnlyInternetGateway: false }));
    expect(await connect(inside, at('b', 0, '40'))).toMatch(unreachable);
    expect(await connect(world, at('a', 0, '20'))).toBe(at('b', 0, '40'));
    await fabric.ensureVpc(vpc6());
    expect(await connect(inside, at('b', 0, '40'))).toBe(at('a', 1, '10'));
  });

  it('need a route: without one nobody gets in, either', async () => {
    await fabric.ensureVpc(vpc6({ subnets: [{ ...publicSubnet6, routes: [] }, privateSubnet6] }));
    expect(await connect(outside, at('b', 0, '40'))).toMatch(unreachable);
    expect(await connect(world, at('a', 0, '20'))).toMatch(unreachable);
    const nat: RouteIntent = { destination: '64:ff9b::/96', target: { natGatewayId: 'nat-0aaaaaaaaaaaaaaa1' } };
    await fabric.ensureVpc(vpc6({ subnets: [{ ...publicSubnet6, routes: [nat, all6] }, privateSubnet6] }));
    expect(await connect(outside, '64:ff9b::c613:ed14'), 'nothing translates to IPv4').toMatch(unreachable);
    expect(await connect(outside, at('b', 0, '40'))).toBe(at('a', 0, '20'));
    await fabric.ensureVpc(vpc6());
  });

  it('an interface passes on what is routed to it while its check is off', async () => {
    const target = { networkInterfaceId: outside.networkInterfaceId };
    await run(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1'], { namespace: guestOf(outside) });
    await guests.configureIpv6(guestOf(outside), at('a', 0, '20'), vpcId);
    const narrow: RouteIntent = { destination: `${at('b', 0, '')}/64`, target };
    await fabric.ensureVpc(
      vpc6({
        subnets: [publicSubnet6, { ...privateSubnet6, routes: [narrow] }],
        internetGatewayRoutes: [{ destination: privateSubnet6.ipv6CidrBlock ?? '', target }],
      }),
    );
    expect(await connect(inside, at('b', 0, '40')), 'the check is on').toMatch(unreachable);
    await fabric.ensurePort({ ...outside6, sourceDestCheck: false });
    expect(await connect(inside, at('b', 0, '40'))).toBe(at('a', 1, '10'));
    await fabric.ensurePort(outside6);
    await fabric.ensureVpc(vpc6());
  });
});

it('peers are reached by their IPv6 addresses where both route', async () => {
  const pcx = `pcx-0000000000${unique}1`;
  const target = { vpcPeeringConnectionId: pcx };
  const there = { destination: `${at('c', 0, '')}/56`, target };
  await fabric.ensureVpc(
    vpc6({
      subnets: [publicSubnet6, { ...privateSubnet6, routes: [there] }],
      peeringConnections: [{ vpcPeeringConnectionId: pcx, peerVpcId: peerId }],
    }),
  );
  const mine = { peeringConnections: [{ vpcPeeringConnectionId: pcx, peerVpcId: vpcId }] };
  await fabric.ensureVpc(peerVpc(mine));
  expect(await connect(inside, at('c', 0, '50')), 'no way back').toMatch(unreachable);
  await fabric.ensureVpc(peerVpc(mine, [{ destination: `${at('a', 0, '')}/56`, target }]));
  expect(await connect(inside, at('c', 0, '50'))).toBe(at('a', 1, '10'));
  expect(await connect(peer, at('a', 1, '10'))).toBe(at('c', 0, '50'));
  expect(await connect(outside, at('c', 0, '50')), 'a subnet without the route').toMatch(unreachable);
  const rule = { protocol: 6, fromPort: 22, toPort: 22, groupId: open, vpcPeeringConnectionId: pcx };
  await fabric.ensureGroup(groupIntent(peerId, shut, [rule]));
  await fabric.ensurePort({ ...peer, groupIds: [shut] });
  expect(await connect(inside, at('c', 0, '50')), 'by the other VPC’s group').toBe(at('a', 1, '10'));
  await fabric.ensurePort({ ...inside6, groupIds: [shut] });
  expect(await connect(inside, at('c', 0, '50')), 'no longer a member').toMatch(unreachable);
  await fabric.ensurePort(inside6);
  await fabric.ensurePort(peer);
  await fabric.ensureVpc(vpc6());
  expect(await connect(inside, at('c', 0, '50'))).toMatch(unreachable);
});

describe('services', () => {
  const curl = (intent: PortIntent) =>
    guests.attempt(guestOf(intent), 'curl', '-s', '-m', '2', 'http://[fd00:ec2::254]/');

  it('the metadata service answers by IPv6 where that is enabled', async () => {
    expect(await curl(inside)).toMatch(/^failed/);
    await fabric.ensurePort({ ...inside6, metadataIpv6: true });
    expect(await curl(inside)).toBe(at('a', 1, '10'));
    expect(await curl(outside)).toMatch(/^failed/);
    await fabric.ensurePort(inside6);
    expect(await curl(inside)).toMatch(/^failed/);
  });

  it('its answers to token requests, and only these, have the hop limit', async () => {
    const namespace = guestOf(inside);
    const asked = async (method: string) => {
      const rules = [3, 64].map(
        limit => `add rule ip6 h c tcp sport 80 tcp flags & psh == psh ip6 hoplimit ${limit} counter`,
      );
      const input = ['add table ip6 h', 'add chain ip6 h c { type filter hook input priority 0; }', ...rules, ''].join(
        '\n',
      );
      await run(['nft', '-f', '-'], { namespace, input });
      await run(['curl', '-s', '-m', '2', '-X', method, 'http://[fd00:ec2::254]/'], { namespace });
      const counted = await run(['nft', 'list', 'table', 'ip6', 'h'], { namespace });
      await run(['nft', 'delete', 'table', 'ip6', 'h'], { namespace });
      return [...counted.matchAll(/hoplimit (\d+) counter packets [1-9]/g)].map(match => Number(match[1]));
    };
    await fabric.ensurePort({ ...inside6, metadataIpv6: true, metadataHopLimit: 3 });
    expect(await asked('PUT')).toEqual([3]);
    expect(await asked('GET')).toEqual([64]);
    await fabric.ensurePort(inside6);
  });

  it('VPC DNS does, unless the VPC has none', async () => {
    const ask = () =>
      guests.attempt(guestOf(inside), 'busybox', 'nslookup', `ip-172-31-0-20.ec2.internal`, 'fd00:ec2::253');
    expect(await ask()).toContain('172.31.0.20');
    const name = 'i-0123456789abcdef0';
    const lookUp = (type: string) =>
      guests.attempt(guestOf(inside), 'busybox', 'nslookup', `-type=${type}`, `${name}.ec2.internal`, 'fd00:ec2::253');
    await fabric.ensurePort({ ...outside6, resourceName: { name, addresses: [at('a', 0, '20')] } });
    expect(await lookUp('aaaa')).toContain(at('a', 0, '20'));
    expect(await lookUp('a')).not.toContain('172.31.0.20');
    await fabric.ensurePort(outside6);
    expect(await lookUp('aaaa')).not.toContain(at('a', 0, '20'));
    await fabric.ensureVpc(vpc6({ enableDnsSupport: false }));
    expect(await ask()).not.toContain('172.31.0.20');
    await fabric.ensureVpc(vpc6());
  });
});

it('a restarted server finds all of it, and changes nothing', async () => {
  const state = () =>
    Promise.all(
      [
        ['ip', '-6', 'route', 'show', 'table', 'all'],
        ['ip', '-6', 'rule'],
        ['ip', '-6', 'neigh', 'show', 'nud', 'permanent'],
        ['nft', 'list', 'ruleset'],
      ].map(argv => run(argv as [string, ...string[]], { namespace: vpcNamespace(vpcId) })),
    );
  await fabric.close();
  const before = await state();
  fabric = createFabric(options);
  await fabric.open(metadata);
  await fabric.ensureVpc(vpc6());
  for (const id of [open]) {
    await fabric.ensureGroup(groupIntent(vpcId, id, [anywhere, anywhere6], [anywhere, anywhere6]));
  }
  for (const intent of [inside6, outside6]) await fabric.ensurePort(intent);
  expect(await state()).toEqual(before);
  expect(await connect(inside, at('b', 0, '40'))).toBe(at('a', 1, '10'));
});

it('a VPC that loses its blocks has IPv4 only', async () => {
  await fabric.ensurePort(inside);
  await fabric.ensurePort(outside);
  await fabric.ensureVpc(vpcIntent(vpcId));
  expect(await connect(outside, at('a', 1, '10'))).toMatch(unreachable);
  expect(await connect(outside, '172.31.16.10')).toBe('172.31.0.20');
  expect(await run(['ip', '-6', 'route'])).not.toContain(`${at('a', 0, '')}/56`);
  const left = await run([
    'ip',
    '-n',
    vpcNamespace(vpcId),
    '-6',
    'address',
    'show',
    'dev',
    tapName(inside.networkInterfaceId),
  ]);
  expect(left).not.toContain(at('a', 1, '1'));
});

it('nothing is left of any of it', async () => {
  await fabric.destroy();
  const left = await Promise.all([
    run(['ip', 'netns', 'list']),
    run(['ip', '-6', 'route']),
    run(['ip', 'link']),
    run(['nft', 'list', 'tables']),
  ]);
  for (const text of left) {
    expect(text.replaceAll(`fb6${unique}`, '')).not.toContain(unique);
    expect(text).not.toContain(edgeNamespace(dataDir));
    expect(text).not.toContain(`fb-${dataDirHash(dataDir)}`);
    expect(text).not.toContain(net('a'));
  }
});
