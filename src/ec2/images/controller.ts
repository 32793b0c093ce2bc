import type { Controller } from '../../controllers/controllers.ts';
import type { Reader, State, Tx } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { releaseCut } from '../snapshots/cut.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { type ImageRow, images } from './model.ts';

/**
 * Makes pending AMIs available when their snapshots are complete, or failed with the reason when one cannot be made, and
 * sees to it that snapshots that wait for a reboot do not wait for ever.
 */
export function imageController(state: State): Controller {
  return {
    name: 'images',
    watch: ({ table, key, after }) => {
      if (table === images.name) return (after as ImageRow | undefined)?.state === 'pending' ? [key] : [];
      if (table !== snapshots.name) return [];
      return state.by(images, 'snapshot', key).flatMap(row => (row.state === 'pending' ? [row.imageId] : []));
    },
    initial: function* () {
      for (const row of state.by(images, 'pending', 'yes')) yield row.imageId;
    },
    reconcile: async imageId => state.write(tx => step(tx, imageId)),
  };
}

/** Milliseconds between looks at an instance that is to be rebooted. */
const lookAgain = 1_000;

function step(tx: Tx, imageId: string): number | undefined {
  const row = tx.get(images, imageId);
  if (row?.state !== 'pending') return undefined;
  const parts = row.blockDevices.flatMap(device => device.snapshotId ?? []);
  const failure = failureOf(tx, parts);
  if (failure !== undefined) {
    const { rebooting: _rebooting, ...rest } = row;
    tx.put(images, { ...rest, state: 'failed', stateReason: { code: 'Server.InternalError', message: failure } });
    return undefined;
  }
  const rows = parts.flatMap(id => tx.get(snapshots, id) ?? []);
  if (row.rebooting !== undefined) {
    if (rows.some(isUncut)) return waitForReboot(tx, row, row.rebooting);
    const { rebooting: _rebooting, ...rest } = row;
    tx.put(images, rest);
    return undefined;
  }
  if (rows.every(one => one.state === 'completed')) tx.put(images, { ...row, state: 'available' });
  return undefined;
}

function failureOf(db: Reader, snapshotIds: readonly string[]): string | undefined {
  for (const id of snapshotIds) {
    const row = db.get(snapshots, id);
    if (row === undefined) return `The snapshot ${id} was deleted`;
    if (row.state === 'error') return `The snapshot ${id} failed: ${row.stateMessage ?? 'unknown reason'}`;
  }
  return undefined;
}

function isUncut({ making }: SnapshotRow): boolean {
  return making?.kind === 'cut';
}

/** The instance's controller releases the cut when the machine is down. It may have ended in another way since. */
function waitForReboot(tx: Tx, row: ImageRow, instanceId: string): number | undefined {
  const instance = tx.get(instances, instanceId);
  switch (instance?.state) {
    case 'running':
      if (instance.wanted === undefined) tx.put(instances, { ...instance, wanted: 'reboot' });
      return lookAgain;
    case 'pending':
    case 'stopping':
      return lookAgain;
    default:
      releaseImage(tx, row);
      return undefined;
  }
}

/** Has the snapshots of an AMI be cut now. */
export function releaseImage(tx: Tx, row: ImageRow): void {
  releaseCut(
    tx,
    row.blockDevices.flatMap(device => device.snapshotId ?? []),
  );
}

/**
 * Called while the machine of an instance is down for a reboot: has the volumes be cut for the AMIs that wait for it.
 * @returns whether it may start again
 */
export function cutForReboot(state: State, instanceId: string): boolean {
  if (state.countBy(images, 'rebooting', instanceId) === 0) return true;
  return state.write(tx => {
    for (const row of tx.by(images, 'rebooting', instanceId)) releaseImage(tx, row);
    return false;
  });
}
