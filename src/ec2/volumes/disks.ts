import type { DiskDriver } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { isNeeded } from '../snapshots/controller.ts';
import { snapshots } from '../snapshots/model.ts';
import { volumes } from './model.ts';

/**
 * Makes the disk behind a volume unless that has happened, and first the snapshot that it comes from. What is made is
 * recorded with the step that needed it.
 * @throws EngineError
 */
export async function ensureDisk(db: Reader, disks: DiskDriver, volumeId: string): Promise<void> {
  const volume = db.get(volumes, volumeId);
  if (volume === undefined) throw new Error(`volume ${volumeId} does not exist`);
  if (volume.unmade !== true) return;
  const { copying } = volume;
  if (copying !== undefined) {
    await ensureDisk(db, disks, copying.volumeId);
    await disks.ensureSnapshots([copying]);
  }
  const snapshot = volume.snapshotId === undefined ? undefined : db.get(snapshots, volume.snapshotId);
  if (snapshot?.sourceFile !== undefined) await disks.ensureSnapshotFromFile(snapshot.snapshotId, snapshot.sourceFile);
  const from = copying?.snapshotId ?? volume.snapshotId;
  await disks.ensureVolume(volumeId, {
    sizeGib: volume.size,
    ...(from === undefined ? {} : { snapshotId: from }),
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
    if (isNeeded(db, snapshotId) || db.countBy(volumes, 'copySnapshot', snapshotId) > 0) continue;
    await disks.removeSnapshot(snapshotId);
    removed.push(snapshotId);
  }
  return removed;
}

/** Volumes whose disks were made and are not there. */
export async function missingDisks(db: Reader, disks: DiskDriver): Promise<string[]> {
  const present = new Set(await disks.listVolumes());
  const missing: string[] = [];
  for (const { row } of db.entries(volumes)) {
    const isMade = row.unmade !== true && row.state !== 'deleting' && row.state !== 'error';
    if (isMade && !present.has(row.volumeId)) missing.push(row.volumeId);
  }
  return missing;
}
