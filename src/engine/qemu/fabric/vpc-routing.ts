import type { RouteIntent, RouteTarget, VpcIntent } from '../../engine.ts';
import { addressAt, formatPrefix, parsePrefix } from '../../network/ipv4.ts';
import { formatIpv6Prefix, isIpv6Cidr, linkLocalOf, parseIpv6Prefix } from '../../network/ipv6.ts';
import {
  dnsIpv6Address,
  dnsLinkLocalAddress,
  edgeLinkAddress,
  edgeLinkIpv6Address,
  egressOnlyGatewayLink,
  internetGatewayLink,
  internetGatewayTable,
  metadataAddress,
  metadataIpv6Address,
  peeringLinkName,
  peeringMac,
  peerLinkAddress,
  routerTable,
  subnetTable,
  timeAddress,
  timeIpv6Address,
} from './layout.ts';
import { hardwareAddresses } from './port-ipv6.ts';
import type { Ruleset } from './ruleset.ts';
import type { VpcActual } from './vpc-actual.ts';
import { resolverAddress } from './vpc-firewall.ts';

/**
 * Addresses, routes and rules of a VPC's router, as the arguments that `ip address|route|rule add` takes.
 * The sender's subnet, which the firewall has put into the packet's mark, selects its route table. The main table holds the
 * VPC itself (`local` of EC2's route tables): every address with its interface. IPv6 has tables of the same numbers, and
 * link-local addresses of whoever is next.
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

/** An interface that a route can lead to, with the addresses of who is there. */
export interface NextHop {
  readonly dev: string;
  readonly via: string;
  /** Link-local; NAT gateways have none. */
  readonly viaIpv6?: string;
}

