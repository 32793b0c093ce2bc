import type { Tx } from '../../state/state.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { attachNetworkInterface, detachNetworkInterface } from './lifecycle.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

/*
 * Interfaces that come and go while their instance is there. With a machine that runs, an interface is `attaching` until
 * it is plugged in, and `detaching` until the guest has let go of it; `controller.ts` does both.
 */

/** States in which there is, or may be, a machine that an interface is plugged into. */
const withMachine: readonly InstanceRow['state'][] = ['pending', 'running', 'stopping', 'shutting-down'];

/** @returns the interface as it is now. */
export function attachToInstance(
  context: { readonly db: Tx; readonly owner: string; readonly now: number },
  row: NetworkInterfaceRow,
  instance: InstanceRow,
  deviceIndex: number,
): NetworkInterfaceRow {
  const { db } = context;
  const attached = attachNetworkInterface(context, row, {
    instanceId: instance.instanceId,
    deviceIndex,
    deleteOnTermination: false,
  });
  const changed: NetworkInterfaceRow = instance.state === 'running' ? { ...attached, status: 'attaching' } : attached;
  db.put(networkInterfaces, changed);
  const index = (id: string) => db.get(networkInterfaces, id)?.attachment?.deviceIndex ?? 0;
  const networkInterfaceIds = [...instance.networkInterfaceIds, row.networkInterfaceId].sort(
    (a, b) => index(a) - index(b),
  );
  db.put(instances, { ...instance, networkInterfaceIds });
  return changed;
}

/** Begins to detach an interface, or does it where no machine has it. */
export function detachFromInstance(tx: Tx, row: NetworkInterfaceRow, force: boolean): void {
  const instance = tx.get(instances, row.attachment?.instanceId ?? '');
  if (instance === undefined || !withMachine.includes(instance.state) || row.attachment === undefined) {
    recordDetached(tx, row.networkInterfaceId);
    return;
  }
  const attachment = force ? { ...row.attachment, forceDetach: true } : row.attachment;
  tx.put(networkInterfaces, { ...row, status: 'detaching', attachment });
}

/** The machine has the interface. */
export function recordAttached(tx: Tx, networkInterfaceId: string): void {
  const row = tx.get(networkInterfaces, networkInterfaceId);
  if (row?.status === 'attaching') tx.put(networkInterfaces, { ...row, status: 'in-use' });
}

/** No machine has the interface any more. */
export function recordDetached(tx: Tx, networkInterfaceId: string): void {
  const row = tx.get(networkInterfaces, networkInterfaceId);
  if (row?.attachment === undefined) return;
  const instance = tx.get(instances, row.attachment.instanceId);
  if (instance !== undefined) {
    const networkInterfaceIds = instance.networkInterfaceIds.filter(id => id !== networkInterfaceId);
    tx.put(instances, { ...instance, networkInterfaceIds });
  }
  detachNetworkInterface(tx, row);
}
