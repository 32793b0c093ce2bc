import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import type { State } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { ensureDisk } from './disks.ts';
import { diskLimits } from './limits.ts';
import { volumes } from './model.ts';
import {
  isUnderWay,
  optimizingTime,
  recordCompleted,
  recordModificationFailure,
  recordModified,
  type VolumeModificationRow,
  volumeModifications,
} from './modifications.ts';

/** A modification that fails for other reasons than those that will not go away is tried this often. */
const attempts = 3;

export interface ModificationControllerOptions {
  readonly state: State;
  readonly engine: Engine;
  readonly clock: Clock;
  /** Whether disks are held to the IOPS and throughput of their volumes' types. */
  readonly volumeLimits: boolean;
}

/** Grows the disks of volumes that are modified, and tells machines what these may do. Ids are those of volumes. */
export function volumeModificationController(options: ModificationControllerOptions): Controller {
  const { state, engine, clock, volumeLimits } = options;

  async function grow(volumeId: string, sizeGib: number): Promise<void> {
    // That of a launch may not be there yet.
    await ensureDisk(state, engine.disks, volumeId);
    await engine.disks.ensureVolumeSize(volumeId, sizeGib);
  }

  /** A machine that starts, or gets the volume, is told by itself. */
  async function tellMachines(volumeId: string): Promise<void> {
    const volume = state.get(volumes, volumeId);
    if (volume === undefined || !volumeLimits) return;
    for (const { instanceId } of volume.attachments) {
      if (state.get(instances, instanceId)?.state === 'running')
        await engine.machines.setDiskLimits(instanceId, volumeId, diskLimits(volume));
    }
  }

  return {
    name: 'volume-modifications',
    watch: ({ table, key, after }) =>
      table === volumeModifications.name && isUnderWay(after as VolumeModificationRow | undefined) ? [key] : [],
    initial: function* () {
      for (const { row } of state.entries(volumeModifications)) if (isUnderWay(row)) yield row.volumeId;
    },
    reconcile: async id => {
      const row = state.get(volumeModifications, id);
      if (row?.state === 'modifying') {
        if (row.target.size > row.original.size) await grow(id, row.target.size);
        state.write(tx => recordModified(tx, id, clock.now()));
      }
      if (row?.state === 'optimizing') {
        // At the beginning and at the end: one may have got the volume in between, with what was true before.
        await tellMachines(id);
        const left = (row.optimizingSince ?? 0) + optimizingTime - clock.now();
        if (left > 0) return left;
        state.write(tx => recordCompleted(tx, id, clock.now()));
      }
      return undefined;
    },
    failed: (id, error, attempt) => {
      const lasting = error instanceof EngineError && error.code !== 'Failed';
      if (!lasting && attempt < attempts) return;
      const reason = error instanceof Error ? error.message : String(error);
      state.write(tx => recordModificationFailure(tx, id, reason, clock.now()));
    },
  };
}
