import { newId } from '../../api/ids.ts';
import type { Tx } from '../../state/state.ts';
import type { SubnetRow } from '../subnets/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { allocatePrivateAddress, allocatePublicAddress, newMacAddress } from './addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

export { renderNetworkInterface } from './render.ts';

export interface NewNetworkInterface {
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly subnet: SubnetRow;
  /** As `resolveGroups` answers them. */
  readonly groupIds: readonly string[];
  readonly description?: string | undefined;
  /** The primary address; a free one unless given. */
  readonly privateIpAddress?: string | undefined;
  /** Further addresses, wanted ones. */
  readonly secondaryPrivateIpAddresses?: readonly string[] | undefined;
  /** How many further addresses to choose. */
  readonly secondaryPrivateIpAddressCount?: number | undefined;
  /** Whether its instance wants a public address at each start; `assignPublicIp` gives it one. */
  readonly associatePublicIp: boolean;
  readonly attachment?:
    | {
        readonly instanceId: string;
        readonly deviceIndex: number;
        readonly networkCardIndex?: number | undefined;
        readonly deleteOnTermination: boolean;
      }
    | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Makes a network interface, attached when `attachment` is given.
 * @throws ApiError what `allocatePrivateAddress` throws.
 */
export function createNetworkInterface(tx: Tx, wanted: NewNetworkInterface): NetworkInterfaceRow {
  const { subnet, attachment, now } = wanted;
  const base: NetworkInterfaceRow = {
    networkInterfaceId: newId('eni'),
    owner: wanted.owner,
    vpcId: subnet.vpcId,
    subnetId: subnet.subnetId,
    availabilityZone: subnet.availabilityZone,
    macAddress: newMacAddress(tx),
    description: wanted.description ?? '',
    status: attachment === undefined ? 'available' : 'in-use',
    interfaceType: 'interface',
    requesterManaged: false,
    sourceDestCheck: true,
    groupIds: wanted.groupIds,
    privateIpAddresses: [{ address: allocatePrivateAddress(tx, subnet, wanted.privateIpAddress), primary: true }],
    ...(attachment && {
      attachment: {
        attachmentId: newId('eni-attach'),
        instanceId: attachment.instanceId,
        deviceIndex: attachment.deviceIndex,
        networkCardIndex: attachment.networkCardIndex ?? 0,
        attachTime: now,
        deleteOnTermination: attachment.deleteOnTermination,
      },
    }),
    associatePublicIp: wanted.associatePublicIp,
    createTime: now,
  };
  tx.put(networkInterfaces, base);
  const secondary: (string | undefined)[] = [
    ...(wanted.secondaryPrivateIpAddresses ?? []),
    ...Array.from({ length: wanted.secondaryPrivateIpAddressCount ?? 0 }, () => undefined),
  ];
  return secondary.reduce((row, address) => addSecondary(tx, row, subnet, address), base);
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

function addSecondary(
  tx: Tx,
  row: NetworkInterfaceRow,
  subnet: SubnetRow,
  wanted: string | undefined,
): NetworkInterfaceRow {
  const address = allocatePrivateAddress(tx, subnet, wanted);
  const changed = { ...row, privateIpAddresses: [...row.privateIpAddresses, { address, primary: false }] };
  tx.put(networkInterfaces, changed);
  return changed;
}
