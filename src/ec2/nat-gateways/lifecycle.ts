import { newId } from '../../api/ids.ts';
import type { WriteContext } from '../../api/operation.ts';
import type { Tx } from '../../state/state.ts';
import { setPublicIp } from '../addresses/association.ts';
import type { AddressRow } from '../addresses/model.ts';
import { addAddresses, createNetworkInterface, deleteNetworkInterface } from '../network-interfaces/lifecycle.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import type { SubnetRow } from '../subnets/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { type NatGatewayRow, natGateways } from './model.ts';
import { addressesOf } from './render.ts';

/*
 * A NAT gateway is `pending` until the fabric has it, and `deleting` until it no longer has; `controller.ts` sees to
 * both and records here what came of it. One that is gone, or failed, is shown for an hour.
 */

/** Milliseconds for which a NAT gateway that is gone is still shown. */
export const shownAfterwards = 3_600_000;

export interface WantedAddresses {
  readonly primary: string | undefined;
  readonly secondary: readonly string[];
  /** How many further addresses to choose. */
  readonly count: number;
  /** Elastic IP addresses, for as many private ones from the first. */
  readonly elastic: readonly AddressRow[];
}

/** Makes the requester-managed network interface of a NAT gateway. @throws ApiError what the allocation of addresses throws. */
export function createInterface(
  context: WriteContext,
  natGatewayId: string,
  subnet: SubnetRow,
  wanted: WantedAddresses,
): NetworkInterfaceRow {
  const { db } = context;
  const made = createNetworkInterface(context, {
    subnet,
    groupIds: [],
    description: `Interface for NAT Gateway ${natGatewayId}`,
    privateIpAddress: wanted.primary,
    secondaryPrivateIpAddresses: wanted.secondary,
    secondaryPrivateIpAddressCount: wanted.count,
    associatePublicIp: false,
  });
  let card: NetworkInterfaceRow = {
    ...made,
    status: 'in-use',
    interfaceType: 'nat_gateway',
    requesterManaged: true,
    sourceDestCheck: false,
    serviceAttachment: { attachmentId: newId('ela-attach'), natGatewayId },
  };
  db.put(networkInterfaces, card);
  for (const [index, address] of wanted.elastic.entries())
    card = mapElastic(context, card, card.privateIpAddresses[index]?.address ?? '', address);
  return card;
}

/** Gives a NAT gateway's interface further private addresses. @returns the interface as it is now. */
export function addSecondary(
  context: WriteContext,
  card: NetworkInterfaceRow,
  subnet: SubnetRow,
  wanted: Omit<WantedAddresses, 'primary'>,
): NetworkInterfaceRow {
  const before = card.privateIpAddresses.length;
  let current = addAddresses(context.db, card, subnet, {
    privateIpAddresses: wanted.secondary,
    privateIpAddressCount: wanted.count,
  });
  for (const [index, address] of wanted.elastic.entries())
    current = mapElastic(context, current, current.privateIpAddresses[before + index]?.address ?? '', address);
  return current;
}

function mapElastic(context: WriteContext, card: NetworkInterfaceRow, privateIp: string, address: AddressRow) {
  return setPublicIp(context.db, card, privateIp, {
    publicIp: address.publicIp,
    publicIpOwner: context.account,
    allocationId: address.allocationId,
    associationId: newId('eipassoc'),
  });
}

/** The fabric has it, or it has failed as was found out when it was asked for. */
export function recordCreated(tx: Tx, natGatewayId: string): void {
  const row = tx.get(natGateways, natGatewayId);
  if (row?.state !== 'pending') return;
  tx.put(natGateways, { ...row, state: row.failure === undefined ? 'available' : 'failed' });
}

/** The fabric could not make it. */
export function recordFailed(tx: Tx, natGatewayId: string): void {
  const row = tx.get(natGateways, natGatewayId);
  if (row?.state !== 'pending') return;
  const message = `Network interface ${row.networkInterfaceId ?? ''}, created and used internally by this NAT gateway is in an invalid state. Please try again.`;
  tx.put(natGateways, {
    ...withoutInterface(tx, row),
    state: 'failed',
    failure: { code: 'InternalError', message },
  });
}

/** The fabric no longer has it: its interface goes, and its Elastic IP addresses are free. */
export function recordDeleted(tx: Tx, natGatewayId: string, now: number): void {
  const row = tx.get(natGateways, natGatewayId);
  if (row?.state !== 'deleting') return;
  tx.put(natGateways, { ...withoutInterface(tx, row), state: 'deleted', deleteTime: now });
}

/** It is no longer shown. */
export function forget(tx: Tx, natGatewayId: string): void {
  tx.delete(natGateways, natGatewayId);
  removeAllTags(tx, natGatewayId);
}

function withoutInterface(tx: Tx, row: NatGatewayRow): NatGatewayRow {
  const { networkInterfaceId, ...rest } = row;
  if (networkInterfaceId === undefined) return row;
  const lastAddresses = addressesOf(tx, row);
  deleteNetworkInterface(tx, networkInterfaceId);
  return { ...rest, lastAddresses };
}
