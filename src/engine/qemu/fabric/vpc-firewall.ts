import type { VpcIntent } from '../../engine.ts';
import { addressAt, parsePrefix, withoutContained } from '../../network/ipv4.ts';
import { withoutContainedIpv6 } from '../../network/ipv6.ts';
import {
  dnsIpv6Address,
  dnsLinkLocalAddress,
  egressOnlyGatewayLink,
  internetGatewayLink,
  internetGatewayTable,
  metadataAddress,
  metadataIpv6Address,
  tokenReasonPhrase,
} from './layout.ts';
import { table } from './ruleset.ts';
import type { Transaction } from './transaction.ts';

/**
 * The fixed part of a VPC's firewall. Ports and groups only add elements and chains of their own, so the packet path
 * is the same length for one port and for a thousand.
 *
 * A packet's way: `spoof` (is the sender who it says?) ▸ public address becomes private ▸ `forward`: what is for
 * another port or the internet passes the sender's egress chain, then the receiver's ingress chain ▸ private address
 * becomes public. What is for the router itself (DHCP, DNS, metadata) takes `services` and no security group.
 *
 * IPv6 goes the same way, without translation. Sets with a 6 in their names hold single addresses, those of prefixes are
 * for delegated prefixes, which few ports have: they are asked last.
 */

/** Sets and maps, by `family name`, with nft's definition. */
export const vpcSets: Readonly<Record<string, string>> = {
  /** Who may send: interface, MAC address, IP address. */
  'inet bindings': 'type ifname . ether_addr . ipv4_addr;',
  'inet bindings6': 'type ifname . ether_addr . ipv6_addr;',
  'inet prefix_bindings': 'type ifname . ether_addr . ipv6_addr; flags interval;',
  /** Ports whose source/destination check is off: any IP address, still their own MAC address. */
  'inet unchecked': 'type ifname . ether_addr;',
  /** For what has no address yet (DHCP). */
  'inet macs': 'type ifname . ether_addr;',
  /**
   * Interface and the hardware address inside its messages of DHCP and neighbour discovery: nobody declines or releases
   * another's address, or passes for another where dnsmasq knows a client by its hardware address (DHCPv6).
   */
  'inet dhcp_clients': 'typeof iifname . @th,288,48;',
  /** What may be delivered to an interface. */
  'inet destinations': 'type ifname . ipv4_addr;',
  'inet destinations6': 'type ifname . ipv6_addr;',
  'inet prefixes': 'type ifname . ipv6_addr; flags interval;',
  /** Interface to the mark that selects its subnet's route table. */
  'inet subnets': 'type ifname : mark;',
  /** Interface and the mark of its subnet: what stays in a subnet meets no network ACL. */
  'inet neighbours': 'type ifname . mark;',
  /** Network ACLs by the mark of their subnet. */
  'inet acl_out': 'type mark : verdict;',
  'inet acl_in': 'type mark : verdict;',
  /** Ports whose source/destination check is off. */
  'inet forwarders': 'type ifname;',
  /** The same for looking up where a packet will go, which nft takes for another type of name. */
  'inet next_forwarders': 'typeof fib daddr . mark oifname;',
  /** Interfaces to which more may be delivered than what is theirs: forwarders, NAT gateways, peers. */
  'inet transits': 'type ifname;',
  /** Interface to conntrack zone; see `zoneRules`. */
  'inet zones': 'typeof iifname : ct zone;',
  'inet zone_chains': 'typeof fib daddr . mark oifname : verdict;',
  'inet egress': 'type ifname : verdict;',
  'inet ingress': 'type ifname : verdict;',
  'inet hop_limits': 'type ipv4_addr : verdict;',
  'inet hop_limits6': 'type ipv6_addr : verdict; flags interval;',
  'inet public_to_private': 'type ipv4_addr : ipv4_addr;',
  'inet private_to_public': 'type ipv4_addr : ipv4_addr;',
  /** Private and public address that belong together at this moment. */
  'inet mappings': 'type ipv4_addr . ipv4_addr;',
  'inet gateways': 'type ipv4_addr;',
  'inet resolvers': 'type ipv4_addr;',
  'inet resolvers6': 'type ipv6_addr;',
  /** Ports that the metadata service answers by IPv6. */
  'inet metadata6': 'type ifname;',
  /** Who may say what in ARP: interface, Ethernet source, sender MAC, sender IP. */
  'arp bindings': 'type ifname . ether_addr . ether_addr . ipv4_addr;',
};

