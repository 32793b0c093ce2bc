import type { PacketMatch, PortIntent } from '../../engine/engine.ts';
import { addressAt, parsePrefix } from '../../engine/network/ipv4.ts';
import { ipv6At, isIpv6Cidr, parseIpv6Prefix } from '../../engine/network/ipv6.ts';
import type { Network } from './network.ts';
import { hasPorts, holds, type Packet, replyTo } from './packet.ts';
import type { Obstacle, Step } from './steps.ts';
import { type End, Walk } from './walk.ts';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** One end of a path: an interface, or the internet. With an address only that is meant, else any it may have. */
export type Endpoint =
  | { readonly kind: 'port'; readonly port: PortIntent; readonly address?: string }
  | { readonly kind: 'internet'; readonly address?: string };

export interface Question {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** IP protocol number. ICMP means echo. */
  readonly protocol: number;
  /** All when left out; a path is found when one of them gets through. */
  readonly destinationPorts?: PortRange;
  /** Where answers go to; `ephemeralPorts` when left out. */
  readonly sourcePorts?: PortRange;
}

export interface Analysis {
  readonly reachable: boolean;
  /** The packet that was followed, as its sender sends it. */
  readonly packet: Packet;
  /** The ports for which all of it is true. */
  readonly destinationPorts: PortRange;
  readonly sourcePorts: PortRange;
  readonly forward: readonly Step[];
  /** Of the answer; empty when the packet does not arrive. */
  readonly back: readonly Step[];
  readonly obstacles: readonly Obstacle[];
  /** The packet as its receiver gets it, if it does. */
  readonly arrived?: Packet;
}

/** What network ACLs should let answers go to. @see https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html */
export const ephemeralPorts: PortRange = { from: 1024, to: 65_535 };

const allPorts: PortRange = { from: 0, to: 65_535 };

/** Addresses that stand for everything outside; nobody has them (RFC 5737, RFC 3849). */
export const anyInternetAddress = ['203.0.113.1', '2001:db8::1'] as const;

/** As many pairs of addresses are tried at most. */
const maximumPairs = 128;

/**
 * Can one end reach another, and is answered? Follows packets through the network's intents; of all that the question
 * leaves open (addresses, ports) one way that works is enough, else what keeps the first one back is told.
 */
export function analyze(network: Network, question: Question): Analysis {
  let first: Analysis | undefined;
  for (const [source, destination] of addressPairs(network, question)) {
    const analysis = analyzePair(network, question, source, destination);
    if (analysis.reachable) return analysis;
    first ??= analysis;
  }
  if (first !== undefined) return first;
  const { destinationPorts = allPorts, sourcePorts = ephemeralPorts, protocol } = question;
  const packet = { source: '', destination: '', protocol };
  return {
    reachable: false,
    packet,
    destinationPorts,
    sourcePorts,
    forward: [],
    back: [],
    obstacles: [{ code: 'NO_PATH', packet, onReturn: false }],
  };
}

function analyzePair(network: Network, question: Question, source: string, destination: string): Analysis {
  const { protocol } = question;
  const matches = matchesOf(network, question);
  const destinationPorts = segments(question.destinationPorts ?? allPorts, matches);
  const sourcePorts = segments(question.sourcePorts ?? ephemeralPorts, matches);
  const [anySource = ephemeralPorts] = sourcePorts;
  const ports = hasPorts(protocol);
  let best: Analysis | undefined;
  for (const to of ports ? destinationPorts : [allPorts]) {
    const forward = follow(network, question, packetOf(protocol, source, destination, anySource, to));
    if (forward.walk.obstacles.length > 0 || forward.arrived === undefined) {
      best ??= { ...forward.analysis, destinationPorts: to, sourcePorts: anySource };
      continue;
    }
    // Only network ACLs look at the port that an answer goes to.
    for (const from of ports ? sourcePorts : [ephemeralPorts]) {
      const { analysis } = follow(network, question, packetOf(protocol, source, destination, from, to), true);
      const result = { ...analysis, destinationPorts: to, sourcePorts: from };
      if (analysis.reachable) return result;
      best = result;
      if (!analysis.obstacles.some(one => one.code === 'SUBNET_ACL_RESTRICTION')) break;
    }
  }
  return best as Analysis;
}

/** Follows a packet, and the answer to it when it arrives freely and that is wanted. */
function follow(network: Network, question: Question, packet: Packet, both = false) {
  const start = endOf(question.source);
  const goal = endOf(question.destination);
  const walk = new Walk(network, goal);
  const arrived = walk.run(start, packet);
  const obstacles = [...walk.obstacles];
  let back: readonly Step[] = [];
  if (both && arrived !== undefined && obstacles.length === 0) {
    const answer = new Walk(network, start, walk);
    answer.run(goal, replyTo(arrived));
    back = answer.steps;
    obstacles.push(...answer.obstacles);
  }
  const reachable = arrived !== undefined && obstacles.length === 0;
  const ports = { destinationPorts: allPorts, sourcePorts: ephemeralPorts };
  const came = arrived === undefined ? {} : { arrived };
  return { walk, arrived, analysis: { reachable, packet, ...ports, forward: walk.steps, back, obstacles, ...came } };
}

