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
}

const all: Omit<NetworkAclEntryIntent, 'ruleNumber'> = { allow: true, protocol: -1, cidrBlock: '0.0.0.0/0' };
const anywhere: PacketRule = { protocol: -1, cidrIpv4: '0.0.0.0/0' };
const tcp = 6;
const udp = 17;
const icmp = 1;

const groupIds = {
  open: 'sg-0aaaaaaaaaaaaaaa1',
  web: 'sg-0aaaaaaaaaaaaaaa2',
  client: 'sg-0aaaaaaaaaaaaaaa3',
  mute: 'sg-0aaaaaaaaaaaaaaa4',
  narrow: 'sg-0aaaaaaaaaaaaaaa5',
  peer: 'sg-0aaaaaaaaaaaaaaa6',
} as const;
type GroupName = keyof typeof groupIds;

const acls: readonly NetworkAclIntent[] = [
  {
    networkAclId: 'acl-0aaaaaaaaaaaaaaa1',
    ingress: [
      { ...all, ruleNumber: 100, protocol: tcp, fromPort: 22, toPort: 22 },
      { ...all, ruleNumber: 110, protocol: icmp, icmpType: 8, icmpCode: -1 },
    ],
    egress: [
      { ...all, ruleNumber: 100, protocol: tcp, fromPort: 1024, toPort: 65_535 },
      { ...all, ruleNumber: 110, protocol: icmp, icmpType: 0, icmpCode: -1 },
    ],
  },
  {
    networkAclId: 'acl-0aaaaaaaaaaaaaaa2',
    ingress: [
      { ...all, ruleNumber: 100 },
      { ...all, ruleNumber: 90, allow: false, cidrBlock: '172.31.0.11/32' },
      { ...all, ruleNumber: 80, protocol: tcp, fromPort: 80, toPort: 80, cidrBlock: '172.31.0.11/32' },
    ],
    egress: [{ ...all, ruleNumber: 100 }],
  },
  { networkAclId: 'acl-0aaaaaaaaaaaaaaa3', ingress: [{ ...all, ruleNumber: 100 }], egress: [] },
];

