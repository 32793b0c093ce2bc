import { open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  isWarmId,
  VOLUME_FOLDER,
  WARM_DISK,
  WARM_FOLDER,
  WARM_MANIFEST,
  WARM_RAM,
  WARM_STATE,
  warmFolder,
} from '../paths.ts';
import { type DiskStore, exists } from './store.ts';

/** Marks a snapshot that was removed while something still stands on it. */
export const REMOVED = '.removed';
const SNAPSHOTS = 'snapshots';

/** Names (relative to the data folder) of files that some volume, snapshot or warm image stands on. */
async function referenced(store: DiskStore): Promise<Set<string>> {
  const files = [];
  for (const folder of [VOLUME_FOLDER, SNAPSHOTS]) {
    for (const name of await readdir(store.absolute(folder))) {
      // One that is being made counts already.
      if (/\.qcow2(\.draft|\.partial|\.copy\.partial)?$/.test(name)) files.push(join(folder, name));
    }
  }
  for (const name of await readdir(store.absolute(WARM_FOLDER))) files.push(join(WARM_FOLDER, name, WARM_DISK));
  const below = await Promise.all(files.map(file => store.backingOf(file).catch(() => undefined)));
  return new Set(below.filter(name => name !== undefined));
}

/** Removed snapshots that are still there, as files relative to the data folder. */
export async function removedSnapshots(store: DiskStore): Promise<string[]> {
  return (await readdir(store.absolute(SNAPSHOTS)))
    .filter(name => name.endsWith(REMOVED))
    .map(name => join(SNAPSHOTS, name.slice(0, -REMOVED.length)));
}

/** Deletes removed snapshots and warm images that nothing stands on any more; each may free the one below it. */
export async function collect(store: DiskStore): Promise<void> {
  for (;;) {
    const marked = await removedSnapshots(store);
    const retired = await retiredWarm(store);
    if (marked.length + retired.length === 0) return;
    const used = await referenced(store);
    const unused = marked.filter(file => !used.has(file));
    const unusedWarm = retired.filter(folder => !used.has(join(folder, WARM_DISK)));
    if (unused.length + unusedWarm.length === 0) return;
    for (const file of unused) {
      await rm(store.absolute(file), { force: true });
      await rm(store.absolute(`${file}${REMOVED}`), { force: true });
    }
    for (const folder of unusedWarm) await rm(store.absolute(folder), { recursive: true, force: true });
  }
}

/** From now on a snapshot is not there any more, except to those that stand on it. */
export async function removeSnapshot(store: DiskStore, snapshotId: string): Promise<void> {
  const found = await store.findSnapshot(snapshotId);
  if (!found) return;
  await (await open(store.absolute(`${found.file}${REMOVED}`), 'w', 0o600)).close();
  // Nobody can launch from it any more.
  for (const warmId of (await readdir(store.absolute(WARM_FOLDER))).filter(isWarmId)) {
    const below = await store.backingOf(join(warmFolder(warmId), WARM_DISK)).catch(() => undefined);
    if (below === found.file) await removeWarmFiles(store, warmId);
  }
  await collect(store);
}

/** Without its manifest it is no warm image any more; what follows may be interrupted. Its disk is for `collect`. */
export async function removeWarmFiles(store: DiskStore, warmId: string): Promise<void> {
  for (const name of [WARM_MANIFEST, WARM_RAM, WARM_STATE]) {
    await rm(store.absolute(join(warmFolder(warmId), name)), { force: true });
  }
}

/** Folders of warm images that are no longer whole; those being made have names that begin with a dot. */
async function retiredWarm(store: DiskStore): Promise<string[]> {
  const folders = (await readdir(store.absolute(WARM_FOLDER))).filter(name => !name.startsWith('.'));
  const whole = await Promise.all(folders.map(name => exists(store.absolute(join(WARM_FOLDER, name, WARM_MANIFEST)))));
  return folders.filter((_, index) => !whole[index]).map(name => join(WARM_FOLDER, name));
}

/** The snapshot at the bottom: a volume may stand on a warm image's disk, and that on the snapshot. */
export async function snapshotBelow(store: DiskStore, file: string): Promise<string | undefined> {
  const below = await store.backingOf(file);
  return below !== undefined && dirname(dirname(below)) === WARM_FOLDER ? store.backingOf(below) : below;
}
