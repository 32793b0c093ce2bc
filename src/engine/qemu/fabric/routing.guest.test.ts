import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkAclEntryIntent, PortIntent, RouteIntent, VpcIntent } from '../../engine.ts';
import { edgeNamespace, vpcNamespace } from '../names.ts';
import { createFabric } from './fabric.ts';
import { anywhere, groupIntent, portIntent, privateSubnet, publicSubnet, vpcIntent } from './intents.test-data.ts';
import { run } from './run.ts';
import { Guests } from './test-guests.ts';

/** Routes, network ACLs, NAT gateways and peering with real packets. Needs root; everything is removed at the end. */

const unique = randomBytes(3).toString('hex');
const dataDir = `/tmp/fogbank-fabric-${unique}`;
const guests = new Guests(`fbr${unique}`);
const fabric = createFabric({ dataDir, publicPool: '198.19.238.0/24', ports: guests.ports });
const vpcId = `vpc-0000000000${unique}a`;
const peerId = `vpc-0000000000${unique}b`;
const thirdId = `vpc-0000000000${unique}c`;
const open = 'sg-0aaaaaaaaaaaaaaa1';
const shut = 'sg-0aaaaaaaaaaaaaaa2';
const pcx = `pcx-0000000000${unique}1`;
const pcxThird = `pcx-0000000000${unique}2`;
const nat = `nat-0000000000${unique}1`;
const natPublic = '198.19.238.50';

const inside = portIntent(vpcId, 10, { subnetId: privateSubnet.subnetId, privateIpAddresses: ['172.31.16.10'] });
const outside = portIntent(vpcId, 20, { publicIpAddresses: { '172.31.0.20': '198.19.238.20' } });
const middleSubnet = { ...publicSubnet, subnetId: 'subnet-0aaaaaaaaaaaaaaa3', cidrBlock: '172.31.32.0/20' };
const middle = portIntent(vpcId, 30, {
  subnetId: middleSubnet.subnetId,
  sourceDestCheck: false,
  privateIpAddresses: ['172.31.32.30'],
  publicIpAddresses: { '172.31.32.30': '198.19.238.30' },
});
const world = portIntent(thirdId, 40, { publicIpAddresses: { '172.31.0.40': '198.19.238.40' } });
const peer = portIntent(peerId, 50, { subnetId: 'subnet-0bbbbbbbbbbbbbbb1', privateIpAddresses: ['10.9.0.50'] });
const all = { ruleNumber: 100, allow: true, protocol: -1, cidrBlock: '0.0.0.0/0' } as const;

let insideGuest = '';
let outsideGuest = '';
let middleGuest = '';
let worldGuest = '';
let peerGuest = '';

function vpc(privateRoutes: readonly RouteIntent[], changes: Partial<VpcIntent> = {}): VpcIntent {
  return vpcIntent(vpcId, {
    subnets: [publicSubnet, middleSubnet, { ...privateSubnet, routes: privateRoutes }],
    ...changes,
  });
}

function peerVpc(changes: Partial<VpcIntent> = {}, routes: readonly RouteIntent[] = []): VpcIntent {
  return vpcIntent(peerId, {
    cidrBlocks: ['10.9.0.0/16'],
    subnets: [{ subnetId: peer.subnetId, cidrBlock: '10.9.0.0/20', routes }],
    internetGateway: false,
    ...changes,
  });
}

async function plug(intent: PortIntent): Promise<string> {
  const namespace = await guests.prepare(intent);
  await fabric.ensurePort(intent);
  const [address = ''] = intent.privateIpAddresses;
  const router = address.replace(/\d+$/, '1');
  await guests.configure(namespace, address, router);
  await guests.serve(namespace, 22);
  return namespace;
}