/** The network, with ids that begin names of nothing else on this machine. `pool`: the first three bytes of public addresses. */
export function plan(unique: string, pool: string, options: PlanOptions = {}): Plan {
  const { internetGateway = true, natGateway = true, peered = true, checked = false, swapped = false } = options;
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
  const subnet = (letter: string, name: string, third: number, routes: readonly RouteIntent[], acl?: number) => ({
    subnetId: subnetId(letter, name),
    cidrBlock: letter === 'b' ? `10.9.${third}.0/20` : `172.31.${third}.0/20`,
    routes,
    ...(acl === undefined ? {} : { networkAclId: acls[acl]?.networkAclId ?? '' }),
  });
  const a: SubnetIntent[] = [
    subnet('a', 'public', 0, [out, toPeer]),
    subnet('a', 'private', 16, [{ destination: '0.0.0.0/0', target: { natGatewayId: nat } }, toPeer]),
    subnet('a', 'isolated', 32, []),
    subnet('a', 'ssh', 48, [out], 0),
    subnet('a', 'deny', 64, [{ destination: '10.0.0.0/8', target: { vpcPeeringConnectionId: pcx } }], 1),
    subnet('a', 'dumb', 80, [], 2),
    subnet('a', 'hole', 96, [
      out,
      { destination: `${pool}.40/32`, target: 'blackhole' },
      { destination: '172.31.32.0/20', target: 'blackhole' },
    ]),
    subnet('a', 'middle', 112, [out]),
    subnet('a', 'left', 128, [{ destination: '172.31.144.0/20', target: toMiddle }]),
    subnet('a', 'right', 144, [
      { destination: '172.31.128.0/20', target: toMiddle },
      // Its source/destination check is on.
      { destination: '172.31.32.0/20', target: { networkInterfaceId: ports.isolated?.networkInterfaceId ?? '' } },
      { destination: '172.31.64.0/20', target: { networkInterfaceId: ports.web?.networkInterfaceId ?? '' } },
    ]),
    subnet('a', 'askew', 160, [{ destination: '172.31.0.0/20', target: toMiddle }]),
    subnet('a', 'behind', 176, [{ destination: '0.0.0.0/0', target: toMiddle }]),
  ];
  const base = { domainName: 'ec2.internal', enableDnsSupport: true };
  const natPrivate = '172.31.0.200';
  const peering = (id: string, letter: string) => ({ vpcPeeringConnectionId: id, peerVpcId: vpcId(letter) });
  const vpcs: VpcIntent[] = [
    {
      ...base,
      vpcId: vpcId('a'),
      cidrBlocks: ['172.31.0.0/16'],
      subnets: a,
      internetGateway,
      internetGatewayRoutes: [{ destination: '172.31.176.0/20', target: toMiddle }],
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
      cidrBlocks: ['10.9.0.0/16'],
      subnets: [
        subnet('b', 'routed', 0, [
          { destination: '172.31.0.0/19', target: { vpcPeeringConnectionId: pcx } },
          { destination: '172.31.64.0/20', target: { vpcPeeringConnectionId: pcx } },
          { destination: '172.31.32.0/20', target: { vpcPeeringConnectionId: further } },
        ]),
        subnet('b', 'bare', 16, []),
      ],
      internetGateway: false,
      peeringConnections: [...(peered ? [peering(pcx, 'a')] : []), peering(further, 'c')],
    },
    {
      ...base,
      vpcId: vpcId('c'),
      cidrBlocks: ['172.31.0.0/16'],
      subnets: [
        subnet('c', 'public', 0, [out]),
        subnet('c', 'isolated', 32, [{ destination: '10.9.0.0/16', target: { vpcPeeringConnectionId: further } }]),
      ],
      internetGateway: true,
      peeringConnections: [peering(further, 'b')],
    },
  ];
  return { vpcs, groups: vpcs.flatMap(vpc => groupsOf(vpc.vpcId, pcx)), ports };
}

function subnetId(letter: string, name: string): string {
  return `subnet-0${letter}${name.replaceAll('-', '').padEnd(15, '0')}`.slice(0, 24);
}

function groupsOf(vpcId: string, pcx: string): SecurityGroupIntent[] {
  const group = (name: GroupName, ingress: readonly PacketRule[], egress: readonly PacketRule[] = [anywhere]) => ({
    vpcId,
    groupId: groupIds[name],
    ingress,
    egress,
  });
  const at = (fromPort: number, toPort = fromPort) => ({ protocol: tcp, fromPort, toPort });
  return [
    group('open', [anywhere]),
    group('client', []),
    group('web', [
      { ...at(80), groupId: groupIds.client },
      { ...at(22), cidrIpv4: '0.0.0.0/0' },
      { protocol: icmp, icmpType: 8, icmpCode: -1, cidrIpv4: '0.0.0.0/0' },
    ]),
    group('mute', [anywhere], []),
    group(
      'narrow',
      [
        { protocol: udp, fromPort: 50, toPort: 60, cidrIpv4: '172.31.0.0/20' },
        { ...at(80, 443), cidrIpv4: '198.19.0.0/16' },
        { ...at(22), groupId: groupIds.open },
      ],
      [
        { ...at(22), cidrIpv4: '172.31.0.0/16' },
        { protocol: udp, fromPort: 53, toPort: 53, cidrIpv4: '172.31.16.0/20' },
      ],
    ),
    group('peer', [
      { ...at(22), groupId: groupIds.open, vpcPeeringConnectionId: pcx },
      { ...at(80), cidrIpv4: '172.31.0.11/32' },
      { protocol: icmp, icmpType: -1, icmpCode: -1, cidrIpv4: '172.31.16.0/20' },
    ]),
  ];
}
