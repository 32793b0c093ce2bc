import type { Controller } from '../../controllers/controllers.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import type { Change, Reader } from '../../state/state.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { type SnapshotRow, snapshots, sourceOf } from './model.ts';

/**
 * Hands the files of published snapshots to the engine before anybody needs them, and takes away deleted ones when what
 * is made of them is there: the engine keeps the blocks that others stand on.
 */
export function snapshotController(db: Reader, disks: DiskDriver): Controller {
  return {
    name: 'snapshots',
    watch: change => [
      ...(change.table === snapshots.name ? [change.key] : []),
      ...sourcesOf(change).filter(id => db.get(snapshots, id) === undefined),
    ],
    initial: function* () {
      for (const { row } of db.entries(snapshots)) if (row.sourceFile !== undefined) yield row.snapshotId;
    },
    reconcile: async snapshotId => {
      const row = db.get(snapshots, snapshotId);
      if (row?.sourceFile !== undefined) await disks.ensureSnapshotFromFile(snapshotId, row.sourceFile);
      if (!isNeeded(db, snapshotId)) await disks.removeSnapshot(snapshotId);
      return undefined;
    },
  };
}

/** Whether a snapshot's content must stay, deleted or not: what is made of it may not be there yet. */
export function isNeeded(db: Reader, snapshotId: string): boolean {
  if (db.get(snapshots, snapshotId) !== undefined || db.countBy(snapshots, 'madeFrom', snapshotId) > 0) return true;
  return db.by(volumes, 'snapshot', snapshotId).some(volume => volume.unmade === true);
}

/** Snapshots that a change may have made superfluous: what was made of them is there, or gone. */
function sourcesOf({ table, before, after }: Change): string[] {
  if (table === volumes.name) {
    const [was, is] = [before, after] as (VolumeRow | undefined)[];
    return was?.unmade === true && was.snapshotId !== undefined && is?.unmade !== true ? [was.snapshotId] : [];
  }
  if (table !== snapshots.name) return [];
  const source = sourceOf((before as SnapshotRow | undefined)?.making);
  return source === undefined ? [] : [source];
}