beforeAll(async () => {
  await fabric.open({ onListening: () => undefined, onClosed: () => undefined });
  for (const intent of [vpc([]), vpcIntent(thirdId), peerVpc()]) await fabric.ensureVpc(intent);
  for (const id of [vpcId, thirdId, peerId]) {
    await fabric.ensureGroup(groupIntent(id, open, [anywhere]));
    await fabric.ensureGroup(groupIntent(id, shut, []));
  }
  insideGuest = await plug(inside);
  outsideGuest = await plug(outside);
  middleGuest = await plug(middle);
  worldGuest = await plug(world);
  peerGuest = await plug(peer);
}, 120_000);

afterAll(async () => {
  await fabric.destroy();
  await guests.remove();
});

const timeout = 'failed: time-out';
const unreachable = /^failed/;

describe('routes', () => {
  it('to an interface lead through it while its source/destination check is off, and both groups of each part judge', async () => {
    const through = { destination: '172.31.0.0/20', target: { networkInterfaceId: middle.networkInterfaceId } };
    await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.send_redirects=0'], {
      namespace: middleGuest,
    });
    await run(['nft', '-f', '-'], {
      namespace: middleGuest,
      input: 'add table ip t\nadd chain ip t c { type filter hook forward priority 0; }\nadd rule ip t c counter\n',
    });
    const passed = async () =>
      Number(/packets (\d+)/.exec(await run(['nft', 'list', 'table', 'ip', 't'], { namespace: middleGuest }))?.[1]);
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'the direct way').toBe('172.31.16.10');
    expect(await passed()).toBe(0);
    await fabric.ensureVpc(
      vpc([through], {
        subnets: [
          {
            ...publicSubnet,
            routes: [
              ...publicSubnet.routes,
              { destination: '172.31.16.0/20', target: { networkInterfaceId: middle.networkInterfaceId } },
            ],
          },
          middleSubnet,
          { ...privateSubnet, routes: [through] },
        ],
      }),
    );
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'a longer route than local').toBe('172.31.16.10');
    expect(await passed()).toBeGreaterThan(3);
    await fabric.ensurePort({ ...outside, groupIds: [shut] });
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'the receiver is shut').toBe(timeout);
    await fabric.ensurePort(outside);
    await fabric.ensureGroup(groupIntent(vpcId, shut, [anywhere], []));
    await fabric.ensurePort({ ...middle, groupIds: [shut] });
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'the one between lets nothing out').toBe(timeout);
    await fabric.ensurePort({ ...middle, sourceDestCheck: true });
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'the check is on').toBe(timeout);
    await fabric.ensurePort(middle);
    expect(await guests.connect(insideGuest, '172.31.0.20', 22)).toBe('172.31.16.10');
    await fabric.ensureGroup(groupIntent(vpcId, shut, []));
  });

  it('lead a private subnet out through an instance that translates, and nowhere when it is gone', async () => {
    const target = { networkInterfaceId: middle.networkInterfaceId };
    await fabric.ensureVpc(vpc([{ destination: '0.0.0.0/0', target }]));
    await run(['nft', '-f', '-'], {
      namespace: middleGuest,
      input:
        'add table ip n\nadd chain ip n c { type nat hook postrouting priority 100; }\nadd rule ip n c ip saddr 172.31.16.0/20 masquerade\n',
    });
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toBe('198.19.238.30');
    await fabric.removePort(vpcId, middle.networkInterfaceId);
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    const routes = await run(['ip', '-n', vpcNamespace(vpcId), 'route', 'show', 'table', 'all']);
    expect(routes).toMatch(/^blackhole default table/m);
  });

  it('of which the longest decides, also a blackhole', async () => {
    const wide = { destination: '198.19.238.0/24', target: 'internet-gateway' } as const;
    const narrow = { destination: '198.19.238.40/32', target: 'blackhole' } as const;
    const subnets = (routes: readonly RouteIntent[]) => ({ subnets: [{ ...publicSubnet, routes }, privateSubnet] });
    await fabric.ensureVpc(vpcIntent(vpcId, subnets([wide])));
    expect(await guests.connect(outsideGuest, '198.19.238.40', 22)).toBe('198.19.238.20');
    await fabric.ensureVpc(vpcIntent(vpcId, subnets([wide, narrow])));
    expect(await guests.connect(outsideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    await fabric.ensureVpc(vpc([]));
  });
});

