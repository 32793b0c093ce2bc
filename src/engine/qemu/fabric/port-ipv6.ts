import type { PortIntent, SubnetIntent } from '../../engine.ts';
import { formatIpv6Prefix, ipv6At, linkLocalOf, normalIpv6, parseIpv6Prefix } from '../../network/ipv6.ts';
import { subnetTable } from './layout.ts';
import type { Ruleset } from './ruleset.ts';
import type { VpcActual } from './vpc-actual.ts';

/**
 * IPv6 at a port's interface: what leads to the guest, and an address of its subnet, by which dnsmasq finds what to
 * advertise and hand out there. Guests know the router by its link-local address.
 *
 * All of a guest's addresses are behind its link-local one, a permanent neighbour: nothing has to be asked, and nobody can
 * answer falsely.
 */

/** What of IPv6 is an interface's own, as the kernel writes it. */
export interface OwnIpv6 {
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
}

export function ownIpv6(intent: Pick<PortIntent, 'ipv6Addresses' | 'ipv6Prefixes'>): OwnIpv6 {
  return {
    addresses: (intent.ipv6Addresses ?? []).map(normalIpv6),
    prefixes: (intent.ipv6Prefixes ?? []).map(cidr => formatIpv6Prefix(parseIpv6Prefix(cidr))),
  };
}

/** Lines for `ip -6` that lead exactly these addresses and prefixes to an interface; changes `actual` alike. */
export function ipv6DeliveryCommands(actual: VpcActual, name: string, mac: string, own: OwnIpv6): string[] {
  const wanted = new Set([...own.addresses, ...own.prefixes]);
  const lines: string[] = [];
  for (const destination of wanted) {
    if (actual.delivered.get(destination) === name) continue;
    lines.push(`route replace ${destination} via ${linkLocalOf(mac)} dev ${name}`);
    actual.delivered.set(destination, name);
  }
  for (const [destination, interfaceName] of actual.delivered) {
    if (interfaceName !== name || !destination.includes(':') || wanted.has(destination)) continue;
    lines.push(`route del ${destination} dev ${name}`);
    actual.delivered.delete(destination);
  }
  return lines;
}

/** Interfaces of ports with their MAC address and the mark of their subnet, as the firewall knows them. */
function knownPorts(actual: VpcActual, ruleset: Ruleset): { name: string; mac: string; mark: string }[] {
  const ports = new Set([...actual.ports.values()].map(port => port.interfaceName));
  const marks = ruleset.sets.get('inet subnets');
  return [...hardwareAddresses(ruleset)].flatMap(([name, mac]) => {
    const mark = marks?.get(name);
    return mark === undefined || !ports.has(name) ? [] : [{ name, mac, mark }];
  });
}

/** MAC address by interface, NAT gateways included. */
export function hardwareAddresses(ruleset: Ruleset): Map<string, string> {
  return new Map(
    [...(ruleset.sets.get('inet macs')?.keys() ?? [])].map(key => {
      const [name = '', mac = ''] = key.split(' . ');
      return [name, mac];
    }),
  );
}

/** The address of the router in a subnet's IPv6 block. */
function routerAddress(subnet: SubnetIntent): string | undefined {
  return subnet.ipv6CidrBlock === undefined ? undefined : `${ipv6At(parseIpv6Prefix(subnet.ipv6CidrBlock), 1)}/64`;
}

/** Lines for `ip -6` that give every port its neighbour and its router the address of its subnet; changes `actual` alike. */
export function ipv6LinkCommands(actual: VpcActual, ruleset: Ruleset, subnets: readonly SubnetIntent[]): string[] {
  const routers = new Map(subnets.map(subnet => [String(subnetTable(subnet.subnetId)), routerAddress(subnet)]));
  const lines: string[] = [];
  for (const { name, mac, mark } of knownPorts(actual, ruleset)) {
    const before = actual.routers.get(name);
    const after = routers.get(mark) ?? '';
    if (before === after) continue;
    lines.push(`neigh replace ${linkLocalOf(mac)} lladdr ${mac} dev ${name} nud permanent`);
    // Without a route: the subnet's addresses are where their ports are.
    if (after !== '') lines.push(`address replace ${after} dev ${name} nodad noprefixroute`);
    if (before !== undefined && before !== '') lines.push(`address del ${before} dev ${name}`);
    actual.routers.set(name, after);
  }
  return lines;
}
