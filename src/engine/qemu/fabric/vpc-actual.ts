import { stat } from 'node:fs/promises';
import { vpcNamespace } from '../names.ts';
import { internetGatewayLink } from './layout.ts';
import { emptyRuleset, parseRuleset, type Ruleset } from './ruleset.ts';
import { ipJson, run } from './run.ts';
import { type Routing, routesOf, rulesOf } from './vpc-routing.ts';

/** What is really there of a VPC. Read once, then kept in step with every change that succeeds. */
export interface VpcActual {
  /** The namespace exists. */
  exists: boolean;
  /** TAPs by network interface ID (their alias). */
  readonly ports: Map<string, { readonly interfaceName: string }>;
  /** Interfaces to NAT gateways by their ID (the alias). */
  readonly natGateways: Map<string, { readonly interfaceName: string }>;
  /** Interfaces to peers. */
  readonly peeringLinks: Set<string>;
  /** Interfaces that were being made when an earlier process ended. */
  readonly unfinished: Set<string>;
  /** Private addresses, IPv6 addresses and delegated IPv6 prefixes with a route, and the interface that it leads to. */
  readonly delivered: Map<string, string>;
  /** The namespace carries IPv6. */
  ipv6: boolean;
  /** The router's IPv6 address with its prefix length by port's interface; empty in a subnet without IPv6. */
  readonly routers: Map<string, string>;
  internetGatewayLink: boolean;
  routing: Routing;
  ipv6Routing: Routing;
  ruleset: Ruleset;
}

interface LinkJson {
  readonly ifname: string;
  readonly ifalias?: string;
}

interface AddressJson {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

interface RouteJson {
  readonly type?: string;
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly table?: string;
}

/** Does a namespace of this name exist under /run/netns? */
export async function namespaceExists(name: string): Promise<boolean> {
  try {
    // An unmounted leftover is a plain file; a namespace is on the kernel's nsfs, whose inodes live on another device.
    const [self, directory] = await Promise.all([stat(`/run/netns/${name}`), stat('/run/netns')]);
    return self.dev !== directory.dev;
  } catch {
    return false;
  }
}

export function nothingThere(): VpcActual {
  const routing = () => ({ addresses: new Set<string>(), routes: new Set<string>(), rules: new Set<string>() });
  const ruleset = emptyRuleset();
  return {
    exists: false,
    ports: new Map(),
    natGateways: new Map(),
    peeringLinks: new Set(),
    unfinished: new Set(),
    delivered: new Map(),
    ipv6: false,
    routers: new Map(),
    internetGatewayLink: false,
    routing: routing(),
    ipv6Routing: routing(),
    ruleset,
  };
}

/** Asks the kernel. */
export async function lookAtVpc(vpcId: string): Promise<VpcActual> {
  const namespace = vpcNamespace(vpcId);
  const actual = nothingThere();
  if (!(await namespaceExists(namespace))) return actual;
  const [links, loopback, routes, rules, ipv6, ruleset] = await Promise.all([
    ipJson(namespace, 'link', 'show') as Promise<LinkJson[]>,
    ipJson(namespace, 'address', 'show', 'dev', 'lo') as Promise<AddressJson[]>,
    ipJson(namespace, '-4', 'route', 'show', 'table', 'all') as Promise<RouteJson[]>,
    ipJson(namespace, 'rule', 'show') as Promise<{ priority: number; fwmark?: string; table: string }[]>,
    lookAtIpv6(namespace),
    run(['nft', '--json', 'list', 'ruleset'], { namespace }),
  ]);
  const addresses = new Set<string>();
  for (const { ifname, ifalias } of links) {
    if (ifname === internetGatewayLink) actual.internetGatewayLink = true;
    if (ifalias?.startsWith('eni-')) actual.ports.set(ifalias, { interfaceName: ifname });
    else if (ifalias?.startsWith('nat-')) actual.natGateways.set(ifalias, { interfaceName: ifname });
    else if (ifname.startsWith('p')) actual.peeringLinks.add(ifname);
    else if (ifname.startsWith('tap')) actual.unfinished.add(ifname);
  }
  for (const { local } of loopback[0]?.addr_info ?? []) if (local?.includes('.')) addresses.add(local);
  addresses.delete('127.0.0.1');
  const ours = new Set([...actual.ports.values(), ...actual.natGateways.values()].map(port => port.interfaceName));
  for (const { dst, dev, table } of routes) {
    if (dev !== undefined && ours.has(dev) && table === undefined) actual.delivered.set(dst, dev);
  }
  // Each port's link-local network is a route, too.
  for (const { dst, dev, gateway, table } of ipv6.routes) {
    if (dev !== undefined && ours.has(dev) && gateway !== undefined && table === undefined) {
      actual.delivered.set(dst, dev);
    }
  }
  for (const [dev, address] of ipv6.addresses) {
    if (dev === 'lo') continue;
    if (ours.has(dev)) actual.routers.set(dev, address);
  }
  return {
    ...actual,
    exists: true,
    ipv6: ipv6.enabled,
    routing: { addresses, routes: routesOf(routes), rules: rulesOf(rules) },
    ipv6Routing: {
      addresses: new Set(
        ipv6.addresses.filter(([dev]) => dev === 'lo').map(([, address]) => address.split('/')[0] ?? ''),
      ),
      routes: routesOf(ipv6.routes, '-6'),
      rules: rulesOf(ipv6.rules),
    },
    ruleset: parseRuleset(ruleset),
  };
}

interface Ipv6Json {
  readonly enabled: boolean;
  readonly addresses: readonly (readonly [interfaceName: string, address: string])[];
  readonly routes: readonly RouteJson[];
  readonly rules: readonly { priority: number; fwmark?: string; table: string }[];
}

/** Nothing is asked of a namespace without IPv6, which most are. */
async function lookAtIpv6(namespace: string): Promise<Ipv6Json> {
  const setting = 'net.ipv6.conf.all.disable_ipv6';
  const enabled = (await run(['sysctl', '-e', '-n', setting], { namespace })).trim() === '0';
  if (!enabled) return { enabled, addresses: [], routes: [], rules: [] };
  const [interfaces, routes, rules] = await Promise.all([
    ipJson(namespace, '-6', 'address', 'show', 'scope', 'global') as Promise<AddressJson[]>,
    ipJson(namespace, '-6', 'route', 'show', 'table', 'all') as Promise<RouteJson[]>,
    ipJson(namespace, '-6', 'rule', 'show') as Promise<{ priority: number; fwmark?: string; table: string }[]>,
  ]);
  const addresses = interfaces.flatMap(({ ifname = '', addr_info = [] }) =>
    // An interface's other addresses are empty objects.
    addr_info.flatMap(({ local, prefixlen }) =>
      local === undefined ? [] : [[ifname, `${local}/${prefixlen}`] as const],
    ),
  );
  return { enabled, addresses, routes, rules };
}
