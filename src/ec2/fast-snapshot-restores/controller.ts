import type { Clock } from '../../api/clock.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { Reader, State } from '../../state/state.ts';
import { isVisibleSnapshot } from '../snapshots/access.ts';
import { snapshots } from '../snapshots/model.ts';
import { type FastSnapshotRestoreRow, fastSnapshotRestoreKey, fastSnapshotRestores } from './model.ts';

/** For how long one that is disabled is still shown, in milliseconds. */
const shownFor = 3_600_000;

/**
 * Goes through the states of fast snapshot restores. There is nothing to do in any: volumes here read from their
 * snapshots' files from the first moment. Ids are keys of rows.
 */
export function fastSnapshotRestoreController(state: State, clock: Clock): Controller {
  return {
    name: 'fast-snapshot-restores',
    watch: ({ table, key }) => {
      if (table === fastSnapshotRestores.name) return [key];
      // It ends with the snapshot, or when that is no longer shared or usable.
      return table === snapshots.name
        ? state.by(fastSnapshotRestores, 'snapshot', key).map(fastSnapshotRestoreKey)
        : [];
    },
    initial: function* () {
      for (const { key } of state.entries(fastSnapshotRestores)) yield key;
    },
    reconcile: async key => {
      const row = state.get(fastSnapshotRestores, key);
      if (row === undefined) return undefined;
      const now = clock.now();
      if (row.state === 'disabled') {
        const end = (row.disabledTime ?? now) + shownFor;
        if (now < end) return end - now;
        state.write(tx => tx.delete(fastSnapshotRestores, key));
        return undefined;
      }
      const next = nextState(state, row, now);
      if (next !== undefined) state.write(tx => tx.put(fastSnapshotRestores, next));
      return undefined;
    },
  };
}

function nextState(db: Reader, row: FastSnapshotRestoreRow, now: number): FastSnapshotRestoreRow | undefined {
  const stateTransitionReason = 'Client.UserInitiated - Lifecycle state transition';
  if (row.state === 'disabling') return { ...row, state: 'disabled', stateTransitionReason, disabledTime: now };
  if (!isUsable(db, row)) return { ...row, state: 'disabling', stateTransitionReason, disablingTime: now };
  if (row.state === 'enabling') return { ...row, state: 'optimizing', stateTransitionReason, optimizingTime: now };
  if (row.state === 'optimizing') return { ...row, state: 'enabled', stateTransitionReason, enabledTime: now };
  return undefined;
}

function isUsable(db: Reader, { owner, snapshotId }: FastSnapshotRestoreRow): boolean {
  const snapshot = db.get(snapshots, snapshotId);
  const caller = { db, owner, account: accountOf(owner), region: regionOf(owner) };
  return snapshot !== undefined && snapshot.tiering?.storage !== 'archive' && isVisibleSnapshot(caller, snapshot);
}
