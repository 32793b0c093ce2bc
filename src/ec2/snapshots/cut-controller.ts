import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import { KeyUnavailableError } from '../../kms/data-keys.ts';
import type { State } from '../../state/state.ts';
import { keyMessage } from '../ebs-encryption/state-reasons.ts';
import { ensureDisk } from '../volumes/disks.ts';
import { volumes } from '../volumes/model.ts';
import { type SnapshotRow, snapshots } from './model.ts';
import { recordCompleted, recordFailed } from './outcomes.ts';

/** After this many failures the snapshots of a cut end in the state `error`. */
const attempts = 5;

/**
 * Takes snapshots of volumes, those with the same `cutId` at one instant. Ids are these. Whatever was asked for and not
 * made when the server ended is made when it starts again.
 */
export function cutController(state: State, disks: DiskDriver, clock: Clock): Controller {
  const cutOf = (row: object | undefined): string[] => {
    const { making } = (row ?? {}) as Partial<SnapshotRow>;
    return making?.kind === 'cut' && making.held === undefined ? [making.cutId] : [];
  };
  const failAll = (cutId: string, message: string) =>
    state.write(tx => {
      for (const row of tx.by(snapshots, 'cut', cutId)) recordFailed(tx, row.snapshotId, message);
    });
  return {
    name: 'snapshot-cuts',
    watch: change => (change.table === snapshots.name ? cutOf(change.after) : []),
    initial: function* () {
      for (const { row } of state.entries(snapshots)) yield* cutOf(row);
    },
    reconcile: async cutId => {
      const rows = state.by(snapshots, 'cut', cutId);
      if (rows.length === 0) return undefined;
      const gone = rows.find(row => state.get(volumes, row.volumeId) === undefined);
      if (gone !== undefined) {
        failAll(cutId, `the volume ${gone.volumeId} no longer exists`);
        return undefined;
      }
      await Promise.all(rows.map(row => ensureDisk(state, disks, row.volumeId)));
      await disks.ensureSnapshots(rows.map(({ snapshotId, volumeId }) => ({ snapshotId, volumeId })));
      for (const { snapshotId } of rows) {
        const { full } = await disks.snapshotBytes(snapshotId);
        // It was deleted meanwhile.
        if (state.get(snapshots, snapshotId) === undefined) await disks.removeSnapshot(snapshotId);
        else state.write(tx => recordCompleted(tx, snapshotId, clock.now(), full));
      }
      return undefined;
    },
    failed: (cutId, error, attempt) => {
      if (error instanceof KeyUnavailableError) failAll(cutId, keyMessage);
      else if (attempt >= attempts) failAll(cutId, error instanceof Error ? error.message : String(error));
    },
  };
}
