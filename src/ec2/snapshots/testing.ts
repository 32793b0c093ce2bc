import type { TestApi } from '../../api/testing.ts';
import { type Controller, Controllers } from '../../controllers/controllers.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import { createSimulatedDisks } from '../../engine/simulator/disks.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { snapshotController } from './controller.ts';
import { copyController } from './copy-controller.ts';
import { cutController } from './cut-controller.ts';

/** A world for the snapshots of a test API. */
export interface SnapshotWorld {
  readonly disks: DiskDriver;
  /** Has everything done that the state asks for, as after a start of the server. */
  settle(): Promise<void>;
}

export function createSnapshotWorld(api: TestApi, disks: DiskDriver = createSimulatedDisks()): SnapshotWorld {
  const { state, clock } = api;
  const all: Controller[] = [
    snapshotController(state, disks),
    cutController(state, disks, clock),
    copyController(state, disks, clock),
  ];
  return {
    disks,
    settle: async () => {
      const controllers = new Controllers(state, all, () => {});
      controllers.start();
      // What one controller does may give another one work, once it is durable.
      for (let round = 0; round < 3; round++) {
        await controllers.idle();
        await state.settled();
      }
      await controllers.close();
    },
  };
}

/** A volume that nothing is attached to. */
export function addVolume(api: TestApi, more: Partial<VolumeRow> = {}): VolumeRow {
  const row: VolumeRow = {
    volumeId: `vol-${String(api.state.count(volumes)).padStart(17, '0')}`,
    owner: '000000000000/us-east-1',
    availabilityZone: 'us-east-1a',
    size: 8,
    volumeType: 'gp3',
    iops: 3000,
    throughput: 125,
    encrypted: false,
    state: 'available',
    createTime: api.clock.now(),
    attachments: [],
    ...more,
  };
  api.state.write(tx => tx.put(volumes, row));
  return row;
}
