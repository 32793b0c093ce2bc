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
  /** Private addresses with a route, and the interface that it leads to. */
  readonly delivered: Map<string, string>;
  internetGatewayLink: boolean;
  routing: Routing;
  ruleset: Ruleset;
}

interface LinkJson {
  readonly ifname: string;
  readonly ifalias?: string;
}

interface AddressJson {
  readonly addr_info?: readonly { readonly local?: string }[];
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
  const routing = { addresses: new Set<string>(), routes: new Set<string>(), rules: new Set<string>() };
  const ruleset = emptyRuleset();
  return {
    exists: false,
    ports: new Map(),
    natGateways: new Map(),
    peeringLinks: new Set(),
    unfinished: new Set(),
    delivered: new Map(),
    internetGatewayLink: false,
    routing,
    ruleset,
  };
}

/** Asks the kernel. */
export async function lookAtVpc(vpcId: string): Promise<VpcActual> {
  const namespace = vpcNamespace(vpcId);
  const actual = nothingThere();
  if (!(await namespaceExists(namespace))) return actual;
  const [links, loopback, routes, rules, ruleset] = await Promise.all([
    ipJson(namespace, 'link', 'show') as Promise<LinkJson[]>,
    ipJson(namespace, 'address', 'show', 'dev', 'lo') as Promise<AddressJson[]>,
    ipJson(namespace, 'route', 'show', 'table', 'all') as Promise<RouteJson[]>,
    ipJson(namespace, 'rule', 'show') as Promise<{ priority: number; fwmark?: string; table: string }[]>,
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
  return {
    ...actual,
    exists: true,
    routing: { addresses, routes: routesOf(routes), rules: rulesOf(rules) },
    ruleset: parseRuleset(ruleset),
  };
}
