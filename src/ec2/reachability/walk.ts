import type {
  NatGatewayIntent,
  PacketRule,
  PortIntent,
  RouteIntent,
  RouteTarget,
  VpcIntent,
} from '../../engine/engine.ts';
import { hasAddress, type Network, natGatewayAt, publicAddressOf } from './network.ts';
import {
  decidingEntry,
  holds,
  matchesTransport,
  type Packet,
  prefixLength,
  protocolNumbers,
  replyTo,
} from './packet.ts';
import type { Direction, Gateway, Obstacle, Step } from './steps.ts';

/** Where a packet begins or is to arrive. */
export type End = { readonly kind: 'port'; readonly port: PortIntent } | { readonly kind: 'internet' };

/** By what a packet comes to a VPC's router, and by what it leaves it. */
type Way =
  | { readonly kind: 'port'; readonly port: PortIntent }
  | { readonly kind: 'nat-gateway'; readonly nat: NatGatewayIntent }
  | { readonly kind: 'gateway'; readonly gateway: Gateway }
  | { readonly kind: 'peering'; readonly id: string; readonly vpcId: string };

interface Position {
  readonly vpc: VpcIntent;
  readonly entry: Way;
  readonly packet: Packet;
}

/** Routers that a packet may pass before its way counts as a loop. */
const maximumHops = 16;

const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const sharedBlock = '100.64.0.0/10';

/**
 * Follows one packet through a network as the fabric would pass it on, and notes what it meets. What filters it is noted
 * as an obstacle and the packet goes on, so that one look finds all closed doors; where there is no way on, it ends.
 * The answer to a packet is followed by a second walk, which knows what the first one opened.
 */
export class Walk {
  readonly steps: Step[] = [];
  readonly obstacles: Obstacle[] = [];
  /** Connections that routers know of, see `#connection`. */
  readonly connections = new Set<string>();
  readonly translations: { readonly natGatewayId: string; readonly before: Packet; readonly after: Packet }[] = [];
  /** By which gateway it went out of a VPC or came in. */
  readonly gateways = new Map<string, Gateway>();
  readonly #network: Network;
  readonly #goal: End;
  readonly #forward: Walk | undefined;
  #ended = false;

  /** `forward`: the walk of the packet that this one answers. */
  constructor(network: Network, goal: End, forward?: Walk) {
    this.#network = network;
    this.#goal = goal;
    this.#forward = forward;
  }

  /** Returns the packet as it arrives; undefined when it cannot. It has arrived freely when there is no obstacle. */
  run(start: End, packet: Packet): Packet | undefined {
    let position = start.kind === 'port' ? this.#send(start.port, packet) : this.#enter(packet);
    for (let hop = 0; hop < maximumHops; hop++) {
      if (position === undefined) return undefined;
      const exit = this.#pass(position);
      if (exit === undefined) return undefined;
      const next = this.#goOn(position, exit);
      if (next === undefined || 'source' in next) return next;
      position = next;
    }
    this.#stop({ code: 'NO_PATH', packet: position?.packet ?? packet });
    return undefined;
  }

