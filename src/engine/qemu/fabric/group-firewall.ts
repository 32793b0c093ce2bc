import type { PacketMatch, PacketRule, SecurityGroupIntent } from '../../engine.ts';
import { withoutContained } from '../../network/ipv4.ts';
import { peeringLinkName } from './layout.ts';
import type { Transaction } from './transaction.ts';

/** Security groups: two chains each, and the set of their members' private addresses. */

export function groupChain(groupId: string, direction: 'in' | 'out'): string {
  return `${groupId}-${direction}`;
}

/** Name of the set of a group's members. */
export function membersSet(groupId: string): string {
  return `members-${groupId}`;
}

/** Name of the copy of a set of members that is in another VPC, at the other end of a peering connection. */
export function peerMembersSet(vpcPeeringConnectionId: string, groupId: string): string {
  return `peer-${vpcPeeringConnectionId}-${groupId}`;
}

/** What such a set is a copy of. */
export function readPeerMembersSet(set: string): { vpcPeeringConnectionId: string; groupId: string } | undefined {
  const [, vpcPeeringConnectionId, groupId] = /^inet peer-(pcx-\w+)-(sg-\w+)$/.exec(set) ?? [];
  return vpcPeeringConnectionId && groupId ? { vpcPeeringConnectionId, groupId } : undefined;
}

function membersOf(rule: PacketRule, groupId: string): string {
  const peering = rule.vpcPeeringConnectionId;
  return peering === undefined ? membersSet(groupId) : peerMembersSet(peering, groupId);
}

const membersDefinition = 'type ipv4_addr;';
const tcp = 6;
const udp = 17;
const icmp = 1;

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
  if (protocol === icmp && icmpType !== -1) {
    return `icmp type ${icmpType} ${icmpCode === -1 ? '' : `icmp code ${icmpCode} `}`;
  }
  return `meta l4proto ${protocol} `;
}

/**
 * nft rules for one direction of a group. Rules that differ only in their CIDR become one rule with a set.
 * IPv6 rules are left out: the fabric carries no IPv6 yet and drops all of it.
 */
export function compileRules(rules: readonly PacketRule[], direction: 'in' | 'out'): string[] {
  const side = direction === 'in' ? 'saddr' : 'daddr';
  // What passed the egress chain must still pass the receiver's ingress chain.
  const verdict = direction === 'in' ? 'accept' : 'goto to_port';
  const cidrs = new Map<string, string[]>();
  const lines = new Set<string>();
  for (const rule of rules) {
    const match = protocolMatch(rule);
    if (rule.groupId !== undefined) {
      const peering = rule.vpcPeeringConnectionId;
      // Another peer may have the same addresses.
      const name = direction === 'in' ? 'iifname' : 'oifname';
      const link = peering === undefined ? '' : `${name} "${peeringLinkName(peering)}" `;
      lines.add(`${link}ip ${side} @${membersOf(rule, rule.groupId)} ${match}${verdict}`);
    }
    if (rule.cidrIpv4 !== undefined) cidrs.set(match, [...(cidrs.get(match) ?? []), rule.cidrIpv4]);
  }
  for (const [match, list] of cidrs) {
    const sources = withoutContained(list);
    if (sources[0] === '0.0.0.0/0') lines.add(`${match}${verdict}`);
    else lines.add(`ip ${side} { ${sources.join(', ')} } ${match}${verdict}`);
  }
  return [...lines].sort();
}

/** Member sets that no rule mentions any more and whose group is gone. */
function forgetSets(transaction: Transaction): void {
  const { chains, sets } = transaction.ruleset;
  const mentioned = new Set([...chains.values()].flatMap(chain => chain.references));
  for (const set of [...sets.keys()]) {
    const name = set.slice('inet '.length);
    const copied = readPeerMembersSet(set)?.groupId;
    const groupId = name.startsWith('members-') ? name.slice('members-'.length) : copied;
    if (groupId === undefined || mentioned.has(name) || (copied === undefined && chains.has(groupChain(groupId, 'in'))))
      continue;
    transaction.removeSet(set);
  }
}

export function ensureGroupFirewall(transaction: Transaction, intent: SecurityGroupIntent): void {
  const referenced = [...intent.ingress, ...intent.egress].flatMap(rule =>
    rule.groupId === undefined ? [] : [membersOf(rule, rule.groupId)],
  );
  for (const name of [membersSet(intent.groupId), ...referenced])
    transaction.ensureSet(`inet ${name}`, membersDefinition);
  transaction.ensureChain(groupChain(intent.groupId, 'in'), compileRules(intent.ingress, 'in'));
  transaction.ensureChain(groupChain(intent.groupId, 'out'), compileRules(intent.egress, 'out'));
  forgetSets(transaction);
}

/** Fails in the kernel while a port still has the group. */
export function removeGroupFirewall(transaction: Transaction, groupId: string): void {
  const members = `inet ${membersSet(groupId)}`;
  transaction.removeChains([groupChain(groupId, 'in'), groupChain(groupId, 'out')]);
  if (transaction.ruleset.sets.has(members)) transaction.replaceElements(members, () => true, new Map());
  forgetSets(transaction);
}
