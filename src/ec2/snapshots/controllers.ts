import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import type { State } from '../../state/state.ts';
import { fastSnapshotRestoreController } from '../fast-snapshot-restores/controller.ts';
import { snapshotController } from './controller.ts';
import { copyController } from './copy-controller.ts';
import { cutController } from './cut-controller.ts';
import { recycleController } from './recycle-controller.ts';
import { tierController } from './tier-controller.ts';

export interface SnapshotControllerOptions {
  readonly state: State;
  readonly disks: DiskDriver;
  readonly clock: Clock;
}

/** Everything that happens to snapshots. */
export function snapshotControllers({ state, disks, clock }: SnapshotControllerOptions): Controller[] {
  return [
    snapshotController(state, disks),
    cutController(state, disks, clock),
    copyController(state, disks, clock),
    tierController(state, clock),
    recycleController(state, clock),
    fastSnapshotRestoreController(state, clock),
  ];
}