describe('network ACLs', () => {
  const acl = 'acl-0aaaaaaaaaaaaaaa1';
  const apply = (ingress: readonly NetworkAclEntryIntent[], egress: readonly NetworkAclEntryIntent[] = [all]) =>
    fabric.ensureVpc(
      vpcIntent(vpcId, {
        subnets: [publicSubnet, { ...privateSubnet, networkAclId: acl }],
        networkAcls: [{ networkAclId: acl, ingress, egress }],
      }),
    );

  it('deny what no entry allows, in each direction, also answers', async () => {
    await apply([all]);
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22)).toBe('172.31.0.20');
    await apply([]);
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22), 'nothing comes in').toBe(timeout);
    await apply([all], []);
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22), 'no answer goes out').toBe(timeout);
    const ephemeral = { ...all, protocol: 6, fromPort: 1024, toPort: 65_535 };
    await apply([{ ...all, protocol: 6, fromPort: 22, toPort: 22 }], [ephemeral]);
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22), 'ports both ways').toBe('172.31.0.20');
    expect(await guests.connect(insideGuest, '172.31.0.20', 22), 'and none the other way').toBe(timeout);
    expect(await guests.pings(outsideGuest, '172.31.16.10')).toBe(false);
  });

  it('are tried by number, and the first that matches decides', async () => {
    const host = '172.31.0.20/32';
    await apply([all, { ...all, ruleNumber: 90, allow: false, cidrBlock: host }]);
    expect(await guests.pings(outsideGuest, '172.31.16.10')).toBe(false);
    await apply([all, { ...all, ruleNumber: 110, allow: false, cidrBlock: host }]);
    expect(await guests.pings(outsideGuest, '172.31.16.10')).toBe(true);
    await apply([{ ...all, protocol: 1, icmpType: 8, icmpCode: -1 }]);
    expect(await guests.pings(outsideGuest, '172.31.16.10'), 'by ICMP type').toBe(true);
    expect(await guests.pings(insideGuest, '172.31.0.20'), 'echo replies do not come in').toBe(false);
  });

  it('have no say inside a subnet, nor about DHCP, and end connections that are under way', async () => {
    const second = portIntent(vpcId, 11, { subnetId: privateSubnet.subnetId, privateIpAddresses: ['172.31.16.11'] });
    const guest = await plug(second);
    await fabric.ensureVpc(vpc([]));
    const flow = await guests.start(
      outsideGuest,
      [
        process.execPath,
        '-e',
        `const s = require('node:net').connect(22, '172.31.16.10');
         s.on('data', () => { console.log('tick'); setTimeout(() => s.write('x'), 50); });`,
      ],
      'tick',
    );
    let ticks = 0;
    flow.stdout?.on('data', () => ticks++);
    await apply([], []);
    await new Promise(resolve => setTimeout(resolve, 300));
    ticks = 0;
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(ticks).toBe(0);
    flow.kill('SIGKILL');
    expect(await guests.connect(guest, '172.31.16.10', 22)).toBe('172.31.16.11');
    expect(await guests.dhcp(guest)).toContain('ip=172.31.16.11');
    await fabric.removePort(vpcId, second.networkInterfaceId);
    await fabric.ensureVpc(vpc([]));
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22), 'without an ACL').toBe('172.31.0.20');
    expect(await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcId) })).not.toContain('acl-0');
  });
});

