import type { Controller } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { KeyUnavailableError } from '../../kms/data-keys.ts';
import type { State } from '../../state/state.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { ensureDisk } from './disks.ts';
import { forgetVolume, isNeeded, recordCreated, recordCreationFailure } from './lifecycle.ts';
import { type VolumeRow, volumes } from './model.ts';

/** A creation that fails for other reasons than those that will not go away is tried this often. */
const creationAttempts = 3;

/** Makes the disks of volumes that are created, and removes those of deleted ones. Ids are those of volumes. */
export function volumeController(state: State, engine: Engine): Controller {
  const isWanted = (row: VolumeRow | undefined) => row?.state === 'creating' || row?.state === 'deleting';
  return {
    name: 'volumes',
    watch: ({ table, key, before, after }) => {
      if (table === volumes.name) {
        const [was, is] = [before, after] as (VolumeRow | undefined)[];
        // A copy that was made, or cannot be, lets its source go.
        const source = is?.copying === undefined ? was?.copying?.volumeId : undefined;
        return [...(isWanted(is) ? [key] : []), ...(source === undefined ? [] : [source])];
      }
      // A snapshot that was cut lets its volume go.
      if (table !== snapshots.name || (before as SnapshotRow | undefined)?.making?.kind !== 'cut') return [];
      return [(before as SnapshotRow).volumeId];
    },
    initial: function* () {
      for (const { row } of state.entries(volumes)) if (isWanted(row)) yield row.volumeId;
    },
    reconcile: async id => {
      const row = state.get(volumes, id);
      if (row?.state === 'creating') {
        await ensureDisk(state, engine.disks, id);
        state.write(tx => recordCreated(tx, id));
        // The engine keeps what the copy stands on.
        if (row.copying !== undefined) await engine.disks.removeSnapshot(row.copying.snapshotId);
      }
      if (row?.state === 'deleting' && !isNeeded(state, id)) {
        await engine.disks.removeVolume(id);
        state.write(tx => forgetVolume(tx, id));
      }
      return undefined;
    },
    failed: (id, error, attempt) => {
      // As on EC2, whose volumes vanish then.
      if (error instanceof KeyUnavailableError) {
        state.write(tx => {
          if (tx.get(volumes, id)?.state === 'creating') forgetVolume(tx, id);
        });
        return;
      }
      const lasting = error instanceof EngineError && error.code !== 'Failed';
      if (!lasting && attempt < creationAttempts) return;
      const reason = error instanceof Error ? error.message : String(error);
      state.write(tx => recordCreationFailure(tx, id, reason));
    },
  };
}
