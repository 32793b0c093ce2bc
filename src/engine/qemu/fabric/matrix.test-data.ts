import type {
  NetworkAclEntryIntent,
  NetworkAclIntent,
  PacketRule,
  PortIntent,
  RouteIntent,
  SecurityGroupIntent,
  SubnetIntent,
  VpcIntent,
} from '../../engine.ts';
import { normalIpv6 } from '../../network/ipv6.ts';

/**
 * A network with a case of everything: three VPCs (`a` and `c` have the same addresses, `b` is the peer of both), public,
 * private and isolated subnets, network ACLs, blackholes, an instance that passes packets on, a NAT gateway, an edge table.
 */
export interface Plan {
  readonly vpcs: readonly VpcIntent[];
  readonly groups: readonly SecurityGroupIntent[];
  /** By the names of the guests that are plugged in there. */
  readonly ports: Readonly<Record<string, PortIntent>>;
}

/** Parts that differ between phases of the test. */
export interface PlanOptions {
  readonly internetGateway?: boolean;
  readonly natGateway?: boolean;
  readonly peered?: boolean;
  readonly checked?: boolean;
  readonly swapped?: boolean;
  /** Everything has IPv6, too, with the same doors open and closed. */
  readonly ipv6?: boolean;
  readonly egressOnly?: boolean;
}

const all: Omit<NetworkAclEntryIntent, 'ruleNumber'> = { allow: true, protocol: -1, cidrBlock: '0.0.0.0/0' };
const all6 = { ...all, cidrBlock: '::/0' };
const anywhere: readonly PacketRule[] = [
  { protocol: -1, cidrIpv4: '0.0.0.0/0' },
  { protocol: -1, cidrIpv6: '::/0' },
];
const tcp = 6;
const udp = 17;
const icmp = 1;
const icmpv6 = 58;

const groupIds = {
  open: 'sg-0aaaaaaaaaaaaaaa1',
  web: 'sg-0aaaaaaaaaaaaaaa2',
  client: 'sg-0aaaaaaaaaaaaaaa3',
  mute: 'sg-0aaaaaaaaaaaaaaa4',
  narrow: 'sg-0aaaaaaaaaaaaaaa5',
  peer: 'sg-0aaaaaaaaaaaaaaa6',
} as const;
type GroupName = keyof typeof groupIds;

/** The third byte of an IPv4 subnet, which is also its number among the /64s of its VPC. */
const subnetNumbers = {
  public: 0,
  private: 16,
  isolated: 32,
  ssh: 48,
  deny: 64,
  dumb: 80,
  hole: 96,
  middle: 112,
  left: 128,
  right: 144,
  askew: 160,
  behind: 176,
} as const;

function aclsOf(client: string): readonly NetworkAclIntent[] {
  return [
    {
      networkAclId: 'acl-0aaaaaaaaaaaaaaa1',
      ingress: [
        { ...all, ruleNumber: 100, protocol: tcp, fromPort: 22, toPort: 22 },
        { ...all, ruleNumber: 110, protocol: icmp, icmpType: 8, icmpCode: -1 },
        { ...all6, ruleNumber: 101, protocol: tcp, fromPort: 22, toPort: 22 },
        { ...all6, ruleNumber: 111, protocol: icmpv6, icmpType: 128, icmpCode: -1 },
      ],
      egress: [
        { ...all, ruleNumber: 100, protocol: tcp, fromPort: 1024, toPort: 65_535 },
        { ...all, ruleNumber: 110, protocol: icmp, icmpType: 0, icmpCode: -1 },
        { ...all6, ruleNumber: 101, protocol: tcp, fromPort: 1024, toPort: 65_535 },
        { ...all6, ruleNumber: 111, protocol: icmpv6, icmpType: 129, icmpCode: -1 },
      ],
    },
    {
      networkAclId: 'acl-0aaaaaaaaaaaaaaa2',
      ingress: [
        { ...all, ruleNumber: 100 },
        { ...all, ruleNumber: 90, allow: false, cidrBlock: '172.31.0.11/32' },
        { ...all, ruleNumber: 80, protocol: tcp, fromPort: 80, toPort: 80, cidrBlock: '172.31.0.11/32' },
        { ...all6, ruleNumber: 101 },
        { ...all6, ruleNumber: 91, allow: false, cidrBlock: client },
        { ...all6, ruleNumber: 81, protocol: tcp, fromPort: 80, toPort: 80, cidrBlock: client },
      ],
      egress: [
        { ...all, ruleNumber: 100 },
        { ...all6, ruleNumber: 101 },
      ],
    },
    {
      networkAclId: 'acl-0aaaaaaaaaaaaaaa3',
      ingress: [
        { ...all, ruleNumber: 100 },
        { ...all6, ruleNumber: 101 },
      ],
      egress: [],
    },
  ];
}

