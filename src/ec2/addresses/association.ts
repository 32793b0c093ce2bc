import type { Reader, Tx } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { type NetworkInterfaceRow, networkInterfaces, type PrivateIpAddress } from '../network-interfaces/model.ts';
import type { AddressRow } from './model.ts';

export interface Association {
  readonly card: NetworkInterfaceRow;
  readonly address: PrivateIpAddress & { readonly associationId: string };
}

/** What an Elastic IP address is associated with. */
export function associationOf(db: Reader, row: Pick<AddressRow, 'publicIp'>): Association | undefined {
  const card = db.firstBy(networkInterfaces, 'publicIp', row.publicIp);
  const address = card?.privateIpAddresses.find(one => one.publicIp === row.publicIp);
  if (card === undefined || address?.associationId === undefined) return undefined;
  return { card, address: { ...address, associationId: address.associationId } };
}

/** Replaces the public address of a private one, or takes it away. @returns the interface as it is now. */
export function setPublicIp(
  tx: Tx,
  card: NetworkInterfaceRow,
  privateIp: string,
  mapping: Pick<PrivateIpAddress, 'publicIp' | 'publicIpOwner' | 'allocationId' | 'associationId'>,
): NetworkInterfaceRow {
  const changed: NetworkInterfaceRow = {
    ...card,
    privateIpAddresses: card.privateIpAddresses.map(one =>
      one.address === privateIp ? { address: one.address, primary: one.primary, ...mapping } : one,
    ),
  };
  tx.put(networkInterfaces, changed);
  mirrorPublicIp(tx, changed);
  return changed;
}

/** Ends an association; the address stays allocated. */
export function dissolve(tx: Tx, { card, address }: Association): void {
  setPublicIp(tx, card, address.address, {});
}

/** An instance shows the public address of its primary interface's primary address. */
export function mirrorPublicIp(tx: Tx, card: NetworkInterfaceRow): void {
  if (card.attachment?.deviceIndex !== 0) return;
  const instance = tx.get(instances, card.attachment.instanceId);
  if (instance === undefined) return;
  const { publicIpAddress: _old, ...rest } = instance;
  const publicIp = card.privateIpAddresses[0]?.publicIp;
  tx.put(instances, publicIp === undefined ? rest : { ...rest, publicIpAddress: publicIp });
}
