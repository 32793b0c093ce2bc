import type { Snapshot } from '@aws-sdk/client-ec2';
import type { TestApi } from '../../api/testing.ts';
import { Controllers } from '../../controllers/controllers.ts';
import { draftController } from '../../ebs/controller.ts';
import type { DiskDriver } from '../../engine/engine.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { snapshotControllers } from './controllers.ts';

/** A world for the snapshots of a test API. */
export interface SnapshotWorld {
  readonly disks: DiskDriver;
  /** Controllers that hear of what happens from now on. */
  start(): Controllers;
  /** Has everything done that the state asks for, as after a start of the server. */
  settle(): Promise<void>;
}

export function createSnapshotWorld(api: TestApi, disks: DiskDriver = api.disks): SnapshotWorld {
  const { state, clock } = api;
  const { blocks, secrets } = api.services;
  const all = [
    ...snapshotControllers({ state, disks, clock }),
    draftController({ state, disks, blocks, clock, secrets }),
  ];
  const start = () => {
    const controllers = new Controllers(state, all, () => {});
    controllers.start();
    return controllers;
  };
  return {
    disks,
    start,
    settle: async () => {
      const controllers = start();
      // What one controller does may give another one work, once it is durable.
      for (let round = 0; round < 3; round++) {
        await controllers.idle();
        await state.settled();
      }
      await controllers.close();
    },
  };
}

/** A snapshot that is complete. */
export async function addSnapshot(api: TestApi, world = createSnapshotWorld(api)): Promise<string> {
  const { volumeId: VolumeId } = addVolume(api);
  const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
  await world.settle();
  return SnapshotId;
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