/** The network, with ids that begin names of nothing else on this machine. `pool`: the first three bytes of public addresses. */
export function plan(unique: string, pool: string, options: PlanOptions = {}): Plan {
  const { internetGateway = true, natGateway = true, peered = true, checked = false, swapped = false } = options;
  const { ipv6 = false, egressOnly = true } = options;
  /** The /56 of a VPC, a /64 in it, or an address there. */
  const block = (letter: string, third = 0, rest = '/56') => {
    const [host = '', length] = rest.split('/');
    const address = normalIpv6(
      `fdf0:9ba0:${unique.slice(0, 4)}:${letter}${third.toString(16).padStart(2, '0')}::${host}`,
    );
    return length === undefined ? address : `${address}/${length}`;
  };
  const acls = aclsOf(block('a', 0, '11/128'));
  const vpcId = (letter: string) => `vpc-0000000000${unique}${letter}`;
  const pcx = `pcx-0000000000${unique}1`;
  const further = `pcx-0000000000${unique}2`;
  const nat = `nat-0000000000${unique}1`;
  const ports: Record<string, PortIntent> = {};
  let count = 10;

  const add = (
    name: string,
    letter: string,
    subnet: string,
    address: string,
    group: GroupName,
    rest: Partial<PortIntent> & { readonly publicByte?: number } = {},
  ) => {
    const { publicByte, ...changes } = rest;
    const byte = (count++).toString(16).padStart(2, '0');
    const [, , third = '0', host = '0'] = address.split('.');
    ports[name] = {
      vpcId: vpcId(letter),
      networkInterfaceId: `eni-0${unique}00000000${byte}`,
      subnetId: subnetId(letter, subnet),
      mac: `0e:1b:00:00:00:${byte}`,
      privateIpAddresses: [address],
      publicIpAddresses: publicByte === undefined ? {} : { [address]: `${pool}.${publicByte}` },
      hostName: `ip-${address.replaceAll('.', '-')}`,
      groupIds: [groupIds[group]],
      sourceDestCheck: true,
      metadataHopLimit: 1,
      ...(ipv6 ? { ipv6Addresses: [block(letter, Number(third), host)] } : {}),
      ...changes,
    };
    return ports[name] as PortIntent;
  };

  add('web', 'a', 'public', '172.31.0.10', 'web', { publicByte: 10 });
  add('client', 'a', 'public', '172.31.0.11', swapped ? 'open' : 'client', { publicByte: 11 });
  add('mute', 'a', 'public', '172.31.0.12', 'mute');
  add('narrow', 'a', 'public', '172.31.0.20', 'narrow', { publicByte: 12 });
  add('private', 'a', 'private', '172.31.16.10', swapped ? 'client' : 'open');
  add('isolated', 'a', 'isolated', '172.31.32.10', 'open');
  add('ssh-acl', 'a', 'ssh', '172.31.48.10', 'open', { publicByte: 13 });
  add('deny-acl', 'a', 'deny', '172.31.64.10', 'open');
  add('dumb-acl', 'a', 'dumb', '172.31.80.10', 'open');
  add('hole', 'a', 'hole', '172.31.96.10', 'open', { publicByte: 14 });
  const middle = add('middle', 'a', 'middle', '172.31.112.10', 'open', { sourceDestCheck: checked });
  add('left', 'a', 'left', '172.31.128.10', 'open');
  add('right', 'a', 'right', '172.31.144.10', 'web');
  add('askew', 'a', 'askew', '172.31.160.10', 'open');
  add('behind', 'a', 'behind', '172.31.176.10', 'open', { publicByte: 15 });
  add('peer', 'b', 'routed', '10.9.0.10', 'peer');
  add('stray', 'b', 'bare', '10.9.16.10', 'open');
  add('world', 'c', 'public', '172.31.0.40', 'open', { publicByte: 40 });
  add('far', 'c', 'isolated', '172.31.32.40', 'open');

  const toMiddle = { networkInterfaceId: middle.networkInterfaceId };
  const out: RouteIntent = { destination: '0.0.0.0/0', target: 'internet-gateway' };
  const toPeer: RouteIntent = { destination: '10.9.0.0/16', target: { vpcPeeringConnectionId: pcx } };
  const onlyOut = 'egress-only-internet-gateway' as const;
  const byPeering = (id: string) => ({ vpcPeeringConnectionId: id });
  /** A route to a subnet of `a` or `c`, by both IP versions. */
  const toSubnet = (name: keyof typeof subnetNumbers, target: RouteIntent['target'], letter = 'a'): RouteIntent[] => [
    { destination: `172.31.${subnetNumbers[name]}.0/20`, target },
    { destination: block(letter, subnetNumbers[name], '/64'), target },
  ];
  const out6: RouteIntent = { destination: '::/0', target: 'internet-gateway' };
  const toPeer6: RouteIntent = { destination: block('b'), target: byPeering(pcx) };
  const subnet = (letter: string, name: string, third: number, routes: readonly RouteIntent[], acl?: number) => ({
    subnetId: subnetId(letter, name),
    cidrBlock: letter === 'b' ? `10.9.${third}.0/20` : `172.31.${third}.0/20`,
    routes: routes.filter(route => ipv6 || !route.destination.includes(':')),
    ...(ipv6 ? { ipv6CidrBlock: block(letter, third, '/64') } : {}),
    ...(acl === undefined ? {} : { networkAclId: acls[acl]?.networkAclId ?? '' }),
  });
  const ofA = (name: keyof typeof subnetNumbers, routes: readonly RouteIntent[], acl?: number) =>
    subnet('a', name, subnetNumbers[name], routes, acl);
  const a: SubnetIntent[] = [
    ofA('public', [out, toPeer, out6, toPeer6]),
    ofA('private', [
      { destination: '0.0.0.0/0', target: { natGatewayId: nat } },
      { destination: '::/0', target: onlyOut },
      toPeer,
      toPeer6,
    ]),
    ofA('isolated', []),
    ofA('ssh', [out, out6], 0),
    ofA(
      'deny',
      [
        { destination: '10.0.0.0/8', target: byPeering(pcx) },
        { destination: block('b', 0, '/60'), target: byPeering(pcx) },
      ],
      1,
    ),
    ofA('dumb', [], 2),
    ofA('hole', [
      out,
      out6,
      { destination: `${pool}.40/32`, target: 'blackhole' },
      { destination: block('c', 0, '40/128'), target: 'blackhole' },
      ...toSubnet('isolated', 'blackhole'),
    ]),
    ofA('middle', [out, out6]),
    ofA('left', toSubnet('right', toMiddle)),
    ofA('right', [
      ...toSubnet('left', toMiddle),
      // Their source/destination checks are on.
      ...toSubnet('isolated', { networkInterfaceId: ports.isolated?.networkInterfaceId ?? '' }),
      ...toSubnet('deny', { networkInterfaceId: ports.web?.networkInterfaceId ?? '' }),
    ]),
    ofA('askew', toSubnet('public', toMiddle)),
    ofA('behind', [
      { destination: '0.0.0.0/0', target: toMiddle },
      { destination: '::/0', target: toMiddle },
    ]),
  ];
  const base = { domainName: 'ec2.internal', enableDnsSupport: true };
  const natPrivate = '172.31.0.200';
  const peering = (id: string, letter: string) => ({ vpcPeeringConnectionId: id, peerVpcId: vpcId(letter) });
  const vpcs: VpcIntent[] = [
    {
      ...base,
      vpcId: vpcId('a'),
      ...(ipv6 ? { ipv6CidrBlocks: [block('a')] } : {}),
      cidrBlocks: ['172.31.0.0/16'],
      subnets: a,
      internetGateway,
      ...(ipv6 ? { egressOnlyInternetGateway: egressOnly } : {}),
      internetGatewayRoutes: toSubnet('behind', toMiddle).filter(route => ipv6 || !route.destination.includes(':')),
      networkAcls: acls,
      peeringConnections: [peering(pcx, 'b')],
      natGateways: natGateway
        ? [
            {
              natGatewayId: nat,
              networkInterfaceId: `eni-0${unique}0000000fff`,
              subnetId: subnetId('a', 'public'),
              mac: '0e:1b:00:00:01:01',
              privateIpAddresses: [natPrivate],
              publicIpAddresses: { [natPrivate]: `${pool}.50` },
            },
          ]
        : [],
    },
    {
      ...base,
      vpcId: vpcId('b'),
      ...(ipv6 ? { ipv6CidrBlocks: [block('b')] } : {}),
      cidrBlocks: ['10.9.0.0/16'],
      subnets: [
        subnet('b', 'routed', 0, [
          { destination: '172.31.0.0/19', target: byPeering(pcx) },
          ...toSubnet('public', byPeering(pcx)).slice(1),
          ...toSubnet('private', byPeering(pcx)).slice(1),
          ...toSubnet('deny', byPeering(pcx)),
          ...toSubnet('isolated', byPeering(further), 'c'),
        ]),
        subnet('b', 'bare', 16, []),
      ],
      internetGateway: false,
      peeringConnections: [...(peered ? [peering(pcx, 'a')] : []), peering(further, 'c')],
    },
    {
      ...base,
      vpcId: vpcId('c'),
      ...(ipv6 ? { ipv6CidrBlocks: [block('c')] } : {}),
      cidrBlocks: ['172.31.0.0/16'],
      subnets: [
        subnet('c', 'public', 0, [out, out6]),
        subnet('c', 'isolated', 32, [
          { destination: '10.9.0.0/16', target: byPeering(further) },
          { destination: block('b'), target: byPeering(further) },
        ]),
      ],
      internetGateway: true,
      peeringConnections: [peering(further, 'b')],
    },
  ];
  return { vpcs, groups: vpcs.flatMap(vpc => groupsOf(vpc.vpcId, pcx, block)), ports };
}

