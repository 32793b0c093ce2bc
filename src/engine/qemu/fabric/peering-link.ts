import type { VpcIntent } from '../../engine.ts';
import { linkLocalOf } from '../../network/ipv6.ts';
import { vpcNamespace } from '../names.ts';
import { peeringLinkName, peeringMac, peerLinkAddress, vpcMtu } from './layout.ts';
import { ipBatch, ipJson, run } from './run.ts';
import { namespaceExists, type VpcActual } from './vpc-actual.ts';

/**
 * A peering connection is a veth between two VPCs' namespaces. Each router knows the other by a fixed hardware address,
 * so nothing has to be asked over it.
 */

/** Interfaces to peers that are there now: one also goes with the namespace at its other end. */
async function presentPeeringLinks(namespace: string): Promise<Set<string>> {
  const links = (await ipJson(namespace, 'link', 'show', 'type', 'veth')) as { ifname: string }[];
  return new Set(links.map(link => link.ifname).filter(name => /^p[0-9a-z]+$/.test(name)));
}

async function makePeeringLink(id: string, vpcId: string, peerVpcId: string): Promise<void> {
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

/**
 * Makes the links to peers that both want and that are both here; removes those that one no longer wants.
 * @param before the last intent
 * @param wants what the peer says; undefined while it has not said anything
 * @returns peers for whose links something has changed, and links that are gone, with their routes
 */
export async function ensurePeeringLinks(
  vpcId: string,
  actual: Pick<VpcActual, 'peeringLinks'>,
  intent: VpcIntent,
  before: VpcIntent | undefined,
  wants: (vpcPeeringConnectionId: string, peerVpcId: string) => boolean | undefined,
): Promise<{ changed: string[]; gone: string[] }> {
  const namespace = vpcNamespace(vpcId);
  const there = await presentPeeringLinks(namespace);
  const gone = [...actual.peeringLinks].filter(link => !there.has(link));
  const changed: string[] = [];
  const kept = new Set<string>();
  for (const { vpcPeeringConnectionId, peerVpcId } of intent.peeringConnections ?? []) {
    const link = peeringLinkName(vpcPeeringConnectionId);
    const wanted = wants(vpcPeeringConnectionId, peerVpcId);
    if (wanted === false || !(await namespaceExists(vpcNamespace(peerVpcId)))) continue;
    // After a restart of the server the peer has not said yet what it wants: what is there stays.
    if (wanted === undefined && !there.has(link)) continue;
    kept.add(link);
    if (there.has(link)) continue;
    await makePeeringLink(vpcPeeringConnectionId, vpcId, peerVpcId);
    changed.push(peerVpcId);
  }
  for (const link of there) {
    if (kept.has(link)) continue;
    await run(['ip', '-n', namespace, 'link', 'del', link], { accept: [1] });
    gone.push(link);
  }
  for (const { vpcPeeringConnectionId, peerVpcId } of before?.peeringConnections ?? []) {
    const link = peeringLinkName(vpcPeeringConnectionId);
    if (there.has(link) && !kept.has(link)) changed.push(peerVpcId);
  }
  actual.peeringLinks.clear();
  for (const link of kept) actual.peeringLinks.add(link);
  return { changed, gone };
}
