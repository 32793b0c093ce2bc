import type { RouteIntent, RouteTarget, VpcIntent } from '../../engine.ts';
import { addressAt, formatPrefix, parsePrefix } from '../../network/ipv4.ts';
import {
  dnsLinkLocalAddress,
  edgeLinkAddress,
  internetGatewayLink,
  internetGatewayTable,
  metadataAddress,
  peeringLinkName,
  peerLinkAddress,
  routerTable,
  subnetTable,
  timeAddress,
} from './layout.ts';
import type { VpcActual } from './vpc-actual.ts';
import { resolverAddress } from './vpc-firewall.ts';

/**
 * Addresses, routes and rules of a VPC's router, as the arguments that `ip address|route|rule add` takes.
 * The sender's subnet, which the firewall has put into the packet's mark, selects its route table. The main table holds the
 * VPC itself (`local` of EC2's route tables): every address with its interface.
 */
export interface Routing {
  /** Addresses of the loopback interface. */
  readonly addresses: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly rules: ReadonlySet<string>;
}

const mainTable = 254;
/** Before the main table: a subnet may send what is for another subnet through an interface. */
const subnetRulePriority = 20_000;
/** Where the rules of subnets were in an earlier version. */
const formerSubnetRulePriority = 33_000;
const routerRulePriority = 40_000;

/** Interfaces that routes can lead to, with the address of who is there. */
export interface RoutingTargets {
  /** The router's own address on its link to the edge, if it has one. */
  readonly linkAddress?: string | undefined;
  /** `dev` and `via` by the ID of a network interface, NAT gateway or peering connection. */
  readonly nextHops: ReadonlyMap<string, { readonly dev: string; readonly via: string }>;
}

function route(destination: string, via: string, dev: string, table: number, source?: string): string {
  const from = source === undefined ? '' : ` src ${source}`;
  return `${destination} via ${via} dev ${dev} table ${table}${from} onlink`;
}

/** `source`: what the router itself sends under; the interface has no address to choose. */
function viaGateway(destination: string, table: number, source?: string): string {
  return route(destination, edgeLinkAddress, internetGatewayLink, table, source);
}

/** Do any of a VPC's routes lead to interfaces that come and go? */
export function hasInterfaceRoutes(intent: VpcIntent): boolean {
  const lists = [...intent.subnets.map(subnet => subnet.routes), intent.internetGatewayRoutes ?? []];
  return lists.some(routes =>
    routes.some(({ target }) => typeof target !== 'string' && 'networkInterfaceId' in target),
  );
}

/** Who is where: ports and NAT gateways by one of the addresses that lead to them, peers by their link. */
export function nextHops(actual: VpcActual, intent: VpcIntent): Map<string, { dev: string; via: string }> {
  const hops = new Map<string, { dev: string; via: string }>();
  const addresses = new Map<string, string>();
  for (const [address, dev] of actual.delivered) {
    const known = addresses.get(dev);
    if (!/[:/]/.test(address) && (known === undefined || address < known)) addresses.set(dev, address);
  }
  const wanted = new Set(intent.natGateways?.map(nat => nat.natGatewayId));
  const natGateways = [...actual.natGateways].filter(([id]) => wanted.has(id));
  for (const [id, { interfaceName: dev }] of [...actual.ports, ...natGateways]) {
    const via = addresses.get(dev);
    if (via !== undefined) hops.set(id, { dev, via });
  }
  for (const { vpcPeeringConnectionId: id } of intent.peeringConnections ?? []) {
    const dev = peeringLinkName(id);
    if (actual.peeringLinks.has(dev)) hops.set(id, { dev, via: peerLinkAddress });
  }
  return hops;
}

function targetId(target: Exclude<RouteTarget, string>): string {
  if ('networkInterfaceId' in target) return target.networkInterfaceId;
  return 'natGatewayId' in target ? target.natGatewayId : target.vpcPeeringConnectionId;
}

/** One IPv4 route of a table; `throw` hands a packet on to the main table. */
function compileRoute(
  intent: VpcIntent,
  { destination, target }: RouteIntent,
  table: number,
  targets: RoutingTargets,
): string {
  const prefix = formatPrefix(parsePrefix(destination));
  if (target === 'local') return `throw ${prefix} table ${table}`;
  if (target === 'internet-gateway' && intent.internetGateway && targets.linkAddress !== undefined) {
    return viaGateway(prefix, table);
  }
  const hop = typeof target === 'string' ? undefined : targets.nextHops.get(targetId(target));
  return hop === undefined ? `blackhole ${prefix} table ${table}` : route(prefix, hop.via, hop.dev, table);
}