function subnetId(letter: string, name: string): string {
  return `subnet-0${letter}${name.replaceAll('-', '').padEnd(15, '0')}`.slice(0, 24);
}

type Block = (letter: string, third?: number, rest?: string) => string;

function groupsOf(vpcId: string, pcx: string, block: Block): SecurityGroupIntent[] {
  const group = (name: GroupName, ingress: readonly PacketRule[], egress: readonly PacketRule[] = anywhere) => ({
    vpcId,
    groupId: groupIds[name],
    ingress,
    egress,
  });
  const at = (fromPort: number, toPort = fromPort) => ({ protocol: tcp, fromPort, toPort });
  const dns = { protocol: udp, fromPort: 53, toPort: 53 };
  return [
    group('open', anywhere),
    group('client', []),
    group('web', [
      { ...at(80), groupId: groupIds.client },
      { ...at(22), cidrIpv4: '0.0.0.0/0' },
      { ...at(22), cidrIpv6: '::/0' },
      { protocol: icmp, icmpType: 8, icmpCode: -1, cidrIpv4: '0.0.0.0/0' },
      { protocol: icmpv6, icmpType: 128, icmpCode: 0, cidrIpv6: '::/0' },
    ]),
    group('mute', anywhere, []),
    group(
      'narrow',
      [
        { protocol: udp, fromPort: 50, toPort: 60, cidrIpv4: '172.31.0.0/20' },
        { protocol: udp, fromPort: 50, toPort: 60, cidrIpv6: block('a', 0, '/64') },
        { ...at(80, 443), cidrIpv4: '198.19.0.0/16' },
        { ...at(80, 443), cidrIpv6: block('c') },
        { ...at(22), groupId: groupIds.open },
      ],
      [
        { ...at(22), cidrIpv4: '172.31.0.0/16' },
        { ...at(22), cidrIpv6: block('a') },
        { ...dns, cidrIpv4: '172.31.16.0/20' },
        { ...dns, cidrIpv6: block('a', 16, '/64') },
      ],
    ),
    group('peer', [
      { ...at(22), groupId: groupIds.open, vpcPeeringConnectionId: pcx },
      { ...at(80), cidrIpv4: '172.31.0.11/32' },
      { ...at(80), cidrIpv6: block('a', 0, '11/128') },
      { protocol: icmp, icmpType: -1, icmpCode: -1, cidrIpv4: '172.31.16.0/20' },
      { protocol: icmpv6, icmpType: -1, icmpCode: -1, cidrIpv6: block('a', 16, '/64') },
    ]),
  ];
}