function hex(text: string): string {
  return `0x${Buffer.from(text).toString('hex')}`;
}

/** Matches a segment that begins with the token answer's status line. nft compares at most 16 bytes at a time. */
function tokenAnswer(): string {
  const start = `HTTP/1.1 200 ${tokenReasonPhrase}`;
  return `@ih,0,128 ${hex(start.slice(0, 16))} @ih,128,${(start.length - 16) * 8} ${hex(start.slice(16))}`;
}

const link = `"${internetGatewayLink}"`;
const egressOnlyLink = `"${egressOnlyGatewayLink}"`;
const gateways = `{ ${link}, ${egressOnlyLink} }`;

/** Types of ICMPv6. RFC 4861 */
const routerSolicitation = 133;
const neighbourMessages = '{ 135, 136 }';

/** Chains in an order in which each only refers to those before it. */
const chains: readonly (readonly [name: string, hook: string | undefined, rules: readonly string[]])[] = [
  [
    'spoof',
    'type filter hook prerouting priority raw; policy drop;',
    [
      'iifname "lo" accept',
      `iifname ${link} meta mark set ${internetGatewayTable} accept`,
      'iifname "p*" accept',
      `iifname ${egressOnlyLink} accept`,
      'meta mark set iifname map @subnets',
      'iifname . ether saddr . ip saddr @bindings accept',
      'iifname . ether saddr . ip6 saddr @bindings6 accept',
      'iifname . ether saddr @unchecked accept',
      'ip saddr 0.0.0.0 udp sport 68 udp dport 67 iifname . ether saddr @macs accept',
      'iifname . ether saddr . ip6 saddr @prefix_bindings accept',
      // Link-local addresses are for the router only, which forwards none.
      'ip6 saddr { ::, fe80::/10 } iifname . ether saddr @macs accept',
    ],
  ],
  [
    'public_to_private_nat',
    'type nat hook prerouting priority dstnat; policy accept;',
    [`iifname ${link} dnat ip to ip daddr map @public_to_private`],
  ],
  [
    // Only flows whose two addresses are mapped to each other now; an address that moved takes no old flow along.
    'mapped',
    undefined,
    [
      'ct direction original ct reply ip saddr . ct original ip daddr @mappings return',
      'ct direction reply ct original ip saddr . ct reply ip daddr @mappings return',
      'drop',
    ],
  ],
  [
    // Stateless, so it comes before what is known of connections.
    'acls',
    undefined,
    [
      'oifname . meta mark @neighbours return',
      'meta mark vmap @acl_out',
      'meta mark set oifname map @subnets meta mark vmap @acl_in',
    ],
  ],
  ['to_port', undefined, ['oifname vmap @ingress', `oifname ${gateways} accept`, 'drop']],
  [
    // What nobody inside asked for comes in only by the internet gateway, and only into subnets whose own way to the
    // sender is that gateway.
    'from_outside',
    undefined,
    [
      `iifname ${egressOnlyLink} drop`,
      'meta mark set oifname map @subnets',
      `fib saddr . mark . iif oif != 0 meta mark set ${internetGatewayTable} return`,
      'drop',
    ],
  ],
  [
    'forward',
    'type filter hook forward priority filter; policy drop;',
    [
      `iifname ${link} meta nfproto ipv4 jump mapped`,
      'jump peers',
      `oifname != ${gateways} oifname . ip daddr != @destinations oifname != @transits drop`,
      `oifname != ${gateways} oifname . ip6 daddr != @destinations6 oifname . ip6 daddr != @prefixes oifname != @transits drop`,
      `iifname ${gateways} meta nfproto ipv6 ct state new jump from_outside`,
      'jump acls',
      'ct state vmap { established : accept, related : accept, invalid : drop }',
      'iifname vmap @egress',
      `iifname ${gateways} goto to_port`,
    ],
  ],
  [
    'services',
    'type filter hook input priority filter; policy drop;',
    [
      'iifname "lo" accept',
      'ct state established,related accept',
      `iifname ${gateways} icmpv6 type ${neighbourMessages} accept`,
      `iifname ${gateways} drop`,
      'iifname "p*" drop',
      'udp dport 67 iifname . @th,288,48 @dhcp_clients accept',
      // The hardware address is that of the first option, which need not be there.
      `icmpv6 type ${neighbourMessages} iifname . @th,208,48 @dhcp_clients accept`,
      `icmpv6 type ${neighbourMessages} ip6 length 24 accept`,
      `icmpv6 type ${neighbourMessages} ip6 saddr :: accept`,
      `icmpv6 type ${routerSolicitation} iifname . @th,80,48 @dhcp_clients accept`,
      `icmpv6 type ${routerSolicitation} ip6 length 8 accept`,
      'ip6 saddr fe80::/10 udp sport 546 udp dport 547 accept',
      'ip daddr @resolvers meta l4proto { tcp, udp } th dport 53 accept',
      `ip daddr ${metadataAddress} tcp dport 80 accept`,
      'ip daddr @gateways icmp type echo-request accept',
      'ip6 daddr @resolvers6 meta l4proto { tcp, udp } th dport 53 accept',
      `ip6 daddr ${metadataIpv6Address} tcp dport 80 iifname @metadata6 accept`,
      'ip6 daddr fe80::/10 icmpv6 type echo-request accept',
      'meta pkttype host meta l4proto tcp reject with tcp reset',
      'meta pkttype host meta l4proto udp reject',
    ],
  ],
  [
    'hop_limit',
    'type filter hook output priority mangle; policy accept;',
    [
      `ip saddr ${metadataAddress} tcp sport 80 ${tokenAnswer()} ip daddr vmap @hop_limits`,
      `ip6 saddr ${metadataIpv6Address} tcp sport 80 ${tokenAnswer()} ip6 daddr vmap @hop_limits6`,
    ],
  ],
  [
    'private_to_public_nat',
    'type nat hook postrouting priority srcnat; policy accept;',
    [`oifname ${link} snat ip to ip saddr map @private_to_public`],
  ],
  [
    'leave',
    'type filter hook postrouting priority 300; policy accept;',
    [
      `oifname != ${gateways} accept`,
      `fib saddr type local accept`,
      'meta nfproto ipv6 goto own_ipv6',
      'ct direction original ct original ip saddr . ct reply ip daddr @mappings accept',
      'ct direction reply ct reply ip saddr . ct original ip daddr @mappings accept',
      'drop',
    ],
  ],
];

