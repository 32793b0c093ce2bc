import type { PortIntent } from '../../engine.ts';
import { tapName } from '../names.ts';
import { groupChain, membersSet } from './group-firewall.ts';
import { subnetTable } from './layout.ts';
import type { Elements } from './ruleset.ts';
import type { Transaction } from './transaction.ts';

/** A port's part of the firewall: its elements in the VPC's sets and a chain of its groups for each direction. */

export function portChain(networkInterfaceId: string, direction: 'in' | 'out'): string {
  return `${networkInterfaceId}-${direction}`;
}

function hopLimitChain(limit: number): string {
  return `ttl-${limit}`;
}

function set(keys: readonly string[]): Elements {
  return new Map(keys.map(key => [key, '']));
}

/** Private addresses that the firewall knows as this port's. */
export function addressesOf(transaction: Transaction, networkInterfaceId: string): string[] {
  const tap = tapName(networkInterfaceId);
  return [...transaction.elements('inet destinations').keys()].flatMap(key => {
    const [name, address] = key.split(' . ');
    return name === tap && address !== undefined ? [address] : [];
  });
}

/** Sets whose keys begin with the interface, and what a port has in them. */
function byInterface(intent: PortIntent): Record<string, Elements> {
  const tap = tapName(intent.networkInterfaceId);
  const { mac, privateIpAddresses: addresses } = intent;
  const checked = intent.sourceDestCheck;
  return {
    'inet bindings': set(checked ? addresses.map(address => `${tap} . ${mac} . ${address}`) : []),
    'inet unchecked': set(checked ? [] : [`${tap} . ${mac}`]),
    'inet macs': set([`${tap} . ${mac}`]),
    // nft reads and writes raw header bytes as a number.
    'inet dhcp_clients': set([`${tap} . ${Number.parseInt(mac.replaceAll(':', ''), 16)}`]),
    'inet destinations': set(addresses.map(address => `${tap} . ${address}`)),
    'inet subnets': new Map([[tap, String(subnetTable(intent.subnetId))]]),
    'inet egress': new Map([[tap, `goto ${portChain(intent.networkInterfaceId, 'out')}`]]),
    'inet ingress': new Map([[tap, `goto ${portChain(intent.networkInterfaceId, 'in')}`]]),
    // A guest that probes whether an address is taken has none yet (RFC 5227).
    'arp bindings': set(['0.0.0.0', ...addresses].map(address => `${tap} . ${mac} . ${mac} . ${address}`)),
  };
}

/** Sets that know addresses only. */
function byAddress(intent: PortIntent): Record<string, Elements> {
  const mappings = Object.entries(intent.publicIpAddresses);
  return {
    'inet hop_limits': new Map(
      intent.privateIpAddresses.map(address => [address, `goto ${hopLimitChain(intent.metadataHopLimit)}`]),
    ),
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

/**
 * Makes the firewall know the port as `intent` has it, and takes away what it had before, also from other ports that
 * had one of its addresses. Groups must be there.
 */
export function ensurePortFirewall(transaction: Transaction, intent: PortIntent): void {
  const id = intent.networkInterfaceId;
  const limit = hopLimitChain(intent.metadataHopLimit);
  transaction.ensureChain(limit, [`ip ttl set ${intent.metadataHopLimit}`]);
  for (const direction of ['in', 'out'] as const) {
    const jumps = [...new Set(intent.groupIds)].sort().map(groupId => `jump ${groupChain(groupId, direction)}`);
    transaction.ensureChain(portChain(id, direction), [...jumps, 'drop']);
  }
  const addresses = new Set([...addressesOf(transaction, id), ...intent.privateIpAddresses]);
  const publicAddresses = Object.values(intent.publicIpAddresses);
  const owned = ownership(tapName(id), [...addresses, ...publicAddresses]);
  for (const [name, elements] of Object.entries({ ...byAddress(intent), ...byInterface(intent) })) {
    transaction.replaceElements(name, owned, elements);
  }
  const memberships = new Set(intent.groupIds.map(groupId => `inet ${membersSet(groupId)}`));
  for (const name of transaction.ruleset.sets.keys()) {
    if (!name.startsWith('inet members-')) continue;
    transaction.replaceElements(name, owned, set(memberships.has(name) ? intent.privateIpAddresses : []));
  }
}

export function removePortFirewall(transaction: Transaction, networkInterfaceId: string): void {
  const owned = ownership(tapName(networkInterfaceId), addressesOf(transaction, networkInterfaceId));
  for (const name of transaction.ruleset.sets.keys()) transaction.replaceElements(name, owned, new Map());
  transaction.removeChains([portChain(networkInterfaceId, 'in'), portChain(networkInterfaceId, 'out')]);
}