export interface RoutingTargets {
  /** The router's own address on its link to the edge, if it has one. */
  readonly linkAddress?: string | undefined;
  /** By the ID of a network interface, NAT gateway or peering connection. */
  readonly nextHops: ReadonlyMap<string, NextHop>;
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
export function nextHops(actual: VpcActual, ruleset: Ruleset, intent: VpcIntent): Map<string, NextHop> {
  const hops = new Map<string, NextHop>();
  const macs = hardwareAddresses(ruleset);
  const addresses = new Map<string, string>();
  for (const [address, dev] of actual.delivered) {
    const known = addresses.get(dev);
    if (!/[:/]/.test(address) && (known === undefined || address < known)) addresses.set(dev, address);
  }
  const wanted = new Set(intent.natGateways?.map(nat => nat.natGatewayId));
  const natGateways = [...actual.natGateways].filter(([id]) => wanted.has(id));
  for (const [id, { interfaceName: dev }] of [...actual.ports, ...natGateways]) {
    const via = addresses.get(dev);
    const mac = actual.ports.has(id) ? macs.get(dev) : undefined;
    if (via !== undefined) hops.set(id, { dev, via, ...(mac === undefined ? {} : { viaIpv6: linkLocalOf(mac) }) });
  }
  for (const { vpcPeeringConnectionId: id, peerVpcId } of intent.peeringConnections ?? []) {
    const dev = peeringLinkName(id);
    const viaIpv6 = linkLocalOf(peeringMac(id, peerVpcId));
    if (actual.peeringLinks.has(dev)) hops.set(id, { dev, via: peerLinkAddress, viaIpv6 });
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

/** One IPv6 route of a table. NAT gateways do not translate to IPv4 here: routes to them lead nowhere. */
function compileIpv6Route(
  intent: VpcIntent,
  { destination, target }: RouteIntent,
  table: number,
  nextHops: RoutingTargets['nextHops'],
): string {
  const prefix = formatIpv6Prefix(parseIpv6Prefix(destination));
  if (target === 'local') return `throw ${prefix} table ${table}`;
  if (target === 'internet-gateway' && intent.internetGateway) {
    return ipv6Route(prefix, edgeLinkIpv6Address, internetGatewayLink, table);
  }
  if (target === 'egress-only-internet-gateway' && intent.egressOnlyInternetGateway === true) {
    return ipv6Route(prefix, edgeLinkIpv6Address, egressOnlyGatewayLink, table);
  }
  const { dev, viaIpv6 } = (typeof target === 'string' ? undefined : nextHops.get(targetId(target))) ?? {};
  if (dev === undefined || viaIpv6 === undefined) return `blackhole ${prefix} table ${table}`;
  return ipv6Route(prefix, viaIpv6, dev, table);
}

function ipv6Route(destination: string, via: string, dev: string, table: number): string {
  return `${destination} via ${via} dev ${dev} table ${table}`;
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

/** Nothing for a VPC without IPv6. */
export function desiredIpv6Routing(intent: VpcIntent, { nextHops }: RoutingTargets): Routing {
  const blocks = (intent.ipv6CidrBlocks ?? []).map(cidr => formatIpv6Prefix(parseIpv6Prefix(cidr)));
  const tables: [number, readonly RouteIntent[]][] = intent.subnets.map(({ subnetId, routes }) => [
    subnetTable(subnetId),
    routes,
  ]);
  const { internetGatewayRoutes = [] } = intent;
  if (internetGatewayRoutes.length > 0) tables.push([internetGatewayTable, internetGatewayRoutes]);
  if (blocks.length === 0) return { addresses: new Set(), routes: new Set(), rules: new Set() };
  const routes = blocks.map(block => `blackhole ${block} table ${mainTable}`);
  for (const [table, list] of tables) {
    const compiled = new Map(blocks.map(block => [block, `throw ${block} table ${table}`]));
    for (const one of list) {
      if (!isIpv6Cidr(one.destination)) continue;
      const prefix = formatIpv6Prefix(parseIpv6Prefix(one.destination));
      compiled.set(prefix, compileIpv6Route(intent, one, table, nextHops));
    }
    routes.push(...compiled.values());
  }
  return {
    addresses: new Set([metadataIpv6Address, dnsIpv6Address, timeIpv6Address]),
    routes: new Set(routes),
    rules: new Set(
      tables.map(([table]) => `priority ${subnetRulePriority} fwmark 0x${table.toString(16)} table ${table}`),
    ),
  };
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

/**
 * Lines of `ip -batch` (of `ip -6 -batch` for IPv6) that lead from one routing to the other; a changed route is replaced
 * without a gap.
 */
export function routingCommands(actual: Routing, desired: Routing, family?: '-6'): string[] {
  const bits = family === undefined ? 32 : 128;
  const kept = new Set([...desired.routes].map(routeKey));
  return [
    ...missing(desired.addresses, actual.addresses).map(address => `address add ${address}/${bits} dev lo`),
    ...missing(desired.routes, actual.routes).map(route => `route replace ${route}`),
    ...missing(desired.rules, actual.rules).map(rule => `rule add ${rule}`),
    ...missing(actual.rules, desired.rules).map(rule => `rule del ${rule}`),
    ...missing(actual.routes, desired.routes)
      .filter(route => !kept.has(routeKey(route)))
      .map(route => `route del ${route}`),
    ...missing(actual.addresses, desired.addresses).map(address => `address del ${address}/${bits} dev lo`),
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
export function routesOf(json: readonly RouteJson[], family?: '-6'): Set<string> {
  const [all, bits] = family === undefined ? ['0.0.0.0/0', 32] : ['::/0', 128];
  return new Set(
    json.flatMap(({ type, dst, gateway, prefsrc, dev, table = 'main' }) => {
      const destination = dst === 'default' ? all : dst.includes('/') ? dst : `${dst}/${bits}`;
      const number = table === 'main' ? mainTable : Number(table);
      if (type === 'blackhole' || type === 'throw') return [`${type} ${destination} table ${number}`];
      // In the main table they are what is delivered to ports.
      if (family !== undefined) {
        const ours = dev !== undefined && gateway !== undefined && number !== mainTable;
        return ours ? [ipv6Route(destination, gateway, dev, number)] : [];
      }
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

/** The kernel takes an interface's routes with the interface. */
export function forgetInterface(actual: VpcActual, name: string): void {
  actual.routing = forgetRoutesOver(actual.routing, name);
  actual.ipv6Routing = forgetRoutesOver(actual.ipv6Routing, name);
}

export function hasIpv6(intent: VpcIntent): boolean {
  return (intent.ipv6CidrBlocks ?? []).length > 0;
}