/**
 * Between peers only what is from one VPC and for the other: nobody else's packets pass through, and nobody sends under
 * an address of the VPC that it sends to.
 */
function peerRules(intent: VpcIntent): string[] {
  const own = `{ ${withoutContained(intent.cidrBlocks).join(', ')} }`;
  const ipv6 = ipv6Blocks(intent);
  return [
    `oifname "p*" ip saddr != ${own} drop`,
    `iifname "p*" ip saddr ${own} drop`,
    ...(ipv6 === undefined
      ? ['oifname "p*" meta nfproto ipv6 drop', 'iifname "p*" meta nfproto ipv6 drop']
      : [`oifname "p*" ip6 saddr != ${ipv6} drop`, `iifname "p*" ip6 saddr ${ipv6} drop`]),
  ];
}

function ipv6Blocks(intent: VpcIntent): string | undefined {
  const blocks = withoutContainedIpv6(intent.ipv6CidrBlocks ?? []);
  return blocks.length === 0 ? undefined : `{ ${blocks.join(', ')} }`;
}

/**
 * A packet that a port passes on travels through the VPC twice, with the same addresses. Security groups must judge both
 * parts of the way, so each is a connection of its own: by the port at the other end, when one end passes packets on.
 */
const zoneRules = [
  'iifname @forwarders fib daddr . mark oifname @next_forwarders ct zone set 65535 return',
  'iifname @forwarders fib daddr . mark oifname vmap @zone_chains',
  'fib daddr . mark oifname @next_forwarders ct zone set iifname map @zones',
];

