import type { FlowCount } from '../../engine/engine.ts';
import type { Network } from '../reachability/network.ts';
import { hasPorts } from '../reachability/packet.ts';
import { Walk } from '../reachability/walk.ts';
import type { FlowRecord } from './format.ts';

/** Addresses, ports, interface and direction of a flow as one text. */
export function flowKey(flow: FlowCount): string {
  return `${flow.networkInterfaceId} ${flow.direction} ${addressesOf(flow)}`;
}

/** What was counted between two looks; a counter that is less than before has begun anew. */
export function countsSince(before: ReadonlyMap<string, FlowCount>, now: readonly FlowCount[]): FlowCount[] {
  return now.flatMap(flow => {
    const earlier = before.get(flowKey(flow));
    if (earlier === undefined || earlier.packets > flow.packets || earlier.passedPackets > flow.passedPackets)
      return flow.packets > 0 ? [flow] : [];
    const packets = flow.packets - earlier.packets;
    const bytes = flow.bytes - earlier.bytes;
    const passedPackets = flow.passedPackets - earlier.passedPackets;
    const passedBytes = flow.passedBytes - earlier.passedBytes;
    return packets > 0 || passedPackets > 0 ? [{ ...flow, packets, bytes, passedPackets, passedBytes }] : [];
  });
}

/**
 * Whether a packet that was dropped was so at its sender's interface. The router only counts; the rules that it has tell
 * at which of two interfaces they keep it.
 */
function isKeptBySender(network: Network, vpcId: string, flow: FlowCount, isAnswer: boolean): boolean {
  const { source, destination, protocol, sourcePort, destinationPort } = flow;
  const port = flow.direction === 'egress' ? network.port(flow.networkInterfaceId) : network.portAt(vpcId, source);
  if (port === undefined) return false;
  const walk = new Walk(network, { kind: 'internet' });
  const ports = hasPorts(protocol) ? { sourcePort, destinationPort } : {};
  walk.run({ kind: 'port', port }, { source, destination, protocol, ...ports });
  // Security groups have nothing to say of answers to what they let through.
  const filters = walk.obstacles.filter(one => !isAnswer || one.code === 'SUBNET_ACL_RESTRICTION');
  return filters[0]?.direction === 'egress';
}

type Flow = NonNullable<FlowRecord['flow']>;

/** What an interface has to tell of the flows of its VPC. */
export function flowsAt(
  network: Network,
  { networkInterfaceId, vpcId }: { readonly networkInterfaceId: string; readonly vpcId: string },
  flows: readonly FlowCount[],
): Flow[] {
  const passed = new Set(flows.filter(flow => flow.passedPackets > 0).map(addressesOf));
  return flows.flatMap(flow => {
    if (flow.networkInterfaceId !== networkInterfaceId) return [];
    const { source, destination, sourcePort, destinationPort, protocol, direction } = flow;
    const base = { source, destination, sourcePort, destinationPort, protocol, direction };
    const dropped = Math.max(0, flow.packets - flow.passedPackets);
    const droppedBytes = Math.max(0, flow.bytes - flow.passedBytes);
    const bySender = dropped > 0 && isKeptBySender(network, vpcId, flow, passed.has(answerOf(flow)));
    // What the receiver's interface keeps has passed the sender's.
    const accepted = direction === 'egress' && !bySender ? flow.packets : flow.passedPackets;
    const acceptedBytes = direction === 'egress' && !bySender ? flow.bytes : flow.passedBytes;
    const rejects = dropped > 0 && (direction === 'egress') === bySender;
    return [
      ...(accepted > 0 ? [{ ...base, action: 'ACCEPT' as const, packets: accepted, bytes: acceptedBytes }] : []),
      ...(rejects ? [{ ...base, action: 'REJECT' as const, packets: dropped, bytes: droppedBytes }] : []),
    ];
  });
}

function addressesOf({ protocol, source, sourcePort, destination, destinationPort }: FlowCount): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}

/** The same of the way back. */
function answerOf({ protocol, source, sourcePort, destination, destinationPort }: FlowCount): string {
  return `${protocol} ${destination} ${destinationPort} ${source} ${sourcePort}`;
}
