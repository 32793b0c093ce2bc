import type { NatGatewayIntent, PortIntent } from '../../engine.ts';
import { tapName } from '../names.ts';
import { families, groupChain, isMembersSet, membersSet } from './group-firewall.ts';
import { subnetTable } from './layout.ts';
import { type OwnIpv6, ownIpv6 } from './port-ipv6.ts';
import type { Elements } from './ruleset.ts';
import type { Transaction } from './transaction.ts';
import { ensureZones } from './vpc-firewall.ts';

/** A port's part of the firewall: its elements in the VPC's sets and a chain of its groups for each direction. */

/** What of a port the sets know. */
type PortAddresses = Pick<
  PortIntent,
  | 'networkInterfaceId'
  | 'subnetId'
  | 'mac'
  | 'privateIpAddresses'
  | 'publicIpAddresses'
  | 'sourceDestCheck'
  | 'metadataHopLimit'
  | 'metadataIpv6'
> & { readonly ipv6: OwnIpv6 };

export function portChain(networkInterfaceId: string, direction: 'in' | 'out'): string {
  return `${networkInterfaceId}-${direction}`;
}

function hopLimitChain(limit: number): string {
  return `ttl-${limit}`;
}

function set(keys: readonly string[]): Elements {
  return new Map(keys.map(key => [key, '']));
}

/** Private and IPv6 addresses, and delegated IPv6 prefixes, that the firewall knows as this interface's. */
export function addressesOf(transaction: Transaction, tap: string): string[] {
  return ['destinations', 'destinations6', 'prefixes'].flatMap(set =>
    [...transaction.elements(`inet ${set}`).keys()].flatMap(key => {
      const [name, address] = key.split(' . ');
      return name === tap && address !== undefined ? [address] : [];
    }),
  );
}

/** A conntrack zone that no other port of the VPC has. */
function zoneOf(transaction: Transaction, tap: string): string {
  const zones = transaction.elements('inet zones');
  const known = zones.get(tap);
  if (known !== undefined) return known;
  const taken = new Set(zones.values());
  let zone = 1 + (subnetTable(tap) % 65_534);
  while (taken.has(String(zone))) zone = 1 + (zone % 65_534);
  return String(zone);
}

/** Sets whose keys begin with the interface, and what a port has in them. */
function byInterface(intent: PortAddresses): Record<string, Elements> {
  const tap = tapName(intent.networkInterfaceId);
  const { mac, privateIpAddresses: addresses, ipv6 } = intent;
  const checked = intent.sourceDestCheck;
  const bindings = (list: readonly string[]) => set(checked ? list.map(address => `${tap} . ${mac} . ${address}`) : []);
  const destinations = (list: readonly string[]) => set(list.map(address => `${tap} . ${address}`));
  return {
    'inet bindings': bindings(addresses),
    'inet bindings6': bindings(ipv6.addresses),
    'inet prefix_bindings': bindings(ipv6.prefixes),
    'inet unchecked': set(checked ? [] : [`${tap} . ${mac}`]),
    'inet macs': set([`${tap} . ${mac}`]),
    // nft reads and writes raw header bytes as a number.
    'inet dhcp_clients': set([`${tap} . ${Number.parseInt(mac.replaceAll(':', ''), 16)}`]),
    'inet destinations': destinations(addresses),
    'inet destinations6': destinations(ipv6.addresses),
    'inet prefixes': destinations(ipv6.prefixes),
    'inet metadata6': set(intent.metadataIpv6 === true ? [tap] : []),
    'inet subnets': new Map([[tap, String(subnetTable(intent.subnetId))]]),
    'inet neighbours': set([`${tap} . ${subnetTable(intent.subnetId)}`]),
    'inet forwarders': set(checked ? [] : [tap]),
    'inet transits': set(checked ? [] : [tap]),
    'inet egress': new Map([[tap, `goto ${portChain(intent.networkInterfaceId, 'out')}`]]),
    'inet ingress': new Map([[tap, `goto ${portChain(intent.networkInterfaceId, 'in')}`]]),
    // A guest that probes whether an address is taken has none yet (RFC 5227).
    'arp bindings': set(['0.0.0.0', ...addresses].map(address => `${tap} . ${mac} . ${mac} . ${address}`)),
  };
}

/** Sets that know addresses only. */
function byAddress(intent: PortAddresses): Record<string, Elements> {
  const mappings = Object.entries(intent.publicIpAddresses);
  const limited = (list: readonly string[]) =>
    new Map(list.map(address => [address, `goto ${hopLimitChain(intent.metadataHopLimit)}`]));
  return {
    'inet hop_limits': limited(intent.privateIpAddresses),
    'inet hop_limits6': limited([...intent.ipv6.addresses, ...intent.ipv6.prefixes]),
    'inet public_to_private': new Map(mappings.map(([privateIp, publicIp]) => [publicIp, privateIp])),
    'inet private_to_public': new Map(mappings),
    'inet mappings': set(mappings.map(([privateIp, publicIp]) => `${privateIp} . ${publicIp}`)),
  };
}

