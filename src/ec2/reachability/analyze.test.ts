import { describe, expect, it } from 'vitest';
import type { PortIntent, VpcIntent } from '../../engine/engine.ts';
import { type Plan, plan } from '../../engine/qemu/fabric/matrix.test-data.ts';
import { analyze, type Endpoint, type Question } from './analyze.ts';
import { networkOf } from './network.ts';

/** The network of the fabric's matrix test, of which real packets say the same (`matrix.guest.test.ts`). */
const drawn = plan('abcdef', '198.19.237');

const networkOfPlan = ({ vpcs, groups, ports }: Plan) => networkOf({ vpcs, groups, ports: Object.values(ports) });

function endOf({ ports }: Plan, text: string): Endpoint {
  const [name = '', address] = text.split('@');
  const port = ports[name];
  const at = address === undefined ? {} : { address };
  return port === undefined ? { kind: 'internet', ...at } : { kind: 'port', port, ...at };
}

function ask(from: string, to: string, service: string, current = drawn) {
  const [name = '', port] = service.split(' ');
  const ports = port === undefined ? {} : { destinationPorts: { from: Number(port), to: Number(port) } };
  const question: Question = {
    source: endOf(current, from),
    destination: endOf(current, to),
    protocol: { tcp: 6, udp: 17, ping: 1 }[name] ?? 0,
    ...ports,
  };
  return analyze(networkOfPlan(current), question);
}

/** What a way leads over, by kinds of steps. */
const kinds = (steps: ReturnType<typeof analyze>['forward']) => steps.map(step => step.kind);

describe('what gets through', () => {
  it.each([
    ['client', 'web', 'tcp 80'],
    ['client', 'web@198.19.237.10', 'tcp 22'],
    ['left', 'right', 'tcp 22'],
    ['private', 'world@198.19.237.40', 'tcp 443'],
    ['private', 'peer', 'tcp 22'],
    ['peer', 'far', 'udp 53'],
    ['internet', 'behind', 'tcp 22'],
    ['behind', 'internet', 'tcp 443'],
    ['world', 'ssh-acl@198.19.237.13', 'ping'],
  ])('%s to %s by %s', (from, to, service) => {
    const analysis = ask(from, to, service);
    expect(analysis.obstacles).toEqual([]);
    expect(analysis.reachable).toBe(true);
    expect(analysis.forward.length).toBeGreaterThan(2);
    expect(analysis.back.length).toBeGreaterThan(2);
  });

  it('passes what is on the way, and translates', () => {
    const { forward, back, arrived } = ask('private', 'world@198.19.237.40', 'tcp 22');
    expect(kinds(forward)).toEqual([
      'interface',
      'security-group',
      'network-acl',
      'route',
      'network-acl',
      'nat-gateway',
      'network-acl',
      'route',
      'gateway',
      'gateway',
      'network-acl',
      'security-group',
      'interface',
    ]);
    expect(kinds(back)).toContain('nat-gateway');
    expect(arrived).toMatchObject({ source: '198.19.237.50', destination: '172.31.0.40' });
    const through = ask('left', 'right', 'tcp 22').forward.flatMap(step =>
      step.kind === 'interface' ? [step.networkInterfaceId] : [],
    );
    expect(through).toEqual(['left', 'middle', 'right'].map(name => drawn.ports[name]?.networkInterfaceId));
  });
});