  #send(port: PortIntent, packet: Packet): Position | undefined {
    const { vpcId, networkInterfaceId } = port;
    this.steps.push({ kind: 'interface', vpcId, networkInterfaceId, packet });
    if (port.sourceDestCheck && !hasAddress(port, packet.source)) {
      return this.#stop({
        code: 'ENI_SOURCE_DEST_CHECK_RESTRICTION',
        direction: 'egress',
        packet,
        vpcId,
        networkInterfaceId,
      });
    }
    return this.#arriveAt(vpcId, { kind: 'port', port }, packet);
  }

  #arriveAt(vpcId: string, entry: Way, packet: Packet): Position | undefined {
    const vpc = this.#network.vpc(vpcId);
    return vpc === undefined ? this.#stop({ code: 'UNASSOCIATED_COMPONENT', packet, vpcId }) : { vpc, entry, packet };
  }

  /** A packet from the internet, or from another VPC by way of it. */
  #enter(packet: Packet): Position | undefined {
    const owner = this.#network.publicOwner(packet.destination);
    if (owner === undefined) {
      return this.#stop({
        code: 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS',
        packet,
        direction: 'ingress',
        gateway: 'internet-gateway',
      });
    }
    const { vpcId } = owner;
    const gateway = this.#forward?.gateways.get(vpcId) ?? 'internet-gateway';
    const vpc = this.#network.vpc(vpcId);
    const there = gateway === 'internet-gateway' ? vpc?.internetGateway : vpc?.egressOnlyInternetGateway;
    if (vpc === undefined || there !== true)
      return this.#stop({ code: 'NO_PATH', packet, vpcId, missing: 'internet-gateway' });
    const after = { ...packet, destination: owner.address };
    this.steps.push({ kind: 'gateway', vpcId, gateway, before: packet, after });
    this.gateways.set(vpcId, gateway);
    return { vpc, entry: { kind: 'gateway', gateway }, packet: after };
  }

  /** Past the router of a VPC: routes, network ACLs and security groups. */
  #pass({ vpc, entry, packet }: Position): Way | undefined {
    const routed = this.#route(vpc, entry, packet);
    if (routed === undefined) return undefined;
    const { exit } = routed;
    const { vpcId } = vpc;
    if (exit.kind === 'port' && exit.port.sourceDestCheck && !hasAddress(exit.port, packet.destination)) {
      const { networkInterfaceId } = exit.port;
      const code = 'ENI_SOURCE_DEST_CHECK_RESTRICTION';
      return this.#stop({ code, direction: 'ingress', packet, vpcId, networkInterfaceId });
    }
    if (!this.#passesPeering(vpc, entry, exit, packet)) return undefined;
    const known = this.#isKnown(vpc, entry, exit, packet);
    if (known === undefined) return this.#stop({ code: 'NO_PATH', packet, vpcId });
    const inside = subnetOf(entry) !== undefined && subnetOf(entry) === subnetOf(exit);
    if (entry.kind === 'port') this.#filterByGroups(vpc, entry.port, 'egress', exit, packet, known);
    if (!inside) this.#filterByAcl(vpc, subnetOf(entry), 'egress', packet);
    if (routed.route !== undefined) {
      const subnetId = subnetOf(entry);
      this.steps.push({ kind: 'route', vpcId, ...(subnetId === undefined ? {} : { subnetId }), route: routed.route });
    }
    if (!inside) this.#filterByAcl(vpc, subnetOf(exit), 'ingress', packet);
    if (exit.kind === 'port') this.#filterByGroups(vpc, exit.port, 'ingress', entry, packet, known);
    return exit;
  }

  /** Where a packet is after it left a VPC's router; the packet itself when it has arrived. */
  #goOn({ vpc, packet }: Position, exit: Way): Position | Packet | undefined {
    const { vpcId } = vpc;
    if (exit.kind === 'port') {
      const { networkInterfaceId } = exit.port;
      this.steps.push({ kind: 'interface', vpcId, networkInterfaceId, packet });
      if (!hasAddress(exit.port, packet.destination)) return { vpc, entry: exit, packet };
      const goal = this.#goal;
      if (goal.kind === 'port' && goal.port.networkInterfaceId === networkInterfaceId) return packet;
      return this.#stop({ code: 'NO_PATH', packet, vpcId, networkInterfaceId });
    }
    if (exit.kind === 'peering') {
      const id = exit.id;
      const peerVpcId = exit.vpcId;
      this.steps.push({ kind: 'peering', vpcPeeringConnectionId: id, vpcId, peerVpcId, packet });
      return this.#arriveAt(peerVpcId, { kind: 'peering', id, vpcId }, packet);
    }
    return exit.kind === 'nat-gateway'
      ? this.#translate(vpc, exit.nat, packet)
      : this.#leave(vpc, exit.gateway, packet);
  }

  #leave(vpc: VpcIntent, gateway: Gateway, packet: Packet): Position | Packet | undefined {
    const { vpcId } = vpc;
    const at = { packet, vpcId, gateway, direction: 'egress' } as const;
    const before = this.#forward?.gateways.get(vpcId);
    // An egress-only gateway has not seen what came in by the other one.
    if (before !== undefined && before !== gateway) return this.#stop({ ...at, code: 'NO_PATH' });
    const { source, destination } = packet;
    const isIpv6 = source.includes(':');
    const known = this.#network.portAt(vpcId, source) === undefined ? undefined : source;
    const outside = isIpv6 ? known : publicAddressOf(this.#network, vpcId, source);
    if (outside === undefined) return this.#stop({ ...at, code: 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS' });
    if (privateBlocks.some(block => holds(block, destination)))
      return this.#stop({ ...at, code: 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS' });
    if (holds(sharedBlock, destination))
      return this.#stop({ ...at, code: 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS' });
    const after = { ...packet, source: outside };
    this.steps.push({ kind: 'gateway', vpcId, gateway, before: packet, after });
    this.gateways.set(vpcId, gateway);
    return this.#goal.kind === 'internet' ? after : this.#enter(after);
  }

  /** Out under the NAT gateway's address; answers back to whom they belong. */
  #translate(vpc: VpcIntent, nat: NatGatewayIntent, packet: Packet): Position | undefined {
    const { natGatewayId } = nat;
    const { vpcId } = vpc;
    const entry: Way = { kind: 'nat-gateway', nat };
    const forward = this.#forward;
    let after: Packet;
    if (forward === undefined) {
      if (nat.privateIpAddresses.includes(packet.destination))
        return this.#stop({ code: 'NO_POSSIBLE_DESTINATION', packet, vpcId });
      after = { ...packet, source: nat.privateIpAddresses[0] ?? packet.source };
      this.translations.push({ natGatewayId, before: packet, after });
    } else {
      const asked = replyTo(packet);
      const found = forward.translations.find(
        one => one.natGatewayId === natGatewayId && connection(one.after) === connection(asked),
      );
      if (found === undefined) return this.#stop({ code: 'NO_PATH', packet, vpcId });
      after = replyTo(found.before);
    }
    this.steps.push({ kind: 'nat-gateway', vpcId, natGatewayId, before: packet, after });
    return { vpc, entry, packet: after };
  }

  /** The way that the route table of where the packet comes from sends it. */
  #route(vpc: VpcIntent, entry: Way, packet: Packet): { exit: Way; route?: RouteIntent } | undefined {
    const { vpcId } = vpc;
    const subnetId = subnetOf(entry);
    const table =
      entry.kind === 'gateway'
        ? (vpc.internetGatewayRoutes ?? [])
        : (vpc.subnets.find(one => one.subnetId === subnetId)?.routes ?? []);
    const route = longest([...localRoutes(vpc), ...table], packet.destination);
    const at = { packet, vpcId, ...(subnetId === undefined ? {} : { subnetId }) };
    if (route === undefined) {
      if (entry.kind === 'peering') {
        const code = 'PCX_REQUIRES_ADDRESS_IN_VPC_CIDR';
        return this.#stop({ ...at, code, vpcPeeringConnectionId: entry.id });
      }
      return this.#stop({
        ...at,
        code: subnetId === undefined ? 'NO_POSSIBLE_DESTINATION' : 'NO_ROUTE_TO_DESTINATION',
      });
    }
    const exit = this.#target(vpc, route.target, packet);
    // What comes over a peering connection, or from a gateway without a table, meets no table.
    if (exit !== undefined) return { exit, ...(subnetId === undefined && table.length === 0 ? {} : { route }) };
    if (route.target === 'local') return this.#stop({ ...at, code: 'NO_POSSIBLE_DESTINATION', route });
    const missing = missingTarget(route.target);
    return this.#stop({ ...at, code: 'BAD_STATE_ROUTE', route, ...(missing === undefined ? {} : { missing }) });
  }

  /** Who is where a route leads; undefined when nobody is. */
  #target(vpc: VpcIntent, target: RouteTarget, packet: Packet): Way | undefined {
    const { vpcId } = vpc;
    if (target === 'blackhole') return undefined;
    if (target === 'local') {
      const port = this.#network.portAt(vpcId, packet.destination);
      if (port !== undefined) return { kind: 'port', port };
      const nat = natGatewayAt(vpc, packet.destination);
      return nat === undefined ? undefined : { kind: 'nat-gateway', nat };
    }
    if (target === 'internet-gateway')
      return vpc.internetGateway ? { kind: 'gateway', gateway: 'internet-gateway' } : undefined;
    if (target === 'egress-only-internet-gateway')
      return vpc.egressOnlyInternetGateway ? { kind: 'gateway', gateway: target } : undefined;
    if ('networkInterfaceId' in target) {
      const port = this.#network.port(target.networkInterfaceId);
      return port?.vpcId === vpcId ? { kind: 'port', port } : undefined;
    }
    if ('natGatewayId' in target) {
      const nat = vpc.natGateways?.find(one => one.natGatewayId === target.natGatewayId);
      return nat === undefined || packet.destination.includes(':') ? undefined : { kind: 'nat-gateway', nat };
    }
    const id = target.vpcPeeringConnectionId;
    const peering = vpc.peeringConnections?.find(one => one.vpcPeeringConnectionId === id);
    const peer = peering === undefined ? undefined : this.#network.vpc(peering.peerVpcId);
    const mutual = peer?.peeringConnections?.some(one => one.vpcPeeringConnectionId === id && one.peerVpcId === vpcId);
    return peer !== undefined && mutual === true ? { kind: 'peering', id, vpcId: peer.vpcId } : undefined;
  }

  /** Over a peering connection go only packets of one VPC for the other. */
  #passesPeering(vpc: VpcIntent, entry: Way, exit: Way, packet: Packet): boolean {
    const own = localRoutes(vpc).some(route => holds(route.destination, packet.source));
    const peering = exit.kind === 'peering' && !own ? exit : entry.kind === 'peering' && own ? entry : undefined;
    if (peering === undefined) return true;
    const code = 'PCX_REQUIRES_ADDRESS_IN_VPC_CIDR';
    this.#stop({ code, packet, vpcId: vpc.vpcId, vpcPeeringConnectionId: peering.id });
    return false;
  }

  /**
   * Whether a router knows the connection that a packet belongs to: then security groups have decided before. Undefined
   * for an answer to what it has not seen, which it drops (TCP, ICMP).
   */
  #isKnown(vpc: VpcIntent, entry: Way, exit: Way, packet: Packet): boolean | undefined {
    const place = `${vpc.vpcId} ${connectionZone(entry, exit)}`;
    if (this.#forward === undefined) {
      this.connections.add(`${place} ${connection(packet)}`);
      return false;
    }
    if (this.#forward.connections.has(`${place} ${connection(replyTo(packet))}`)) return true;
    return packet.protocol === protocolNumbers.udp ? false : undefined;
  }

  #filterByAcl(vpc: VpcIntent, subnetId: string | undefined, direction: Direction, packet: Packet): void {
    const subnet = vpc.subnets.find(one => one.subnetId === subnetId);
    if (subnet === undefined) return;
    const at = { vpcId: vpc.vpcId, subnetId: subnet.subnetId, direction };
    const acl = vpc.networkAcls?.find(one => one.networkAclId === subnet.networkAclId);
    if (acl === undefined) {
      this.steps.push({ kind: 'network-acl', ...at });
      return;
    }
    const entry = decidingEntry(acl[direction], packet, direction === 'egress');
    if (entry?.allow === true) this.steps.push({ kind: 'network-acl', ...at, entry });
    else this.#note({ code: 'SUBNET_ACL_RESTRICTION', packet, ...at, ...(entry === undefined ? {} : { entry }) });
  }

  /** `other`: by what the packet comes to this interface, or leaves from it. */
  #filterByGroups(
    vpc: VpcIntent,
    port: PortIntent,
    direction: Direction,
    other: Way,
    packet: Packet,
    known: boolean,
  ): void {
    const { vpcId } = vpc;
    const { networkInterfaceId, groupIds } = port;
    const at = { vpcId, direction, networkInterfaceId };
    const [first = ''] = groupIds;
    if (known) {
      this.steps.push({ kind: 'security-group', ...at, groupId: first });
      return;
    }
    let count = 0;
    for (const groupId of groupIds) {
      const rules = this.#network.group(vpcId, groupId)?.[direction] ?? [];
      count += rules.length;
      const rule = rules.find(one => this.#matches(one, vpcId, direction, other, packet));
      if (rule === undefined) continue;
      this.steps.push({ kind: 'security-group', ...at, groupId, rule });
      return;
    }
    this.#note({ code: count === 0 ? 'SG_HAS_NO_RULES' : 'ENI_SG_RULES_MISMATCH', packet, ...at, groupIds });
  }

  #matches(rule: PacketRule, vpcId: string, direction: Direction, other: Way, packet: Packet): boolean {
    if (!matchesTransport(rule, packet)) return false;
    const address = direction === 'ingress' ? packet.source : packet.destination;
    const cidr = rule.cidrIpv4 ?? rule.cidrIpv6;
    if (cidr !== undefined) return holds(cidr, address);
    if (rule.groupId === undefined) return false;
    const peering = rule.vpcPeeringConnectionId;
    if (peering !== undefined && !(other.kind === 'peering' && other.id === peering)) return false;
    const home = peering !== undefined && other.kind === 'peering' ? other.vpcId : vpcId;
    return this.#network.portAt(home, address)?.groupIds.includes(rule.groupId) === true;
  }

  #note(obstacle: Omit<Obstacle, 'onReturn'>): void {
    this.obstacles.push({ ...obstacle, onReturn: this.#forward !== undefined });
  }

  #stop(obstacle: Omit<Obstacle, 'onReturn'>): undefined {
    if (!this.#ended) this.#note(obstacle);
    this.#ended = true;
    return undefined;
  }
}