describe('NAT gateways', () => {
  const gateway = (address: string, changes: object) => ({
    natGatewayId: nat,
    networkInterfaceId: `eni-0000000000${unique}f`,
    subnetId: publicSubnet.subnetId,
    mac: '0e:1b:00:00:01:01',
    privateIpAddresses: [address],
    publicIpAddresses: {},
    ...changes,
  });
  const out = { destination: '0.0.0.0/0', target: { natGatewayId: nat } } as const;
  const available = { natGateways: [gateway('172.31.0.200', { publicIpAddresses: { '172.31.0.200': natPublic } })] };

  it('let a private subnet out under their own address, and nobody in', async () => {
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    await fabric.ensureVpc(vpc([out], available));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toBe(natPublic);
    expect(await guests.pings(insideGuest, '198.19.238.40')).toBe(true);
    expect(await guests.connect(worldGuest, natPublic, 22)).toMatch(unreachable);
    expect(await guests.connect(outsideGuest, '172.31.16.10', 22), 'local stays local').toBe('172.31.0.20');
    expect(await fabric.listPorts(vpcId)).not.toContain(available.natGateways[0]?.networkInterfaceId);
  });

  it('follow the routes and the network ACL of their subnet', async () => {
    const networkAclId = 'acl-0aaaaaaaaaaaaaaa2';
    const closed = { networkAclId, ingress: [], egress: [all] };
    const subnets = [
      { ...publicSubnet, networkAclId },
      { ...privateSubnet, routes: [out] },
    ];
    await fabric.ensureVpc(vpcIntent(vpcId, { ...available, subnets, networkAcls: [closed] }));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toBe(timeout);
    const lost = [
      { ...publicSubnet, routes: [] },
      { ...privateSubnet, routes: [out] },
    ];
    await fabric.ensureVpc(vpcIntent(vpcId, { ...available, subnets: lost }));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    await fabric.ensureVpc(vpc([out], available));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toBe(natPublic);
  });

  it('go without a trace, and routes to them are blackholes', async () => {
    await fabric.ensureVpc(vpc([out]));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    expect(await run(['ip', 'netns', 'list'])).not.toContain(nat);
    const rules = await run(['nft', 'list', 'ruleset'], { namespace: vpcNamespace(vpcId) });
    expect(rules).not.toContain('172.31.0.200');
    expect(rules).not.toContain(natPublic);
    await fabric.ensureVpc(vpc([out], available));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toBe(natPublic);
    await fabric.ensureVpc(vpc([]));
  });
});

