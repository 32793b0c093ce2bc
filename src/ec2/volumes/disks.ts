import type { DiskDriver } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { isNeeded } from '../snapshots/controller.ts';
import { snapshots } from '../snapshots/model.ts';
import { volumes } from './model.ts';

/** Makes the disk behind a volume, and first the snapshot that it comes from. @throws EngineError */
export async function ensureDisk(db: Reader, disks: DiskDriver, volumeId: string): Promise<void> {
  const volume = db.get(volumes, volumeId);
  if (volume === undefined) throw new Error(`volume ${volumeId} does not exist`);
  const snapshot = volume.snapshotId === undefined ? undefined : db.get(snapshots, volume.snapshotId);
  if (snapshot?.sourceFile !== undefined) await disks.ensureSnapshotFromFile(snapshot.snapshotId, snapshot.sourceFile);
  await disks.ensureVolume(volumeId, {
    sizeGib: volume.size,
    ...(volume.snapshotId === undefined ? {} : { snapshotId: volume.snapshotId }),
  });
}

/**
 * Removes disks and snapshots that no row wants: what a crash between two steps left behind.
 * @returns the ids of what was removed
 */
export async function removeOrphanDisks(db: Reader, disks: DiskDriver): Promise<string[]> {
  const removed: string[] = [];
  for (const volumeId of await disks.listVolumes()) {
    const used = db.get(volumes, volumeId) !== undefined || db.countBy(instances, 'storeVolume', volumeId) > 0;
    if (used) continue;
    await disks.removeVolume(volumeId);
    removed.push(volumeId);
  }
  for (const snapshotId of await disks.listSnapshots()) {
    if (isNeeded(db, snapshotId)) continue;
    await disks.removeSnapshot(snapshotId);
    removed.push(snapshotId);
  }
  return removed;
}