describe('what stops a packet', () => {
  it.each([
    ['private', 'client', 'tcp 22', 'SG_HAS_NO_RULES'],
    ['private', 'web', 'tcp 80', 'ENI_SG_RULES_MISMATCH'],
    ['mute', 'private', 'tcp 80', 'SG_HAS_NO_RULES'],
    ['narrow', 'private', 'tcp 80', 'ENI_SG_RULES_MISMATCH'],
    ['private', 'ssh-acl', 'tcp 80', 'SUBNET_ACL_RESTRICTION'],
    ['client', 'deny-acl', 'tcp 22', 'SUBNET_ACL_RESTRICTION'],
    ['private', 'dumb-acl', 'tcp 22', 'SUBNET_ACL_RESTRICTION'],
    ['hole', 'isolated', 'tcp 22', 'BAD_STATE_ROUTE'],
    ['hole', 'world@198.19.237.40', 'tcp 22', 'BAD_STATE_ROUTE'],
    ['isolated', 'internet', 'tcp 443', 'NO_ROUTE_TO_DESTINATION'],
    ['isolated', 'peer', 'tcp 22', 'NO_ROUTE_TO_DESTINATION'],
    ['middle', 'internet', 'tcp 443', 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS'],
    ['private', 'stray', 'tcp 22', 'NO_ROUTE_TO_DESTINATION'],
    ['internet', 'web@198.19.237.99', 'tcp 22', 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS'],
    ['right', 'isolated@172.31.32.99', 'tcp 22', 'ENI_SOURCE_DEST_CHECK_RESTRICTION'],
    ['private', 'isolated@172.31.32.99', 'tcp 22', 'NO_POSSIBLE_DESTINATION'],
    ['web@192.0.2.1', 'private', 'tcp 22', 'ENI_SOURCE_DEST_CHECK_RESTRICTION'],
    ['web', 'internet@10.99.0.1', 'tcp 22', 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS'],
    ['web', 'internet@100.64.0.1', 'tcp 22', 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS'],
    ['askew', 'mute', 'tcp 22', 'NO_PATH'],
  ])('from %s to %s by %s: %s', (from, to, service, code) => {
    const analysis = ask(from, to, service);
    expect(analysis.reachable).toBe(false);
    expect(analysis.obstacles.map(one => one.code)).toContain(code);
  });

  it('is told with all that is closed, on the way there or back', () => {
    const { obstacles } = ask('client', 'dumb-acl', 'tcp 22');
    expect(obstacles).toMatchObject([{ code: 'SUBNET_ACL_RESTRICTION', direction: 'egress', onReturn: true }]);
    const both = ask('mute', 'client', 'tcp 22').obstacles;
    expect(both).toMatchObject([
      { code: 'SG_HAS_NO_RULES', direction: 'egress' },
      { code: 'SG_HAS_NO_RULES', direction: 'ingress' },
    ]);
  });

  it('is a peering connection that one side no longer has, and its limits', () => {
    const onesided = plan('abcdef', '198.19.237', { peered: false });
    expect(ask('private', 'peer', 'tcp 22', onesided).obstacles).toMatchObject([
      { code: 'BAD_STATE_ROUTE', missing: 'vpc-peering-connection' },
    ]);
    const { vpcs } = drawn;
    const greedy = {
      ...drawn,
      vpcs: vpcs.map(vpc => ({
        ...vpc,
        subnets: vpc.subnets.map(one => ({
          ...one,
          routes: [
            ...one.routes,
            { destination: '192.0.2.0/24', target: { vpcPeeringConnectionId: 'pcx-0000000000abcdef1' } },
          ],
        })),
      })),
    };
    expect(ask('private', 'internet@192.0.2.1', 'tcp 22', greedy).obstacles).toMatchObject([
      { code: 'PCX_REQUIRES_ADDRESS_IN_VPC_CIDR' },
    ]);
  });

  it('is a loop between interfaces that pass packets on', () => {
    const { ports, vpcs } = drawn;
    const looped = {
      ...drawn,
      vpcs: vpcs.map(vpc => ({
        ...vpc,
        subnets: vpc.subnets.map(one =>
          one.cidrBlock === '172.31.112.0/20'
            ? {
                ...one,
                routes: [
                  {
                    destination: '172.31.144.0/20',
                    target: { networkInterfaceId: ports.middle?.networkInterfaceId ?? '' },
                  },
                ],
              }
            : one,
        ),
      })),
    };
    expect(ask('left', 'right', 'tcp 22', looped).obstacles.at(-1)).toMatchObject({ code: 'NO_PATH' });
  });
});

describe('IPv6', () => {
  const base = { domainName: 'ec2.internal', enableDnsSupport: true };
  const cidr = 'fdf0:9ba0:0:100::/56';
  const vpc = (rest: Partial<VpcIntent>, target: 'internet-gateway' | 'egress-only-internet-gateway'): VpcIntent => ({
    ...base,
    vpcId: 'vpc-6',
    cidrBlocks: ['10.0.0.0/16'],
    ipv6CidrBlocks: [cidr],
    internetGateway: false,
    subnets: [
      {
        subnetId: 'subnet-6',
        cidrBlock: '10.0.0.0/24',
        ipv6CidrBlock: 'fdf0:9ba0:0:100::/64',
        routes: [{ destination: '::/0', target }],
      },
    ],
    ...rest,
  });
  const port: PortIntent = {
    vpcId: 'vpc-6',
    networkInterfaceId: 'eni-6',
    subnetId: 'subnet-6',
    mac: '0e:1b:00:00:00:06',
    privateIpAddresses: ['10.0.0.6'],
    publicIpAddresses: {},
    ipv6Addresses: ['fdf0:9ba0:0:100::6'],
    hostName: 'ip-10-0-0-6',
    groupIds: ['sg-6'],
    sourceDestCheck: true,
    metadataHopLimit: 1,
  };
  const everything = [{ protocol: -1, cidrIpv6: '::/0' }];
  const group = { vpcId: 'vpc-6', groupId: 'sg-6', ingress: everything, egress: everything };
  const look = (intent: VpcIntent, outward: boolean) => {
    const network = networkOf({ vpcs: [intent], groups: [group], ports: [port] });
    const here: Endpoint = { kind: 'port', port };
    const there: Endpoint = { kind: 'internet' };
    const [source, destination] = outward ? [here, there] : [there, here];
    return analyze(network, { source, destination, protocol: 6, destinationPorts: { from: 443, to: 443 } });
  };

  it('goes both ways by an internet gateway, untranslated', () => {
    const intent = vpc({ internetGateway: true }, 'internet-gateway');
    expect(look(intent, true)).toMatchObject({ reachable: true, arrived: { source: 'fdf0:9ba0:0:100::6' } });
    expect(look(intent, false).reachable).toBe(true);
  });

  it('goes out only by an egress-only gateway', () => {
    const only = vpc({ egressOnlyInternetGateway: true }, 'egress-only-internet-gateway');
    expect(look(only, true).reachable).toBe(true);
    expect(look(only, false).obstacles).toMatchObject([{ code: 'NO_PATH', missing: 'internet-gateway' }]);
    const both = vpc({ egressOnlyInternetGateway: true, internetGateway: true }, 'egress-only-internet-gateway');
    expect(look(both, false).obstacles).toMatchObject([{ code: 'NO_PATH', onReturn: true }]);
  });
});
