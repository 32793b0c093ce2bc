import type { Controller } from '../../controllers/controllers.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { volumes } from '../volumes/model.ts';
import { snapshots } from './model.ts';

/** Hands the files of published snapshots to the engine before anybody needs them, and takes away deleted ones. */
export function snapshotController(db: Reader, disks: DiskDriver): Controller {
  return {
    name: 'snapshots',
    watch: change => (change.table === snapshots.name ? [change.key] : []),
    initial: function* () {
      for (const { row } of db.entries(snapshots)) if (row.sourceFile !== undefined) yield row.snapshotId;
    },
    reconcile: async snapshotId => {
      const row = db.get(snapshots, snapshotId);
      if (row?.sourceFile !== undefined) await disks.ensureSnapshotFromFile(snapshotId, row.sourceFile);
      if (row === undefined && db.countBy(volumes, 'snapshot', snapshotId) === 0)
        await disks.removeSnapshot(snapshotId);
      return undefined;
    },
  };
}
