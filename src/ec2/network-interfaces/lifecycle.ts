import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import type { WriteContext } from '../../api/operation.ts';
import type { Tx } from '../../state/state.ts';
import type { SubnetRow } from '../subnets/model.ts';
import { addTags, removeAllTags, type Tags } from '../tags/model.ts';
import {
  allocateIpv4Prefix,
  allocateIpv6Address,
  allocateIpv6Prefix,
  allocatePrivateAddress,
  allocatePublicAddress,
  newMacAddress,
} from './addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

export { renderNetworkInterface } from './render.ts';

type Context = Pick<WriteContext, 'db' | 'owner' | 'now'>;

export interface NewAttachment {
  readonly instanceId: string;
  readonly deviceIndex: number;
  readonly networkCardIndex?: number | undefined;
  readonly deleteOnTermination: boolean;
}

export interface NewNetworkInterface extends Omit<NewAddresses, 'privateIpAddresses' | 'privateIpAddressCount'> {
  readonly subnet: SubnetRow;
  /** As `resolveGroups` answers them. */
  readonly groupIds: readonly string[];
  readonly description?: string | undefined;
  readonly interfaceType?: NetworkInterfaceRow['interfaceType'] | undefined;
  /** The primary address; a free one unless given. */
  readonly privateIpAddress?: string | undefined;
  /** Further addresses, wanted ones. */
  readonly secondaryPrivateIpAddresses?: readonly string[] | undefined;
  /** How many further addresses to choose. */
  readonly secondaryPrivateIpAddressCount?: number | undefined;
  /** Whether the first IPv6 address is to stay. */
  readonly primaryIpv6?: boolean | undefined;
  /** Whether its instance wants a public address at each start; `assignPublicIp` gives it one. */
  readonly associatePublicIp: boolean;
  readonly attachment?: NewAttachment | undefined;
  readonly tags?: Tags | undefined;
}

/**
 * Makes a network interface of the caller, attached when `attachment` is given.
 * @throws ApiError what `allocatePrivateAddress` throws.
 */
export function createNetworkInterface(context: Context, wanted: NewNetworkInterface): NetworkInterfaceRow {
  const { db, owner, now } = context;
  const { subnet } = wanted;
  const base: NetworkInterfaceRow = {
    networkInterfaceId: newId('eni'),
    owner,
    vpcId: subnet.vpcId,
    subnetId: subnet.subnetId,
    availabilityZone: subnet.availabilityZone,
    macAddress: newMacAddress(db),
    description: wanted.description ?? '',
    status: 'available',
    interfaceType: wanted.interfaceType ?? 'interface',
    requesterManaged: false,
    sourceDestCheck: true,
    groupIds: wanted.groupIds,
    privateIpAddresses: [{ address: allocatePrivateAddress(db, subnet, wanted.privateIpAddress), primary: true }],
    associatePublicIp: wanted.associatePublicIp,
    createTime: now,
  };
  db.put(networkInterfaces, base);
  const added = addAddresses(db, base, subnet, {
    ...wanted,
    privateIpAddresses: wanted.secondaryPrivateIpAddresses,
    privateIpAddressCount: wanted.secondaryPrivateIpAddressCount,
  });
  const row = wanted.primaryIpv6 === true ? enablePrimaryIpv6(db, added) : added;
  const resource = { resourceId: row.networkInterfaceId, resourceType: 'network-interface', owner };
  addTags(db, resource, wanted.tags ?? {});
  return wanted.attachment === undefined ? row : attachNetworkInterface(context, row, wanted.attachment);
}

/**
 * Makes the first IPv6 address one that stays. @returns the row as it is now.
 * @throws ApiError `InvalidParameterValue` without an IPv6 address.
 */
export function enablePrimaryIpv6(tx: Tx, row: NetworkInterfaceRow): NetworkInterfaceRow {
  if ((row.ipv6Addresses ?? []).length === 0) {
    throw new ApiError(
      'InvalidParameterValue',
      `A primary IPv6 address needs an IPv6 address; ${row.networkInterfaceId} has none. Assign one first.`,
    );
  }
  const changed: NetworkInterfaceRow = { ...row, primaryIpv6: true };
  tx.put(networkInterfaces, changed);
  return changed;
}

/**
 * Attaches an interface to an instance.
 * @returns the row as it is now.
 * @throws ApiError `InvalidNetworkInterface.InUse`
 */
