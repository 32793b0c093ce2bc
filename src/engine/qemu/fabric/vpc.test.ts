import { describe, expect, it, vi } from 'vitest';
import type { PortIntent } from '../../engine.ts';
import { validateGroup, validatePort, validateVpc } from '../../network/validate.ts';
import { Batch } from './batch.ts';
import { dnsmasqConfig, portRecords } from './dnsmasq.ts';
import { createFabric } from './fabric.ts';
import { portIntent, privateSubnet, publicSubnet, vpcIntent } from './intents.test-data.ts';
import { reservedPublicAddresses, subnetTable } from './layout.ts';
import { validatePublicAddress } from './pool.ts';
import { portLinkCommands, removePortLinkCommands, tapPorts } from './port-link.ts';
import { SerialQueue } from './queue.ts';
import { nothingThere } from './vpc-actual.ts';
import { desiredRouting, type Routing, routesOf, routingCommands, rulesOf } from './vpc-routing.ts';

const vpcId = 'vpc-00000000000000001';
const nothing: Routing = { addresses: new Set(), routes: new Set(), rules: new Set() };
const alone = { nextHops: new Map<string, { dev: string; via: string }>() };
const connected = { ...alone, linkAddress: '169.254.128.1' };
const privateTable = subnetTable(privateSubnet.subnetId);
const table = subnetTable(publicSubnet.subnetId);

describe('routing', () => {
  it('sends a subnet to the internet by its own table only', () => {
    const { routes, rules } = desiredRouting(vpcIntent(vpcId), connected);
    expect(routes).toContain(`0.0.0.0/0 via 169.254.127.1 dev igw table ${table} onlink`);
    expect([...routes].filter(route => route.includes(String(privateTable)))).toEqual([
      `throw 172.31.0.0/16 table ${privateTable}`,
    ]);
    expect(rules).toContain(`priority 20000 fwmark 0x${table.toString(16)} table ${table}`);
  });

  it('needs no command when the kernel has it already', () => {
    const desired = desiredRouting(vpcIntent(vpcId), connected);
    expect(routingCommands(desired, desired)).toEqual([]);
    const listed = {
      addresses: desired.addresses,
      routes: routesOf([
        { dst: 'default', gateway: '169.254.127.1', dev: 'igw', prefsrc: '169.254.128.1', table: '1' },
        { dst: 'default', gateway: '169.254.127.1', dev: 'igw', table: String(table) },
        { type: 'blackhole', dst: '172.31.0.0/16' },
        { type: 'throw', dst: '172.31.0.0/16', table: String(table) },
        { type: 'throw', dst: '172.31.0.0/16', table: String(privateTable) },
        { dst: '172.31.0.10', dev: 'tap0' },
        { type: 'local', dst: '172.31.0.1', dev: 'lo', table: 'local' },
      ]),
      rules: rulesOf([
        { priority: 0, table: 'local' },
        ...[publicSubnet, privateSubnet].map(({ subnetId }) => ({
          priority: 20_000,
          fwmark: `0x${subnetTable(subnetId).toString(16)}`,
          table: String(subnetTable(subnetId)),
        })),
        { priority: 40_000, table: '1' },
      ]),
    };
    expect(routingCommands(listed, desired)).toEqual([]);
  });

  it('replaces a changed route without a moment in which there is none', () => {
    const before = desiredRouting(vpcIntent(vpcId), connected);
    const routes = [{ destination: '0.0.0.0/0', target: 'blackhole' as const }];
    const after = desiredRouting(
      vpcIntent(vpcId, { subnets: [{ ...publicSubnet, routes }, privateSubnet] }),
      connected,
    );
    expect(routingCommands(before, after)).toEqual([`route replace blackhole 0.0.0.0/0 table ${table}`]);
  });

  it('leads to interfaces, NAT gateways and peers while these are there, else nowhere', () => {
    const targets = [
      { networkInterfaceId: 'eni-1' },
      { natGatewayId: 'nat-1' },
      { vpcPeeringConnectionId: 'pcx-1' },
    ] as const;
    const routes = targets.map((target, index) => ({ destination: `10.${index}.0.0/16`, target }));
    const intent = vpcIntent(vpcId, { subnets: [{ ...publicSubnet, routes }] });
    const nextHops = new Map(
      targets.map((target, index) => [Object.values(target)[0] ?? '', { dev: `d${index}`, via: '10.9.9.9' }]),
    );
    const there = [...desiredRouting(intent, { nextHops }).routes];
    for (const index of [0, 1, 2]) {
      expect(there).toContain(`10.${index}.0.0/16 via 10.9.9.9 dev d${index} table ${table} onlink`);
      expect([...desiredRouting(intent, alone).routes]).toContain(`blackhole 10.${index}.0.0/16 table ${table}`);
    }
    const read = routesOf([{ dst: '10.0.0.0/16', gateway: '10.9.9.9', dev: 'd0', table: String(table) }]);
    expect(there).toContain([...read][0]);
  });

  it('takes away what belonged to a subnet that is gone', () => {
    const before = desiredRouting(vpcIntent(vpcId), alone);
    const after = desiredRouting(vpcIntent(vpcId, { subnets: [publicSubnet] }), alone);
    expect(routingCommands(before, after)).toEqual([
      expect.stringMatching(/^rule del priority 20000 fwmark/),
      `route del throw 172.31.0.0/16 table ${privateTable}`,
      'address del 172.31.16.1/32 dev lo',
    ]);
    expect(routingCommands(nothing, after)).toContain('route replace blackhole 172.31.0.0/16 table 254');
  });
});

