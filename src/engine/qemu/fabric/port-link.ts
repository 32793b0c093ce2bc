import type { PortIntent, SubnetIntent } from '../../engine.ts';
import { addressAt, addressesOf, parsePrefix } from '../../network/ipv4.ts';
import { tapName } from '../names.ts';
import { portGroup, routerMac, vpcMtu } from './layout.ts';
import type { VpcActual } from './vpc-actual.ts';

/** How ports are made: TAPs for machines; tests put a veth in its place, whose other end they hold. */
export interface PortKind {
  /** `ip` arguments that make the interface; its owner may open it without being root. */
  create(interfaceName: string): string;
}

export function tapPorts(user: { uid: number; gid: number } | undefined): PortKind {
  const owner = user === undefined ? '' : ` user ${user.uid} group ${user.gid}`;
  return { create: name => `tuntap add dev ${name} mode tap${owner}` };
}

/**
 * Lines of `ip -batch` that give a port its interface and routes; changes `actual` to what they lead to.
 *
 * The guest's MAC address is a permanent neighbour, so nothing has to be asked, and nobody can answer falsely. The
 * subnet's gateway address is on every port's interface, where dnsmasq finds the port's subnet by it.
 */
export function portLinkCommands(
  actual: VpcActual,
  intent: PortIntent,
  subnet: SubnetIntent,
  kind: PortKind,
): string[] {
  const { networkInterfaceId: id, vpcId } = intent;
  const name = tapName(id);
  const lines: string[] = [];
  if (!actual.ports.has(id)) {
    if (actual.unfinished.delete(name)) lines.push(`link del dev ${name}`);
    lines.push(
      kind.create(name),
      `link set dev ${name} address ${routerMac(vpcId)} mtu ${vpcMtu} group ${portGroup} up`,
      `address replace ${addressAt(parsePrefix(subnet.cidrBlock), 1)}/32 dev ${name}`,
      // The kernel would wait up to 0.8 s before it answers ARP for others; namespaces have no default to set.
      `ntable change name arp_cache dev ${name} proxy_delay 0`,
      // The last step, so that an interface with an alias is a finished one.
      `link set dev ${name} alias ${id}`,
    );
    actual.ports.set(id, { interfaceName: name });
  }
  return [...lines, ...deliveryCommands(actual, name, intent)];
}

/** Leads exactly these IPv4 addresses to an interface. */
export function deliveryCommands(
  actual: VpcActual,
  name: string,
  intent: Pick<PortIntent, 'mac' | 'privateIpAddresses'>,
): string[] {
  const lines: string[] = [];
  const { mac, privateIpAddresses } = intent;
  for (const address of privateIpAddresses) {
    if (actual.delivered.get(address) === name) continue;
    lines.push(
      `neigh replace ${address} lladdr ${mac} dev ${name} nud permanent`,
      `route replace ${address}/32 dev ${name}`,
    );
    actual.delivered.set(address, name);
  }
  for (const [address, interfaceName] of actual.delivered) {
    if (interfaceName !== name || address.includes(':') || privateIpAddresses.includes(address)) continue;
    lines.push(`route del ${address}/32 dev ${name}`, `neigh del ${address} dev ${name}`);
    actual.delivered.delete(address);
  }
  return lines;
}

/** Deletes a port's interface; its routes go with it. */
export function removePortLinkCommands(actual: VpcActual, networkInterfaceId: string): string[] {
  const name = tapName(networkInterfaceId);
  if (actual.unfinished.delete(name)) return [`link del dev ${name}`];
  const port = actual.ports.get(networkInterfaceId);
  if (port === undefined) return [];
  for (const [address, dev] of actual.delivered) if (dev === port.interfaceName) actual.delivered.delete(address);
  actual.ports.delete(networkInterfaceId);
  actual.routers.delete(port.interfaceName);
  return [`link del dev ${port.interfaceName}`];
}

/** A delegated prefix is sixteen addresses more, all of them the interface's. */
export function withPrefixes(intent: PortIntent): PortIntent {
  const prefixes = (intent.ipv4Prefixes ?? []).flatMap(cidr => addressesOf(parsePrefix(cidr)));
  return { ...intent, privateIpAddresses: [...intent.privateIpAddresses, ...prefixes] };
}