/** The look at where a packet will go costs time, so it is taken only where some port passes packets on. */
export function ensureZones(transaction: Transaction): void {
  const needed = transaction.elements('inet forwarders').size > 0;
  const zones = needed ? [...transaction.elements('inet zones')] : [];
  const chains = new Set(zones.map(([, zone]) => `zone-${zone}`));
  for (const [, zone] of zones) transaction.ensureChain(`zone-${zone}`, [`ct zone set ${zone}`]);
  const verdicts = new Map(zones.map(([name, zone]) => [name, `goto zone-${zone}`]));
  transaction.replaceElements('inet next_forwarders', () => true, new Map(transaction.elements('inet forwarders')));
  transaction.replaceElements('inet zone_chains', () => true, verdicts);
  transaction.ensureChain(
    'zones',
    needed ? zoneRules : [],
    'type filter hook prerouting priority -250; policy accept;',
  );
  const unused = [...transaction.ruleset.chains.keys()].filter(name => /^zone-\d+$/.test(name) && !chains.has(name));
  transaction.removeChains(unused);
}

/** Puts the fixed part in place, or brings that of an earlier version up to date without touching ports and groups. */
export function ensureVpcFirewall(transaction: Transaction, intent: VpcIntent): void {
  const fresh = !transaction.ruleset.chains.has('spoof');
  if (fresh) transaction.lines.push(`add table inet ${table}`, `add table arp ${table}`);
  for (const [set, definition] of Object.entries(vpcSets)) transaction.ensureSet(set, definition);
  transaction.ensureChain('peers', peerRules(intent));
  const ipv6 = ipv6Blocks(intent);
  transaction.ensureChain('own_ipv6', [...(ipv6 === undefined ? [] : [`ip6 saddr ${ipv6} accept`]), 'drop']);
  ensureZones(transaction);
  for (const [name, hook, rules] of chains) transaction.ensureChain(name, rules, hook);
  if (fresh) {
    const start = `inet ${table}`.replace('inet', 'arp');
    transaction.lines.push(
      `add chain ${start} input { type filter hook input priority filter; policy drop; }`,
      `flush chain ${start} input`,
      `add rule ${start} input iifname ${link} accept`,
      `add rule ${start} input iifname . ether saddr . arp saddr ether . arp saddr ip @bindings accept`,
    );
  }
  const routers = intent.subnets.map(subnet => addressAt(parsePrefix(subnet.cidrBlock), 1));
  transaction.replaceElements('inet gateways', () => true, new Map(routers.map(address => [address, ''])));
  const resolvers = intent.enableDnsSupport ? [resolverAddress(intent), dnsLinkLocalAddress] : [];
  transaction.replaceElements('inet resolvers', () => true, new Map(resolvers.map(address => [address, ''])));
  const resolvers6 = intent.enableDnsSupport ? [dnsIpv6Address] : [];
  transaction.replaceElements('inet resolvers6', () => true, new Map(resolvers6.map(address => [address, ''])));
}

/** The Amazon-provided DNS server: the VPC's base address plus two. */
export function resolverAddress(intent: Pick<VpcIntent, 'cidrBlocks'>): string {
  return addressAt(parsePrefix(intent.cidrBlocks[0] ?? ''), 2);
}