describe('peering', () => {
  const mine = { vpcPeeringConnectionId: pcx, peerVpcId: peerId };
  const theirs = { vpcPeeringConnectionId: pcx, peerVpcId: vpcId };
  const there = { destination: '10.9.0.0/16', target: { vpcPeeringConnectionId: pcx } } as const;
  const back = { destination: '172.31.16.0/20', target: { vpcPeeringConnectionId: pcx } } as const;

  it('carries what both route, and needs both sides', async () => {
    await fabric.ensureVpc(vpc([there], { peeringConnections: [mine] }));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toMatch(unreachable);
    await fabric.ensureVpc(peerVpc({ peeringConnections: [theirs] }));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22), 'no way back').toMatch(unreachable);
    await fabric.ensureVpc(peerVpc({ peeringConnections: [theirs] }, [back]));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe('172.31.16.10');
    expect(await guests.connect(peerGuest, '172.31.16.10', 22)).toBe('10.9.0.50');
    expect(await guests.connect(outsideGuest, '10.9.0.50', 22), 'a subnet without the route').toMatch(unreachable);
  });

  it('is judged by the groups of both', async () => {
    await fabric.ensurePort({ ...peer, groupIds: [shut] });
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe(timeout);
    await fabric.ensurePort(peer);
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe('172.31.16.10');
  });

  it('lets groups of the other VPC be named', async () => {
    const rule = { protocol: 6, fromPort: 22, toPort: 22, groupId: open, vpcPeeringConnectionId: pcx };
    await fabric.ensureGroup(groupIntent(peerId, shut, [rule]));
    await fabric.ensurePort({ ...peer, groupIds: [shut] });
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe('172.31.16.10');
    await fabric.ensurePort({ ...inside, groupIds: [shut] });
    expect(await guests.connect(insideGuest, '10.9.0.50', 22), 'no longer a member').toMatch(unreachable);
    await fabric.ensureGroup(groupIntent(vpcId, shut, [], [anywhere]));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe(timeout);
    await fabric.ensurePort(inside);
    await fabric.ensurePort(peer);
    await fabric.ensureGroup(groupIntent(peerId, shut, []));
  });

  it('leads no further: not to the peer’s peers, nor out by its internet gateway', async () => {
    const further = { vpcPeeringConnectionId: pcxThird, peerVpcId: thirdId };
    await fabric.ensureVpc(
      peerVpc({ peeringConnections: [theirs, further], internetGateway: true }, [
        back,
        { destination: '0.0.0.0/0', target: 'internet-gateway' },
        { destination: '172.31.0.0/20', target: { vpcPeeringConnectionId: pcxThird } },
      ]),
    );
    const routes = [{ destination: '10.9.0.0/16', target: { vpcPeeringConnectionId: pcxThird } }] as const;
    const subnets = [{ ...publicSubnet, routes }];
    const peerings = [{ vpcPeeringConnectionId: pcxThird, peerVpcId: peerId }];
    await fabric.ensureVpc(vpcIntent(thirdId, { subnets, peeringConnections: peerings }));
    expect(await guests.connect(peerGuest, '172.31.0.40', 22), 'neighbours').toBe('10.9.0.50');
    const wide = { destination: '0.0.0.0/0', target: { vpcPeeringConnectionId: pcx } };
    await fabric.ensureVpc(vpc([wide], { peeringConnections: [mine] }));
    expect(await guests.connect(insideGuest, '198.19.238.40', 22)).toMatch(unreachable);
    const counter = `add table ip t\nadd chain ip t c { type filter hook prerouting priority 0; }\nadd rule ip t c iifname "p*" counter\n`;
    await run(['nft', '-f', '-'], { namespace: vpcNamespace(thirdId), input: counter });
    await guests.pings(insideGuest, '172.31.0.40');
    expect(await run(['nft', 'list', 'table', 'ip', 't'], { namespace: vpcNamespace(thirdId) })).toContain('packets 0');
    await fabric.ensureVpc(vpcIntent(thirdId));
  });

  it('ends with the connection, and with either VPC', async () => {
    const routed = vpc([there], { peeringConnections: [mine] });
    await fabric.ensureVpc(routed);
    await fabric.ensureVpc(peerVpc({ peeringConnections: [theirs] }, [back]));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe('172.31.16.10');
    await fabric.ensureVpc(peerVpc());
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toMatch(unreachable);
    await fabric.ensureVpc(peerVpc({ peeringConnections: [theirs] }, [back]));
    expect(await guests.connect(insideGuest, '10.9.0.50', 22)).toBe('172.31.16.10');
    await fabric.removeVpc(peerId);
    expect(await run(['ip', '-n', vpcNamespace(vpcId), 'route', 'show', 'table', 'all'])).toContain(
      'blackhole 10.9.0.0/16',
    );
    expect(await run(['ip', '-n', vpcNamespace(vpcId), '-brief', 'link'])).not.toContain(pcx.slice(-12));
  });
});

it('all addresses of a delegated prefix are its interface’s', async () => {
  await run(['ip', '-n', outsideGuest, 'address', 'add', '172.31.0.70/32', 'dev', 'eth0']);
  expect(await guests.pings(insideGuest, '172.31.0.70')).toBe(false);
  await fabric.ensurePort({ ...outside, ipv4Prefixes: ['172.31.0.64/28'] });
  expect(await guests.pings(insideGuest, '172.31.0.70')).toBe(true);
  expect(await guests.pings(outsideGuest, '172.31.16.10', '-I', '172.31.0.70')).toBe(true);
  await fabric.ensurePort(outside);
  expect(await guests.pings(insideGuest, '172.31.0.70')).toBe(false);
});

it('nothing is left of any of it', async () => {
  await fabric.ensureVpc(vpc([], { natGateways: [] }));
  await fabric.destroy();
  const left = await Promise.all([run(['ip', 'netns', 'list']), run(['ip', 'route']), run(['nft', 'list', 'tables'])]);
  for (const text of left) {
    expect(text.replaceAll(`fbr${unique}`, '')).not.toContain(unique);
    expect(text).not.toContain(edgeNamespace(dataDir));
    expect(text).not.toContain('198.19.238.');
  }
});