describe('a port’s interface', () => {
  const kind = tapPorts({ uid: 64_055, gid: 64_056 });

  it('is a TAP of the unprivileged user, and is finished by its alias', () => {
    const actual = nothingThere();
    const lines = portLinkCommands(actual, portIntent(vpcId, 10), publicSubnet, kind);
    expect(lines[0]).toBe('tuntap add dev tap00010000000a mode tap user 64055 group 64056');
    expect(lines).toContain('link set dev tap00010000000a alias eni-0000000010000000a');
    expect(lines).toContain('route replace 172.31.0.10/32 dev tap00010000000a');
    expect(portLinkCommands(actual, portIntent(vpcId, 10), publicSubnet, kind)).toEqual([]);
    expect(removePortLinkCommands(actual, 'eni-0000000010000000a')).toEqual(['link del dev tap00010000000a']);
    expect(removePortLinkCommands(actual, 'eni-0000000010000000a')).toEqual([]);
  });

  it('that was never finished is made anew', () => {
    const actual = nothingThere();
    actual.unfinished.add('tap00010000000a');
    const lines = portLinkCommands(actual, portIntent(vpcId, 10), publicSubnet, kind);
    expect(lines.slice(0, 2)).toEqual(['link del dev tap00010000000a', expect.stringContaining('tuntap add')]);
  });

  it('loses the routes of addresses that it lost', () => {
    const actual = nothingThere();
    const two = portIntent(vpcId, 10, { privateIpAddresses: ['172.31.0.10', '172.31.0.99'] });
    portLinkCommands(actual, two, publicSubnet, kind);
    expect(portLinkCommands(actual, portIntent(vpcId, 10), publicSubnet, kind)).toEqual([
      'route del 172.31.0.99/32 dev tap00010000000a',
      'neigh del 172.31.0.99 dev tap00010000000a',
    ]);
  });
});

describe('dnsmasq', () => {
  const config = (changes = {}, upstream: string[] = []) =>
    dnsmasqConfig(vpcIntent(vpcId, changes), {
      directory: '/run/x',
      user: 'nobody',
      upstream,
      publicPool: '198.18.0.0/16',
    }).split('\n');

  it('asks nobody unless there is somebody to ask', () => {
    expect(config()).toContain('local=/#/');
    expect(config({}, ['192.0.2.53'])).toContain('server=192.0.2.53');
    expect(config({}, ['192.0.2.53'])).not.toContain('local=/#/');
  });

  it('serves each subnet with its own router, and no DNS where the VPC has none', () => {
    expect(config()).toContain(`dhcp-option=tag:${privateSubnet.subnetId},option:router,172.31.16.1`);
    expect(config()).toContain('dhcp-option=option:dns-server,172.31.0.2');
    expect(config({ enableDnsSupport: false })).toEqual(
      expect.arrayContaining(['port=0', 'dhcp-option=option:dns-server']),
    );
  });

  it('hands out what the DHCP option set has, by IPv4 what is IPv4', () => {
    const dhcpOptions = {
      domainNameServers: ['192.0.2.53', 'AmazonProvidedDNS', '2001:db8::53'],
      ntpServers: ['192.0.2.123'],
      netbiosNameServers: ['192.0.2.1'],
      netbiosNodeType: 2,
    };
    expect(config({ dhcpOptions })).toEqual(
      expect.arrayContaining([
        'dhcp-option=option:dns-server,192.0.2.53,172.31.0.2',
        'dhcp-option=option:ntp-server,192.0.2.123',
        'dhcp-option=option:netbios-ns,192.0.2.1',
        'dhcp-option=option:netbios-nodetype,2',
      ]),
    );
    expect(config({ dhcpOptions: { domainNameServers: [] } })).toContain('dhcp-option=option:dns-server');
  });

  it('has a public name for every address of the pool', () => {
    const publicDomain = 'compute-1.amazonaws.com';
    expect(config({ publicDomain })).toContain('synth-domain=compute-1.amazonaws.com,198.18.0.0/16,ec2-');
  });

  it('resolves public names of its own ports to private addresses', () => {
    const publicHostNames = { '172.31.0.10': 'ec2-198-18-0-9.compute-1.amazonaws.com' };
    expect(portRecords(portIntent(vpcId, 10, { publicHostNames }), 'ec2.internal').hosts).toBe(
      '172.31.0.10 ip-172-31-0-10.ec2.internal ec2-198-18-0-9.compute-1.amazonaws.com\n',
    );
  });

  it('knows every address of a port by a name', () => {
    const intent = portIntent(vpcId, 10, { privateIpAddresses: ['172.31.0.10', '172.31.0.99'] });
    expect(portRecords(intent, 'ec2.internal')).toEqual({
      dhcp: '0e:1b:00:00:00:0a,172.31.0.10,ip-172-31-0-10,3600\n',
      hosts: '172.31.0.10 ip-172-31-0-10.ec2.internal\n172.31.0.99 ip-172-31-0-99.ec2.internal\n',
    });
  });
});

