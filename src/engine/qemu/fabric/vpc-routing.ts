import type { VpcIntent } from '../../engine.ts';
import { addressAt, formatPrefix, parsePrefix } from '../../network/ipv4.ts';
import {
  dnsLinkLocalAddress,
  edgeLinkAddress,
  internetGatewayLink,
  metadataAddress,
  routerTable,
  subnetTable,
  timeAddress,
} from './layout.ts';
import { resolverAddress } from './vpc-firewall.ts';

/**
 * Addresses, routes and rules of a VPC's router, as the arguments that `ip address|route|rule add` takes.
 * The main table holds the VPC itself (`local` of EC2's route tables) and is asked first; what it does not know goes
 * by the sender's subnet, which the firewall has put into the packet's mark.
 */
export interface Routing {
  /** Addresses of the loopback interface. */
  readonly addresses: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly rules: ReadonlySet<string>;
}

const mainTable = 254;
const subnetRulePriority = 33_000;
const routerRulePriority = 40_000;

/** `source`: what the router itself sends under; the interface has no address to choose. */
function viaGateway(destination: string, table: number, source?: string): string {
  const from = source === undefined ? '' : ` src ${source}`;
  return `${destination} via ${edgeLinkAddress} dev ${internetGatewayLink} table ${table}${from} onlink`;
}

/** `linkAddress`: the router's own address on its link to the edge, if it has one. */
export function desiredRouting(intent: VpcIntent, linkAddress: string | undefined): Routing {
  const addresses = [metadataAddress, dnsLinkLocalAddress, timeAddress, resolverAddress(intent)];
  const routes = intent.cidrBlocks.map(cidr => `blackhole ${formatPrefix(parsePrefix(cidr))} table ${mainTable}`);
  const rules: string[] = [];
  if (linkAddress !== undefined) {
    addresses.push(linkAddress);
    routes.push(viaGateway('0.0.0.0/0', routerTable, linkAddress));
    rules.push(`priority ${routerRulePriority} iif lo table ${routerTable}`);
  }
  for (const subnet of intent.subnets) {
    const table = subnetTable(subnet.subnetId);
    addresses.push(addressAt(parsePrefix(subnet.cidrBlock), 1));
    rules.push(`priority ${subnetRulePriority} fwmark 0x${table.toString(16)} table ${table}`);
    for (const { destination, target } of subnet.routes) {
      if (destination.includes(':') || target === 'local') continue;
      const prefix = formatPrefix(parsePrefix(destination));
      if (target === 'blackhole') routes.push(`blackhole ${prefix} table ${table}`);
      else if (linkAddress !== undefined && intent.internetGateway) routes.push(viaGateway(prefix, table));
    }
  }
  return { addresses: new Set(addresses), routes: new Set(routes), rules: new Set(rules) };
}

/** Destination and table: what identifies a route for `ip route replace`. */
function routeKey(route: string): string {
  const [, destination, table] = /^(?:blackhole )?(\S+).* table (\d+)/.exec(route) ?? [];
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
      if (type === 'blackhole') return [`blackhole ${destination} table ${number}`];
      return dev === internetGatewayLink && gateway === edgeLinkAddress
        ? [viaGateway(destination, number, prefsrc)]
        : [];
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
      if (priority === subnetRulePriority) return [`priority ${priority} fwmark ${fwmark} table ${table}`];
      return priority === routerRulePriority ? [`priority ${priority} iif lo table ${table}`] : [];
    }),
  );
}
