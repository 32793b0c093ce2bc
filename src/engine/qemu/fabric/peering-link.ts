import type { VpcIntent } from '../../engine.ts';
import { linkLocalOf } from '../../network/ipv6.ts';
import { vpcNamespace } from '../names.ts';
import { peeringLinkName, peeringMac, peerLinkAddress, vpcMtu } from './layout.ts';
import { ipBatch, ipJson } from './run.ts';

/**
 * A peering connection is a veth between two VPCs' namespaces. Each router knows the other by a fixed hardware address,
 * so nothing has to be asked over it.
 */

/** Interfaces to peers that are there now: one also goes with the namespace at its other end. */
export async function presentPeeringLinks(namespace: string): Promise<Set<string>> {
  const links = (await ipJson(namespace, 'link', 'show', 'type', 'veth')) as { ifname: string }[];
  return new Set(links.map(link => link.ifname).filter(name => /^p[0-9a-z]+$/.test(name)));
}

export async function makePeeringLink(id: string, vpcId: string, peerVpcId: string): Promise<void> {
  const link = peeringLinkName(id);
  const peer = `peer name ${link} mtu ${vpcMtu} address ${peeringMac(id, peerVpcId)} netns ${vpcNamespace(peerVpcId)}`;
  await ipBatch(vpcNamespace(vpcId), [
    `link add ${link} mtu ${vpcMtu} address ${peeringMac(id, vpcId)} type veth ${peer}`,
  ]);
}

/** The same of IPv6, for `ip -6`. */
export function peeringLinkIpv6Commands(intent: VpcIntent, link: string): string[] {
  const peering = intent.peeringConnections?.find(one => peeringLinkName(one.vpcPeeringConnectionId) === link);
  if (peering === undefined) return [];
  const mac = peeringMac(peering.vpcPeeringConnectionId, peering.peerVpcId);
  return [`neigh replace ${linkLocalOf(mac)} lladdr ${mac} dev ${link} nud permanent`];
}

/** Lines that make a VPC's end of a link work; they may be repeated. */
export function peeringLinkCommands(intent: VpcIntent, link: string): string[] {
  const peering = intent.peeringConnections?.find(one => peeringLinkName(one.vpcPeeringConnectionId) === link);
  if (peering === undefined) return [];
  const mac = peeringMac(peering.vpcPeeringConnectionId, peering.peerVpcId);
  return [`link set dev ${link} up`, `neigh replace ${peerLinkAddress} lladdr ${mac} dev ${link} nud permanent`];
}