describe('nothing else gets into a command', () => {
  const port = (changes: Partial<PortIntent>) => () => validatePort(portIntent(vpcId, 10, changes));
  it.each([
    port({ networkInterfaceId: 'eni-1\nlink del lo' }),
    port({ mac: '0e:1b:00:00:00:0a;' }),
    port({ mac: '0E:1B:00:00:00:0A' }),
    port({ hostName: 'a,b' }),
    port({ hostName: '-a' }),
    port({ publicHostNames: { '172.31.0.10': 'a b' } }),
    port({ publicHostNames: { '172.31.0.11': 'a.b' } }),
    () => validateVpc(vpcIntent(vpcId, { publicDomain: 'a,b' })),
    port({ privateIpAddresses: [] }),
    port({ privateIpAddresses: ['172.31.0.10}'] }),
    port({ publicIpAddresses: { '172.31.0.11': '198.18.0.9' } }),
    port({ groupIds: ['sg-1 drop'] }),
    port({ metadataHopLimit: 65 }),
    port({ metadataHopLimit: 1.5 }),
    () => validateVpc(vpcIntent(vpcId, { domainName: 'a\nserver=1.2.3.4' })),
    () => validateVpc(vpcIntent('../../etc')),
    () => validateVpc(vpcIntent(vpcId, { cidrBlocks: [] })),
    () => validateGroup({ vpcId, groupId: 'sg-1', ingress: [{ protocol: 256 }], egress: [] }),
    () => validateGroup({ vpcId, groupId: 'sg-1', ingress: [{ protocol: 6, fromPort: 70_000 }], egress: [] }),
    () => validateGroup({ vpcId, groupId: 'sg-1', ingress: [], egress: [{ protocol: -1, cidrIpv4: 'x' }] }),
    () => validatePublicAddress('198.18.0.0/16', '198.19.0.9'),
    () => validatePublicAddress('198.18.0.0/16', '198.18.0.1'),
  ])('%#', attempt => expect(attempt).toThrow(expect.objectContaining({ name: 'EngineError', code: 'Invalid' })));

  it('and what is valid passes', () => {
    validatePort(portIntent(vpcId, 10));
    validateVpc(vpcIntent(vpcId));
    validatePublicAddress('198.18.0.0/16', '198.18.0.4');
    expect(reservedPublicAddresses('198.18.0.0/16')).toContain('198.18.255.255');
  });
});

it('who is not root is told so', async () => {
  const user = vi.spyOn(process, 'getuid').mockReturnValue(1000);
  const fabric = createFabric({ dataDir: '/nowhere', publicPool: '198.19.0.0/24' });
  await expect(fabric.open({ onListening: () => undefined, onClosed: () => undefined })).rejects.toThrow('need root');
  user.mockRestore();
});

describe('order', () => {
  it('a queue runs one task after the other, also after a failure', async () => {
    const queue = new SerialQueue();
    const seen: string[] = [];
    const failing = queue.run(async () => {
      await new Promise(resolve => setTimeout(resolve, 5));
      seen.push('first');
      throw new Error('no');
    });
    const second = queue.run(async () => seen.push('second'));
    await expect(failing).rejects.toThrow('no');
    await second;
    expect(seen).toEqual(['first', 'second']);
  });

  it('a batch works on what waits together, and one bad item harms no other', async () => {
    const queue = new SerialQueue();
    const calls: number[][] = [];
    const batch = new Batch<number>(
      task => queue.run(task),
      async items => {
        calls.push([...items]);
        if (items.includes(3)) throw new Error('three');
      },
    );
    const results = await Promise.allSettled([1, 2].map(item => batch.add(item)));
    expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(calls).toEqual([[1, 2]]);
    const mixed = await Promise.allSettled([3, 4].map(item => batch.add(item)));
    expect(mixed.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