/** Picks the elements of a port: by interface, and by any of its addresses wherever they stand. */
function ownership(tap: string, addresses: Iterable<string>): (key: string, value: string) => boolean {
  const own = new Set(addresses);
  return (key, value) => {
    const parts = key.split(' . ');
    return parts[0] === tap || own.has(value) || parts.some(part => own.has(part));
  };
}

/** Puts a port's elements into the sets; returns what picks its elements in other sets. */
function setElements(transaction: Transaction, intent: PortAddresses, changes: Record<string, Elements>) {
  const { addresses: ipv6Addresses, prefixes } = intent.ipv6;
  const addresses = [
    ...addressesOf(transaction, tapName(intent.networkInterfaceId)),
    ...intent.privateIpAddresses,
    ...ipv6Addresses,
    ...prefixes,
  ];
  const publicAddresses = Object.values(intent.publicIpAddresses);
  const tap = tapName(intent.networkInterfaceId);
  const zones = { 'inet zones': new Map([[tap, zoneOf(transaction, tap)]]) };
  const owned = ownership(tapName(intent.networkInterfaceId), [...addresses, ...publicAddresses]);
  for (const [name, elements] of Object.entries({
    ...byAddress(intent),
    ...byInterface(intent),
    ...zones,
    ...changes,
  })) {
    transaction.replaceElements(name, owned, elements);
  }
  return owned;
}

/** A NAT gateway has no security group: what may reach it, may pass. */
export function ensureNatGatewayFirewall(transaction: Transaction, intent: NatGatewayIntent): void {
  const tap = tapName(intent.networkInterfaceId);
  setElements(
    transaction,
    { ...intent, sourceDestCheck: false, metadataHopLimit: 1, ipv6: { addresses: [], prefixes: [] } },
    {
      'inet hop_limits': new Map(),
      'inet forwarders': new Map(),
      'inet egress': new Map([[tap, 'goto to_port']]),
      'inet ingress': new Map([[tap, 'accept']]),
    },
  );
}

/** Both gates of a peering connection's interfaces stand open: each VPC judges at its own ports. */
export function setPeeringLinks(transaction: Transaction, links: readonly string[]): void {
  const isLink = (key: string) => key.startsWith('p');
  transaction.replaceElements('inet transits', isLink, set(links));
  transaction.replaceElements('inet egress', isLink, new Map(links.map(link => [link, 'goto to_port'])));
  transaction.replaceElements('inet ingress', isLink, new Map(links.map(link => [link, 'accept'])));
}

/**
 * Makes the firewall know the port as `intent` has it, and takes away what it had before, also from other ports that
 * had one of its addresses. Groups must be there.
 */
export function ensurePortFirewall(transaction: Transaction, intent: PortIntent): void {
  const id = intent.networkInterfaceId;
  const limit = intent.metadataHopLimit;
  transaction.ensureChain(hopLimitChain(limit), [`ip ttl set ${limit}`, `ip6 hoplimit set ${limit}`]);
  for (const direction of ['in', 'out'] as const) {
    const jumps = [...new Set(intent.groupIds)].sort().map(groupId => `jump ${groupChain(groupId, direction)}`);
    transaction.ensureChain(portChain(id, direction), [...jumps, 'drop']);
  }
  const ipv6 = ownIpv6(intent);
  const owned = setElements(transaction, { ...intent, ipv6 }, {});
  ensureZones(transaction);
  const addresses = { '': intent.privateIpAddresses, '6': [...ipv6.addresses, ...ipv6.prefixes] } as const;
  const memberships = new Map<string, readonly string[]>(
    families.flatMap(family =>
      intent.groupIds.map(groupId => [`inet ${membersSet(groupId, family)}`, addresses[family]] as const),
    ),
  );
  for (const name of transaction.ruleset.sets.keys()) {
    if (isMembersSet(name)) transaction.replaceElements(name, owned, set(memberships.get(name) ?? []));
  }
}

/** Takes everything of an interface out of the sets. */
export function removeInterfaceFirewall(transaction: Transaction, interfaceName: string): void {
  const owned = ownership(interfaceName, addressesOf(transaction, interfaceName));
  for (const name of transaction.ruleset.sets.keys()) transaction.replaceElements(name, owned, new Map());
}

export function removePortFirewall(transaction: Transaction, networkInterfaceId: string): void {
  removeInterfaceFirewall(transaction, tapName(networkInterfaceId));
  ensureZones(transaction);
  transaction.removeChains([portChain(networkInterfaceId, 'in'), portChain(networkInterfaceId, 'out')]);
}
