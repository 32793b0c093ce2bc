import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State } from '../../state/state.ts';
import { day } from './lock.ts';
import { type SnapshotRow, type SnapshotTiering, snapshots } from './model.ts';

/**
 * Completes archivals and restores, which take no time here, and has snapshots that were restored for a time go back to
 * the archive.
 */
export function tierController(state: State, clock: Clock): Controller {
  return {
    name: 'snapshot-tiers',
    watch: ({ table, key, after }) =>
      table === snapshots.name && (after as SnapshotRow | undefined)?.tiering !== undefined ? [key] : [],
    initial: function* () {
      for (const { row } of state.entries(snapshots)) if (row.tiering !== undefined) yield row.snapshotId;
    },
    reconcile: async id => {
      const row = state.get(snapshots, id);
      if (row?.tiering === undefined) return undefined;
      const now = clock.now();
      const { status, restoreExpiryTime: expiry = Number.POSITIVE_INFINITY } = row.tiering;
      // Timers take no more than some 24 days.
      if (status === 'completed' && now < expiry)
        return expiry === Number.POSITIVE_INFINITY ? undefined : Math.min(expiry - now, day);
      state.write(tx => tx.put(snapshots, next(row, row.tiering as SnapshotTiering, now)));
      return undefined;
    },
  };
}

function next(row: SnapshotRow, tiering: SnapshotTiering, now: number): SnapshotRow {
  const { restoreDays, restoreExpiryTime: _expiry, archivalCompleteTime, ...kept } = tiering;
  if (tiering.status === 'completed') {
    // What was restored for a time leaves the standard tier; the archive has had it all along.
    return archived(row, { ...kept, ...(archivalCompleteTime !== undefined && { archivalCompleteTime }) });
  }
  const done = { ...kept, status: 'completed' } as const;
  switch (tiering.operation) {
    case 'archival':
      return archived(row, { ...done, archivalCompleteTime: now });
    case 'temporary-restore':
      return {
        ...row,
        tiering: {
          ...done,
          storage: 'standard',
          ...(archivalCompleteTime !== undefined && { archivalCompleteTime }),
          ...(restoreDays !== undefined && { restoreDays, restoreExpiryTime: now + restoreDays * day }),
        },
      };
    case 'permanent-restore':
      return { ...row, tiering: { ...done, storage: 'standard' } };
  }
}

/** A snapshot in the archive is no longer shared. */
function archived(row: SnapshotRow, tiering: SnapshotTiering): SnapshotRow {
  const { createVolumePermissions: _accounts, public: _public, ...rest } = row;
  return { ...rest, tiering: { ...tiering, storage: 'archive' } };
}