function subnetOf(way: Way): string | undefined {
  if (way.kind === 'port') return way.port.subnetId;
  return way.kind === 'nat-gateway' ? way.nat.subnetId : undefined;
}

function localRoutes(vpc: VpcIntent): RouteIntent[] {
  return [...vpc.cidrBlocks, ...(vpc.ipv6CidrBlocks ?? [])].map(destination => ({ destination, target: 'local' }));
}

/** The route whose destination is the longest that holds an address; of equals the last. */
function longest(routes: readonly RouteIntent[], address: string): RouteIntent | undefined {
  let best: RouteIntent | undefined;
  for (const route of routes) {
    if (!holds(route.destination, address)) continue;
    if (best === undefined || prefixLength(route.destination) >= prefixLength(best.destination)) best = route;
  }
  return best;
}

function missingTarget(target: RouteTarget): Obstacle['missing'] {
  if (target === 'internet-gateway' || target === 'egress-only-internet-gateway') return target;
  if (typeof target === 'string') return undefined;
  if ('networkInterfaceId' in target) return 'network-interface';
  return 'natGatewayId' in target ? 'nat-gateway' : 'vpc-peering-connection';
}

/** Addresses and ports of a packet as one text. */
function connection(packet: Packet): string {
  const { protocol, source, sourcePort = 0, destination, destinationPort = 0 } = packet;
  return `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}

/** What comes from an interface that passes packets on, or goes to one, is a connection of its own on each side of it. */
function connectionZone(entry: Way, exit: Way): string {
  const from = entry.kind === 'port' && !entry.port.sourceDestCheck;
  const to = exit.kind === 'port' && !exit.port.sourceDestCheck;
  if (from && to) return 'between';
  if (from) return nameOf(exit);
  return to ? nameOf(entry) : '';
}

function nameOf(way: Way): string {
  if (way.kind === 'port') return way.port.networkInterfaceId;
  return way.kind === 'nat-gateway' ? way.nat.networkInterfaceId : '';
}
