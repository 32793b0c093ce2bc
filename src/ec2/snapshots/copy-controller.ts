import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import { type DiskDriver, EngineError } from '../../engine/engine.ts';
import { KeyUnavailableError } from '../../kms/data-keys.ts';
import type { State } from '../../state/state.ts';
import { keyMessage } from '../ebs-encryption/state-reasons.ts';
import { type SnapshotRow, snapshots } from './model.ts';
import { recordCompleted, recordFailed, recordProgress } from './outcomes.ts';

/** After this many failures a copy ends in the state `error`. */
const attempts = 5;

/** Copies snapshots. What was not copied to its end when the server ended is copied again. */
export function copyController(state: State, disks: DiskDriver, clock: Clock): Controller {
  const isCopy = (row: object | undefined): boolean => (row as SnapshotRow | undefined)?.making?.kind === 'copy';
  return {
    name: 'snapshot-copies',
    // More of them at once are not faster, and would leave less of the disk to those who work.
    concurrency: 2,
    watch: change => (change.table === snapshots.name && isCopy(change.after) ? [change.key] : []),
    initial: function* () {
      for (const { row } of state.entries(snapshots)) if (isCopy(row)) yield row.snapshotId;
    },
    reconcile: async snapshotId => {
      const row = state.get(snapshots, snapshotId);
      if (row?.making?.kind !== 'copy') return undefined;
      const { sourceId } = row.making;
      const source = state.get(snapshots, sourceId);
      if (source?.sourceFile !== undefined) await disks.ensureSnapshotFromFile(sourceId, source.sourceFile);
      await disks.ensureSnapshotCopy(
        snapshotId,
        { snapshotId: sourceId },
        { progress: done => recordProgress(state, snapshotId, done) },
      );
      const { full } = await disks.snapshotBytes(snapshotId);
      // It was deleted meanwhile.
      if (state.get(snapshots, snapshotId) === undefined) await disks.removeSnapshot(snapshotId);
      else state.write(tx => recordCompleted(tx, snapshotId, clock.now(), full));
      return undefined;
    },
    failed: (snapshotId, error, attempt) => {
      const isLocked = error instanceof KeyUnavailableError;
      const isFinal = isLocked || (error instanceof EngineError && error.code === 'NotFound');
      if (!isFinal && attempt < attempts) return;
      const message = error instanceof Error ? error.message : String(error);
      state.write(tx => recordFailed(tx, snapshotId, isLocked ? keyMessage : message));
    },
  };
}
