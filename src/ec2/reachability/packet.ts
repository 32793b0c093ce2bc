import type { NetworkAclEntryIntent, PacketMatch } from '../../engine/engine.ts';
import { contains, parsePrefix } from '../../engine/network/ipv4.ts';
import { containsIpv6, isIpv6Cidr, parseIpv6Prefix } from '../../engine/network/ipv6.ts';

/** The first packet of a connection, or the answer to it. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  /** IP protocol number: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6. */
  readonly protocol: number;
  /** TCP and UDP. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** ICMP. */
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

export const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

const icmp: number = protocolNumbers.icmp;
const icmpv6: number = protocolNumbers.icmpv6;

/** What answers echo requests, of ICMP and ICMPv6. */
const replyTypes: Readonly<Record<number, number>> = { 8: 0, 128: 129 };

export function hasPorts(protocol: number): boolean {
  return protocol === protocolNumbers.tcp || protocol === protocolNumbers.udp;
}

/** The answer to a packet, as its receiver sends it. */
export function replyTo(packet: Packet): Packet {
  const { source, destination, protocol, sourcePort, destinationPort, icmpType } = packet;
  const type = icmpType === undefined ? undefined : (replyTypes[icmpType] ?? icmpType);
  return {
    source: destination,
    destination: source,
    protocol,
    ...(destinationPort === undefined ? {} : { sourcePort: destinationPort }),
    ...(sourcePort === undefined ? {} : { destinationPort: sourcePort }),
    ...(type === undefined ? {} : { icmpType: type, icmpCode: 0 }),
  };
}

/** Does a CIDR block (or address) hold an address of the same IP version? */
export function holds(cidr: string, address: string): boolean {
  if (isIpv6Cidr(cidr) !== isIpv6Cidr(address)) return false;
  return isIpv6Cidr(cidr)
    ? containsIpv6(parseIpv6Prefix(cidr), parseIpv6Prefix(address))
    : contains(parsePrefix(cidr), parsePrefix(address));
}

export function prefixLength(cidr: string): number {
  return (isIpv6Cidr(cidr) ? parseIpv6Prefix(cidr) : parsePrefix(cidr)).length;
}

/** What a rule says of the transport layer; -1 and nothing mean all. */
export function matchesTransport(rule: PacketMatch, packet: Packet): boolean {
  const { protocol, fromPort = -1, toPort = -1, icmpType = -1, icmpCode = -1 } = rule;
  if (protocol === -1) return true;
  if (protocol !== packet.protocol) return false;
  if (hasPorts(protocol)) {
    const port = packet.destinationPort ?? 0;
    return port >= (fromPort === -1 ? 0 : fromPort) && port <= (toPort === -1 ? 65_535 : toPort);
  }
  if (protocol !== icmp && protocol !== icmpv6) return true;
  if (icmpType === -1) return true;
  return icmpType === packet.icmpType && (icmpCode === -1 || icmpCode === packet.icmpCode);
}

/** The entry of a network ACL that decides on a packet; none denies. */
export function decidingEntry(
  entries: readonly NetworkAclEntryIntent[],
  packet: Packet,
  egress: boolean,
): NetworkAclEntryIntent | undefined {
  const address = egress ? packet.destination : packet.source;
  let found: NetworkAclEntryIntent | undefined;
  for (const entry of entries) {
    if (found !== undefined && found.ruleNumber < entry.ruleNumber) continue;
    if (holds(entry.cidrBlock, address) && matchesTransport(entry, packet)) found = entry;
  }
  return found;
}