function endOf(endpoint: Endpoint): End {
  return endpoint.kind === 'port' ? { kind: 'port', port: endpoint.port } : { kind: 'internet' };
}

function packetOf(protocol: number, source: string, destination: string, from: PortRange, to: PortRange): Packet {
  if (hasPorts(protocol)) return { source, destination, protocol, sourcePort: from.from, destinationPort: to.from };
  if (protocol === 1) return { source, destination, protocol, icmpType: 8, icmpCode: 0 };
  if (protocol === 58) return { source, destination, protocol, icmpType: 128, icmpCode: 0 };
  return { source, destination, protocol };
}

/** Every rule of a security group or network ACL that may have a say, for the ports and addresses that they name. */
function matchesOf(
  network: Network,
  question: Question,
): (PacketMatch & { readonly cidrIpv4?: string; readonly cidrIpv6?: string; readonly cidrBlock?: string })[] {
  return [question.source, question.destination].flatMap(end => {
    if (end.kind !== 'port') return [];
    const { vpcId, groupIds } = end.port;
    const groups = groupIds.flatMap(groupId => network.group(vpcId, groupId) ?? []);
    const acls = network.vpc(vpcId)?.networkAcls ?? [];
    return [...groups, ...acls].flatMap(one => [...one.ingress, ...one.egress]);
  });
}

/** Parts of a range in all of whose ports the same rules match. */
function segments(range: PortRange, matches: readonly PacketMatch[]): PortRange[] {
  const starts = new Set([range.from]);
  for (const { protocol, fromPort = -1, toPort = -1 } of matches) {
    if (!hasPorts(protocol) || fromPort === -1) continue;
    for (const start of [fromPort, toPort + 1]) if (start > range.from && start <= range.to) starts.add(start);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((from, index) => ({ from, to: (sorted[index + 1] ?? range.to + 1) - 1 }));
}

/** Pairs of addresses of one IP version that a question may mean, the likeliest first. */
function addressPairs(network: Network, question: Question): [string, string][] {
  const { source, destination } = question;
  const pairs: [string, string][] = [];
  const sources = sourceAddresses(network, question);
  const destinations = destinationAddresses(network, question);
  for (const to of destinations) {
    for (const from of sources) {
      if (isIpv6Cidr(from) !== isIpv6Cidr(to)) continue;
      const fits = question.protocol === 1 ? !isIpv6Cidr(from) : question.protocol !== 58 || isIpv6Cidr(from);
      if (fits) pairs.push([from, to]);
      // Which of its addresses an interface sends from makes no difference to a rule for all of them.
      if (pairs.length >= maximumPairs) return pairs;
    }
  }
  return source.kind === 'internet' && destination.kind === 'internet' ? [] : pairs;
}

function sourceAddresses(network: Network, { source, ...question }: Question): string[] {
  if (source.address !== undefined) return [source.address];
  if (source.kind === 'internet') return outsideAddresses(network, { source, ...question });
  const { privateIpAddresses, ipv6Addresses = [] } = source.port;
  return [...privateIpAddresses, ...ipv6Addresses];
}

function destinationAddresses(network: Network, { destination, ...question }: Question): string[] {
  if (destination.address !== undefined) return [destination.address];
  if (destination.kind === 'internet') return outsideAddresses(network, { destination, ...question });
  const { privateIpAddresses, ipv6Addresses = [], publicIpAddresses } = destination.port;
  // From the internet an interface is known by its public addresses only.
  if (question.source.kind === 'internet') return [...Object.values(publicIpAddresses), ...ipv6Addresses];
  return [...privateIpAddresses, ...ipv6Addresses];
}

/** Addresses for "the internet": any, and one of each block that a rule or a route names. */
function outsideAddresses(network: Network, question: Question): string[] {
  const end = question.source.kind === 'port' ? question.source : question.destination;
  const vpc = end.kind === 'port' ? network.vpc(end.port.vpcId) : undefined;
  const routes = vpc?.subnets.flatMap(subnet => subnet.routes.map(route => route.destination)) ?? [];
  const rules = matchesOf(network, question).flatMap(one => one.cidrIpv4 ?? one.cidrIpv6 ?? one.cidrBlock ?? []);
  const inside = [...(vpc?.cidrBlocks ?? []), ...(vpc?.ipv6CidrBlocks ?? [])];
  const named = [...rules, ...routes].filter(cidr => !/\/0$/.test(cidr)).map(firstOf);
  const addresses = new Set<string>([...anyInternetAddress, ...named]);
  return [...addresses].filter(address => !inside.some(block => holds(block, address)));
}

/** An address of a block: the one after its first, which is for hosts in larger ones. */
function firstOf(cidr: string): string {
  if (isIpv6Cidr(cidr)) {
    const prefix = parseIpv6Prefix(cidr);
    return ipv6At(prefix, prefix.length < 127 ? 1 : 0);
  }
  const prefix = parsePrefix(cidr);
  return addressAt(prefix, prefix.length < 31 ? 1 : 0);
}
