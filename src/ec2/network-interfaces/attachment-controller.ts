import type { Controller } from '../../controllers/controllers.ts';
import type { Engine } from '../../engine/engine.ts';
import type { State } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { recordAttached, recordDetached } from './attachments.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';
import type { Network } from './network.ts';

/** Plugs interfaces into machines that run, and takes them out. Ids are those of interfaces. */
export function attachmentController(
  state: State,
  machines: Engine['machines'],
  network: Network | undefined,
): Controller {
  const isChanging = (row: NetworkInterfaceRow | undefined) =>
    row?.status === 'attaching' || row?.status === 'detaching';
  return {
    name: 'network-interface-attachments',
    watch: change => {
      if (change.table === networkInterfaces.name)
        return isChanging(change.after as NetworkInterfaceRow | undefined) ? [change.key] : [];
      // A machine that ends has let go of everything.
      if (change.table !== instances.name) return [];
      return state
        .by(networkInterfaces, 'instance', change.key)
        .flatMap(row => (isChanging(row) ? [row.networkInterfaceId] : []));
    },
    initial: function* () {
      for (const { row } of state.entries(networkInterfaces)) if (isChanging(row)) yield row.networkInterfaceId;
    },
    reconcile: async id => {
      const row = state.get(networkInterfaces, id);
      if (row?.attachment === undefined) return undefined;
      const { instanceId, deviceIndex } = row.attachment;
      const running = state.get(instances, instanceId)?.state === 'running';
      if (row.status === 'attaching') {
        await network?.reconcileInterface(row.vpcId, id);
        if (running) {
          const nic = { networkInterfaceId: id, vpcId: row.vpcId, mac: row.macAddress, deviceIndex };
          await machines.attachNic(instanceId, nic);
        }
        // Without a machine it is part of what the next start builds.
        state.write(tx => recordAttached(tx, id));
      }
      if (row.status === 'detaching') {
        await machines.detachNic(instanceId, id, { force: row.attachment.forceDetach === true });
        await network?.unplug(row.vpcId, id);
        state.write(tx => recordDetached(tx, id));
      }
      return undefined;
    },
  };
}