/** A route table: the VPC's own prefixes go on to the main table unless a longer route is there. */
function compileTable(
  intent: VpcIntent,
  routes: readonly RouteIntent[],
  table: number,
  targets: RoutingTargets,
): string[] {
  const compiled = new Map<string, string>();
  for (const cidr of intent.cidrBlocks) {
    const prefix = formatPrefix(parsePrefix(cidr));
    compiled.set(prefix, `throw ${prefix} table ${table}`);
  }
  for (const one of routes) {
    if (one.destination.includes(':')) continue;
    compiled.set(formatPrefix(parsePrefix(one.destination)), compileRoute(intent, one, table, targets));
  }
  return [...compiled.values()];
}

export function desiredRouting(intent: VpcIntent, targets: RoutingTargets): Routing {
  const { linkAddress } = targets;
  const addresses = [metadataAddress, dnsLinkLocalAddress, timeAddress, resolverAddress(intent)];
  const routes = intent.cidrBlocks.map(cidr => `blackhole ${formatPrefix(parsePrefix(cidr))} table ${mainTable}`);
  const rules: string[] = [];
  const addTable = (table: number, list: readonly RouteIntent[]) => {
    rules.push(`priority ${subnetRulePriority} fwmark 0x${table.toString(16)} table ${table}`);
    routes.push(...compileTable(intent, list, table, targets));
  };
  if (linkAddress !== undefined) {
    addresses.push(linkAddress);
    routes.push(viaGateway('0.0.0.0/0', routerTable, linkAddress));
    rules.push(`priority ${routerRulePriority} iif lo table ${routerTable}`);
    const { internetGatewayRoutes = [] } = intent;
    if (internetGatewayRoutes.length > 0) addTable(internetGatewayTable, internetGatewayRoutes);
  }
  for (const subnet of intent.subnets) {
    addresses.push(addressAt(parsePrefix(subnet.cidrBlock), 1));
    addTable(subnetTable(subnet.subnetId), subnet.routes);
  }
  return { addresses: new Set(addresses), routes: new Set(routes), rules: new Set(rules) };
}

/** The kernel takes an interface's routes with the interface. */
export function forgetRoutesOver(routing: Routing, interfaceName: string): Routing {
  const routes = [...routing.routes].filter(text => !text.includes(` dev ${interfaceName} `));
  return { ...routing, routes: new Set(routes) };
}

/** Destination and table: what identifies a route for `ip route replace`. */
function routeKey(route: string): string {
  const [, destination, table] = /^(?:(?:blackhole|throw) )?(\S+).* table (\d+)/.exec(route) ?? [];
  return `${destination} ${table}`;
}

function missing(wanted: ReadonlySet<string>, present: ReadonlySet<string>): string[] {
  return [...wanted].filter(item => !present.has(item));
}

/** Lines of `ip -batch` that lead from one routing to the other; a changed route is replaced without a gap. */
export function routingCommands(actual: Routing, desired: Routing): string[] {
  const kept = new Set([...desired.routes].map(routeKey));
  return [
    ...missing(desired.addresses, actual.addresses).map(address => `address add ${address}/32 dev lo`),
    ...missing(desired.routes, actual.routes).map(route => `route replace ${route}`),
    ...missing(desired.rules, actual.rules).map(rule => `rule add ${rule}`),
    ...missing(actual.rules, desired.rules).map(rule => `rule del ${rule}`),
    ...missing(actual.routes, desired.routes)
      .filter(route => !kept.has(routeKey(route)))
      .map(route => `route del ${route}`),
    ...missing(actual.addresses, desired.addresses).map(address => `address del ${address}/32 dev lo`),
  ];
}

interface RouteJson {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly prefsrc?: string;
  readonly dev?: string;
  readonly table?: string;
}

/** Routes of `ip -json route show table all` that this file makes, in the same words. */
export function routesOf(json: readonly RouteJson[]): Set<string> {
  return new Set(
    json.flatMap(({ type, dst, gateway, prefsrc, dev, table = 'main' }) => {
      const destination = dst === 'default' ? '0.0.0.0/0' : dst.includes('/') ? dst : `${dst}/32`;
      const number = table === 'main' ? mainTable : Number(table);
      if (type === 'blackhole' || type === 'throw') return [`${type} ${destination} table ${number}`];
      return dev === undefined || gateway === undefined ? [] : [route(destination, gateway, dev, number, prefsrc)];
    }),
  );
}

interface RuleJson {
  readonly priority: number;
  readonly fwmark?: string;
  readonly table: string;
}

/** Rules of `ip -json rule show` that this file makes. */
export function rulesOf(json: readonly RuleJson[]): Set<string> {
  return new Set(
    json.flatMap(({ priority, fwmark, table }) => {
      if (priority === subnetRulePriority || priority === formerSubnetRulePriority)
        return [`priority ${priority} fwmark ${fwmark} table ${table}`];
      return priority === routerRulePriority ? [`priority ${priority} iif lo table ${table}`] : [];
    }),
  );
}
