import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State } from '../../state/state.ts';
import { forgetSnapshot } from './delete.ts';
import { day } from './lock.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/** Ends snapshots whose time in the Recycle Bin is over. */
export function recycleController(state: State, clock: Clock): Controller {
  return {
    name: 'snapshot-recycle-bin',
    watch: ({ table, key, after }) =>
      table === snapshots.name && (after as SnapshotRow | undefined)?.recycleBin !== undefined ? [key] : [],
    initial: function* () {
      for (const { row } of state.entries(snapshots)) if (row.recycleBin !== undefined) yield row.snapshotId;
    },
    reconcile: async id => {
      const end = state.get(snapshots, id)?.recycleBin?.exitTime;
      if (end === undefined) return undefined;
      const left = end - clock.now();
      // Timers take no more than some 24 days.
      if (left > 0) return Math.min(left, day);
      state.write(tx => forgetSnapshot(tx, id));
      return undefined;
    },
  };
}
