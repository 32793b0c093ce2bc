import type { PacketMatch, PacketRule, SecurityGroupIntent } from '../../engine.ts';
import { withoutContained } from '../../network/ipv4.ts';
import { withoutContainedIpv6 } from '../../network/ipv6.ts';
import { peeringLinkName } from './layout.ts';
import type { Transaction } from './transaction.ts';

/** Security groups: two chains each, and the sets of their members' private addresses and IPv6 addresses. */

export function groupChain(groupId: string, direction: 'in' | 'out'): string {
  return `${groupId}-${direction}`;
}

/** Both IP versions, as the names of sets have them. */
export const families = ['', '6'] as const;
export type Family = (typeof families)[number];

/** Name of the set of a group's members. */
export function membersSet(groupId: string, family: Family): string {
  return `members${family}-${groupId}`;
}

/** Name of the copy of a set of members that is in another VPC, at the other end of a peering connection. */
export function peerMembersSet(vpcPeeringConnectionId: string, groupId: string, family: Family): string {
  return `peer${family}-${vpcPeeringConnectionId}-${groupId}`;
}

/** What such a set is a copy of: `original` is its name in the other VPC. */
export function readPeerMembersSet(
  set: string,
): { vpcPeeringConnectionId: string; groupId: string; original: string } | undefined {
  const [, family, vpcPeeringConnectionId, groupId] = /^inet peer(6?)-(pcx-\w+)-(sg-\w+)$/.exec(set) ?? [];
  if (vpcPeeringConnectionId === undefined || groupId === undefined) return undefined;
  return { vpcPeeringConnectionId, groupId, original: `inet members${family}-${groupId}` };
}

/** Is it the set of the members of a group of this VPC? */
export function isMembersSet(set: string): boolean {
  return /^inet members6?-/.test(set);
}

function membersOf(rule: PacketRule, groupId: string, family: Family): string {
  const peering = rule.vpcPeeringConnectionId;
  return peering === undefined ? membersSet(groupId, family) : peerMembersSet(peering, groupId, family);
}

/** IPv6 members may be delegated prefixes. */
const membersDefinition = { '': 'type ipv4_addr;', '6': 'type ipv6_addr; flags interval;' } as const;
const tcp = 6;
const udp = 17;
const icmp = 1;
const icmpv6 = 58;

/** The part of a rule that looks at the transport header, with a space at its end; empty for all protocols. */
export function protocolMatch(rule: PacketMatch): string {
  const { protocol, fromPort = -1, toPort = -1, icmpType = -1, icmpCode = -1 } = rule;
  if (protocol === -1) return '';
  if (protocol === tcp || protocol === udp) {
    const name = protocol === tcp ? 'tcp' : 'udp';
    const last = toPort === -1 ? 65_535 : toPort;
    const first = fromPort === -1 ? 0 : fromPort;
    if (first === 0 && last === 65_535) return `meta l4proto ${name} `;
    return `${name} dport ${first === last ? first : `${first}-${last}`} `;
  }
  if ((protocol === icmp || protocol === icmpv6) && icmpType !== -1) {
    const name = protocol === icmp ? 'icmp' : 'icmpv6';
    return `${name} type ${icmpType} ${icmpCode === -1 ? '' : `${name} code ${icmpCode} `}`;
  }
  return `meta l4proto ${protocol} `;
}

/** The part of a rule that looks at an address, with a space at its end; empty for all addresses of both IP versions. */
function sourceMatch(ipv4: readonly string[], ipv6: readonly string[], side: 'saddr' | 'daddr'): string[] {
  const four = withoutContained(ipv4);
  const six = withoutContainedIpv6(ipv6);
  const allFour = four[0] === '0.0.0.0/0';
  const allSix = six[0] === '::/0';
  if (allFour && allSix) return [''];
  return [
    ...(allFour ? ['meta nfproto ipv4 '] : four.length > 0 ? [`ip ${side} { ${four.join(', ')} } `] : []),
    ...(allSix ? ['meta nfproto ipv6 '] : six.length > 0 ? [`ip6 ${side} { ${six.join(', ')} } `] : []),
  ];
}

/** nft rules for one direction of a group. Rules that differ only in their CIDR become one rule with a set. */
export function compileRules(rules: readonly PacketRule[], direction: 'in' | 'out'): string[] {
  const side = direction === 'in' ? 'saddr' : 'daddr';
  // What passed the egress chain must still pass the receiver's ingress chain.
  const verdict = direction === 'in' ? 'accept' : 'goto to_port';
  const cidrs = new Map<string, { readonly ipv4: string[]; readonly ipv6: string[] }>();
  const lines = new Set<string>();
  for (const rule of rules) {
    const match = protocolMatch(rule);
    if (rule.groupId !== undefined) {
      const peering = rule.vpcPeeringConnectionId;
      // Another peer may have the same addresses.
      const name = direction === 'in' ? 'iifname' : 'oifname';
      const link = peering === undefined ? '' : `${name} "${peeringLinkName(peering)}" `;
      for (const family of families)
        lines.add(`${link}ip${family} ${side} @${membersOf(rule, rule.groupId, family)} ${match}${verdict}`);
    }
    const list = cidrs.get(match) ?? { ipv4: [], ipv6: [] };
    if (rule.cidrIpv4 !== undefined) list.ipv4.push(rule.cidrIpv4);
    if (rule.cidrIpv6 !== undefined) list.ipv6.push(rule.cidrIpv6);
    cidrs.set(match, list);
  }
  for (const [match, { ipv4, ipv6 }] of cidrs)
    for (const source of sourceMatch(ipv4, ipv6, side)) lines.add(`${source}${match}${verdict}`);
  return [...lines].sort();
}

/** Member sets that no rule mentions any more and whose group is gone. */
function forgetSets(transaction: Transaction): void {
  const { chains, sets } = transaction.ruleset;
  const mentioned = new Set([...chains.values()].flatMap(chain => chain.references));
  for (const set of [...sets.keys()]) {
    const name = set.slice('inet '.length);
    const copied = readPeerMembersSet(set)?.groupId;
    const groupId = isMembersSet(set) ? name.replace(/^members6?-/, '') : copied;
    if (groupId === undefined || mentioned.has(name) || (copied === undefined && chains.has(groupChain(groupId, 'in'))))
      continue;
    transaction.removeSet(set);
  }
}

export function ensureGroupFirewall(transaction: Transaction, intent: SecurityGroupIntent): void {
  for (const family of families) {
    const referenced = [...intent.ingress, ...intent.egress].flatMap(rule =>
      rule.groupId === undefined ? [] : [membersOf(rule, rule.groupId, family)],
    );
    for (const name of [membersSet(intent.groupId, family), ...referenced])
      transaction.ensureSet(`inet ${name}`, membersDefinition[family]);
  }
  transaction.ensureChain(groupChain(intent.groupId, 'in'), compileRules(intent.ingress, 'in'));
  transaction.ensureChain(groupChain(intent.groupId, 'out'), compileRules(intent.egress, 'out'));
  forgetSets(transaction);
}

/** Fails in the kernel while a port still has the group. */
export function removeGroupFirewall(transaction: Transaction, groupId: string): void {
  transaction.removeChains([groupChain(groupId, 'in'), groupChain(groupId, 'out')]);
  for (const family of families) {
    const members = `inet ${membersSet(groupId, family)}`;
    if (transaction.ruleset.sets.has(members)) transaction.replaceElements(members, () => true, new Map());
  }
  forgetSets(transaction);
}