export function attachNetworkInterface(
  context: Pick<Context, 'db' | 'now'>,
  row: NetworkInterfaceRow,
  attachment: NewAttachment,
): NetworkInterfaceRow {
  if (row.attachment !== undefined) {
    throw new ApiError('InvalidNetworkInterface.InUse', `Interface: [${row.networkInterfaceId}] in use.`);
  }
  const changed: NetworkInterfaceRow = {
    ...row,
    status: 'in-use',
    attachment: {
      attachmentId: newId('eni-attach'),
      instanceId: attachment.instanceId,
      deviceIndex: attachment.deviceIndex,
      networkCardIndex: attachment.networkCardIndex ?? 0,
      attachTime: context.now,
      deleteOnTermination: attachment.deleteOnTermination,
    },
  };
  context.db.put(networkInterfaces, changed);
  return changed;
}

/** Detaches an interface, which stays. @returns the row as it is now. */
export function detachNetworkInterface(tx: Tx, row: NetworkInterfaceRow): NetworkInterfaceRow {
  const { attachment: _attachment, primaryIpv6: _primary, ...rest } = row;
  const changed: NetworkInterfaceRow = { ...rest, status: 'available' };
  tx.put(networkInterfaces, changed);
  return changed;
}

/** Removes a network interface with its tags; its addresses are free again. Nothing happens when it is gone. */
export function deleteNetworkInterface(tx: Tx, networkInterfaceId: string): void {
  tx.delete(networkInterfaces, networkInterfaceId);
  removeAllTags(tx, networkInterfaceId);
}

/**
 * Gives the primary private address a public one from the pool, unless it has one.
 * @returns the row as it is now.
 * @throws ApiError `InsufficientAddressCapacity`
 */
export function assignPublicIp(tx: Tx, row: NetworkInterfaceRow, poolCidr: string): NetworkInterfaceRow {
  if (row.privateIpAddresses[0]?.publicIp !== undefined) return row;
  const publicIp = allocatePublicAddress(tx, poolCidr);
  const changed: NetworkInterfaceRow = {
    ...row,
    privateIpAddresses: row.privateIpAddresses.map(one =>
      one.primary ? { ...one, publicIp, publicIpOwner: 'amazon' } : one,
    ),
  };
  tx.put(networkInterfaces, changed);
  return changed;
}

/** Gives back auto-assigned public addresses, as a stop does; Elastic ones stay. @returns the row as it is now. */
export function releasePublicIp(tx: Tx, row: NetworkInterfaceRow): NetworkInterfaceRow {
  if (!row.privateIpAddresses.some(one => one.publicIpOwner === 'amazon')) return row;
  const changed: NetworkInterfaceRow = {
    ...row,
    privateIpAddresses: row.privateIpAddresses.map(one =>
      one.publicIpOwner === 'amazon' ? { address: one.address, primary: one.primary } : one,
    ),
  };
  tx.put(networkInterfaces, changed);
  return changed;
}

export interface NewAddresses {
  readonly privateIpAddresses?: readonly string[] | undefined;
  readonly privateIpAddressCount?: number | undefined;
  readonly ipv4Prefixes?: readonly string[] | undefined;
  readonly ipv4PrefixCount?: number | undefined;
  readonly ipv6Addresses?: readonly string[] | undefined;
  readonly ipv6AddressCount?: number | undefined;
  readonly ipv6Prefixes?: readonly string[] | undefined;
  readonly ipv6PrefixCount?: number | undefined;
}

/**
 * Gives an interface further addresses and prefixes: those that are named, and as many as are counted.
 * @returns the row as it is now.
 * @throws ApiError what the allocations throw.
 */
export function addAddresses(
  tx: Tx,
  row: NetworkInterfaceRow,
  subnet: SubnetRow,
  wanted: NewAddresses,
): NetworkInterfaceRow {
  let current = row;
  // Each is put before the next is chosen, so that no two are the same.
  const put = (changed: NetworkInterfaceRow) => {
    tx.put(networkInterfaces, changed);
    current = changed;
  };
  for (const one of named(wanted.privateIpAddresses, wanted.privateIpAddressCount)) {
    const address = allocatePrivateAddress(tx, subnet, one);
    put({ ...current, privateIpAddresses: [...current.privateIpAddresses, { address, primary: false }] });
  }
  for (const one of named(wanted.ipv4Prefixes, wanted.ipv4PrefixCount))
    put({ ...current, ipv4Prefixes: [...(current.ipv4Prefixes ?? []), allocateIpv4Prefix(tx, subnet, one)] });
  for (const one of named(wanted.ipv6Addresses, wanted.ipv6AddressCount))
    put({ ...current, ipv6Addresses: [...(current.ipv6Addresses ?? []), allocateIpv6Address(tx, subnet, one)] });
  for (const one of named(wanted.ipv6Prefixes, wanted.ipv6PrefixCount))
    put({ ...current, ipv6Prefixes: [...(current.ipv6Prefixes ?? []), allocateIpv6Prefix(tx, subnet, one)] });
  return current;
}

function named(wanted: readonly string[] = [], count = 0): (string | undefined)[] {
  return [...wanted, ...Array.from({ length: count }, () => undefined)];
}
