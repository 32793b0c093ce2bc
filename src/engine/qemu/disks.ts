import { constants } from 'node:fs';
import { access, chmod, chown, copyFile, link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DiskDriver, EngineError } from '../engine.ts';
import {
  isSnapshotId,
  isVolumeId,
  isWarmId,
  snapshotFile,
  volumeFile,
  WARM_DISK,
  WARM_FOLDER,
  WARM_MANIFEST,
  WARM_RAM,
  WARM_STATE,
  warmFolder,
} from './paths.ts';
import { type Backing, emptyQcow2, type ImageHeader, readImageHeader } from './qcow2.ts';
import type { MachineUser } from './user.ts';

const GIB = 1024 ** 3;

/** Disk space that stays free for the server's own state and for what machines write next. */
export const DISK_RESERVE_BYTES = 1 * GIB;

/** Marks a snapshot that was removed while volumes still stand on it. */
const REMOVED = '.removed';
const PARTIAL = '.partial';

export interface QemuDisks extends DiskDriver {
  /** Makes the folders and removes what an interrupted call left. */
  open(): Promise<void>;
  /** Bytes that volumes may still take. */
  freeBytes(): Promise<number>;
  /** What a volume stands on, and whether nothing has been written to it; undefined where there is no such volume. */
  origin(volumeId: string): Promise<VolumeOrigin | undefined>;
  /**
   * Lays a volume to which nothing was written over the disk of a warm image of its snapshot.
   * @returns false when that cannot be: the volume was written to, or the warm image has gone.
   */
  layOverWarm(volumeId: string, warmId: string): Promise<boolean>;
  /** Makes a volume that was laid over a warm image what it was before; what was written to it since is lost. */
  layBack(volumeId: string): Promise<void>;
  /** Deletes a warm image; its disk stays as long as volumes stand on it. */
  retireWarm(warmId: string): Promise<void>;
}

export interface VolumeOrigin {
  /** File name of the snapshot (relative to the data folder), if it stands on one. */
  readonly snapshot?: string;
  readonly untouched: boolean;
  readonly virtualBytes: number;
}

/**
 * Volumes are qcow2 overlays on snapshots, which are read-only files. Space is taken as it is written (thin): a new
 * volume must fit into what is free now, but what other volumes may still grow to is not set aside.
 */
export function createDisks(dataDir: string, user: MachineUser): QemuDisks {
  const absolute = (relative: string) => join(dataDir, relative);
  /** Calls for one file at a time: two of them would share the partial file. */
  const busy = new Map<string, Promise<unknown>>();

  function exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (busy.get(key) ?? Promise.resolve()).then(work);
    const settled = result.catch(() => {});
    busy.set(key, settled);
    settled.then(() => {
      if (busy.get(key) === settled) busy.delete(key);
    });
    return result;
  }

  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(dataDir);
    return Math.max(0, bavail * bsize - DISK_RESERVE_BYTES);
  }

  async function requireSpace(bytes: number, what: string): Promise<void> {
    const free = await freeBytes();
    if (bytes <= free) return;
    const gib = (value: number) => (value / GIB).toFixed(1);
    throw new EngineError(
      'InsufficientCapacity',
      `not enough disk space for ${what}: ${gib(bytes)} GiB wanted, ${gib(free)} GiB free in ${dataDir}`,
    );
  }

  async function findSnapshot(snapshotId: string): Promise<{ file: string; header: ImageHeader } | undefined> {
    for (const format of ['qcow2', 'raw'] as const) {
      const file = snapshotFile(snapshotId, format);
      if (await exists(absolute(file))) return { file, header: await readImageHeader(absolute(file)) };
    }
    return undefined;
  }

  async function makeSnapshot(snapshotId: string, source: string): Promise<void> {
    const found = await findSnapshot(snapshotId);
    if (found) {
      await rm(absolute(`${found.file}${REMOVED}`), { force: true });
      return;
    }
    const header = await readImageHeader(source).catch(error => {
      throw new EngineError('NotFound', `the image ${source} cannot be read: ${error.message}`, { cause: error });
    });
    const file = absolute(snapshotFile(snapshotId, header.format));
    // A link shares owner and mode with the source, so it only serves where machines may read that already.
    const { mode, size } = await stat(source);
    await rm(`${file}${PARTIAL}`, { force: true });
    const linked =
      (mode & 0o004) !== 0 &&
      (await link(source, `${file}${PARTIAL}`).then(
        () => true,
        () => false,
      ));
    if (linked) {
      await chmod(`${file}${PARTIAL}`, 0o444).catch(() => {});
    } else {
      await requireSpace(size, `the snapshot ${snapshotId}`);
      await copyFile(source, `${file}${PARTIAL}`, constants.COPYFILE_FICLONE);
      await chmod(`${file}${PARTIAL}`, 0o440);
      if (user.switchUser) await chown(`${file}${PARTIAL}`, 0, user.gid);
      await flush(`${file}${PARTIAL}`);
    }
    await rename(`${file}${PARTIAL}`, file);
  }

  async function makeVolume(volumeId: string, sizeGib: number, snapshotId: string | undefined): Promise<void> {
    const file = absolute(volumeFile(volumeId));
    if (await exists(file)) return;
    const snapshot = snapshotId === undefined ? undefined : await findSnapshot(snapshotId);
    if (snapshotId !== undefined && !snapshot) throw new EngineError('NotFound', `there is no snapshot ${snapshotId}`);
    if (snapshot && snapshot.header.virtualBytes > sizeGib * GIB) {
      throw new EngineError('Invalid', `the snapshot ${snapshotId} does not fit into ${sizeGib} GiB`);
    }
    await requireSpace(sizeGib * GIB, `the volume ${volumeId}`);
    const backing = snapshot && { file: join('..', snapshot.file), format: snapshot.header.format };
    await writeEmpty(file, sizeGib * GIB, backing);
  }

  /** An overlay without data, under its name only when it is whole. */
  async function writeEmpty(file: string, virtualBytes: number, backing: Backing | undefined): Promise<void> {
    const handle = await open(`${file}${PARTIAL}`, 'w', 0o600);
    try {
      await handle.writeFile(emptyQcow2(virtualBytes, backing));
      if (user.switchUser) await handle.chown(user.uid, user.gid);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${file}${PARTIAL}`, file);
  }

  /** What a qcow2 file (relative to the data folder) stands on, relative to the data folder too. */
  async function backingOf(file: string): Promise<string | undefined> {
    const { backingFile } = await readImageHeader(absolute(file));
    return backingFile === undefined ? undefined : join(dirname(file), backingFile);
  }

  /** The snapshot at the bottom: a volume may stand on a warm image's disk, and that on the snapshot. */
  async function snapshotBelow(file: string): Promise<string | undefined> {
    const below = await backingOf(file);
    return below !== undefined && dirname(dirname(below)) === WARM_FOLDER ? backingOf(below) : below;
  }

  async function origin(volumeId: string): Promise<VolumeOrigin | undefined> {
    const file = volumeFile(volumeId);
    if (!(await exists(absolute(file)))) return undefined;
    const { virtualBytes } = await readImageHeader(absolute(file));
    const snapshot = await snapshotBelow(file);
    // Whatever is written takes at least one more cluster, at the end of the file.
    const untouched = (await stat(absolute(file))).size === emptyQcow2(virtualBytes).length;
    return { ...(snapshot === undefined ? {} : { snapshot }), untouched, virtualBytes };
  }

  async function layOverWarm(volumeId: string, warmId: string): Promise<boolean> {
    const found = await origin(volumeId);
    if (!found?.untouched || !found.snapshot) return false;
    if (!(await exists(absolute(join(warmFolder(warmId), WARM_MANIFEST))))) return false;
    const disk = join(warmFolder(warmId), WARM_DISK);
    if ((await backingOf(disk)) !== found.snapshot) return false;
    await writeEmpty(absolute(volumeFile(volumeId)), found.virtualBytes, { file: join('..', disk), format: 'qcow2' });
    return true;
  }

  async function layBack(volumeId: string): Promise<void> {
    const found = await origin(volumeId);
    if (!found?.snapshot) return;
    const { format } = await readImageHeader(absolute(found.snapshot));
    const backing = { file: join('..', found.snapshot), format };
    await writeEmpty(absolute(volumeFile(volumeId)), found.virtualBytes, backing);
  }

  /** Names (relative to the data folder) of files that some volume, snapshot or warm image stands on. */
  async function referenced(): Promise<Set<string>> {
    const files = [];
    for (const folder of ['volumes', 'snapshots']) {
      for (const name of await readdir(absolute(folder))) if (name.endsWith('.qcow2')) files.push(join(folder, name));
    }
    for (const name of await readdir(absolute(WARM_FOLDER))) files.push(join(WARM_FOLDER, name, WARM_DISK));
    const below = await Promise.all(files.map(file => backingOf(file).catch(() => undefined)));
    return new Set(below.filter(name => name !== undefined));
  }

  /** Deletes removed snapshots and warm images that nothing stands on any more; each may free the one below it. */
  async function collect(): Promise<void> {
    for (;;) {
      const marked = (await readdir(absolute('snapshots')))
        .filter(name => name.endsWith(REMOVED))
        .map(name => join('snapshots', name.slice(0, -REMOVED.length)));
      const retired = await retiredWarm();
      if (marked.length + retired.length === 0) return;
      const used = await referenced();
      const unused = marked.filter(file => !used.has(file));
      const unusedWarm = retired.filter(folder => !used.has(join(folder, WARM_DISK)));
      if (unused.length + unusedWarm.length === 0) return;
      for (const file of unused) {
        await rm(absolute(file), { force: true });
        await rm(absolute(`${file}${REMOVED}`), { force: true });
      }
      for (const folder of unusedWarm) await rm(absolute(folder), { recursive: true, force: true });
    }
  }

  /** Without its manifest it is no warm image any more; what follows may be interrupted. Its disk is for `collect`. */
  async function removeWarmFiles(warmId: string): Promise<void> {
    for (const name of [WARM_MANIFEST, WARM_RAM, WARM_STATE]) {
      await rm(absolute(join(warmFolder(warmId), name)), { force: true });
    }
  }

  /** Folders of warm images that are no longer whole; those being made have names that begin with a dot. */
  async function retiredWarm(): Promise<string[]> {
    const folders = (await readdir(absolute(WARM_FOLDER))).filter(name => !name.startsWith('.'));
    const whole = await Promise.all(folders.map(name => exists(absolute(join(WARM_FOLDER, name, WARM_MANIFEST)))));
    return folders.filter((_, index) => !whole[index]).map(name => join(WARM_FOLDER, name));
  }

  return {
    freeBytes,
    async open() {
      for (const folder of ['volumes', 'snapshots', WARM_FOLDER]) {
        await mkdir(absolute(folder), { recursive: true, mode: 0o750 });
        if (user.switchUser) await chown(absolute(folder), 0, user.gid);
        const leftovers = (await readdir(absolute(folder))).filter(name => name.endsWith(PARTIAL));
        for (const name of leftovers) await rm(absolute(join(folder, name)), { force: true });
      }
      await exclusively('snapshots', collect);
    },
    async ensureSnapshotFromFile(snapshotId, file) {
      await exclusively('snapshots', () => makeSnapshot(snapshotId, file));
    },
    async ensureVolume(volumeId, { sizeGib, snapshotId }) {
      if (!Number.isInteger(sizeGib) || sizeGib < 1 || sizeGib > 65_536) {
        throw new EngineError('Invalid', `a volume has 1 to 65,536 GiB, not ${sizeGib}`);
      }
      await exclusively(volumeFile(volumeId), () => makeVolume(volumeId, sizeGib, snapshotId));
    },
    async removeVolume(volumeId) {
      await exclusively(volumeFile(volumeId), () => rm(absolute(volumeFile(volumeId)), { force: true }));
      await exclusively('snapshots', collect);
    },
    async removeSnapshot(snapshotId) {
      await exclusively('snapshots', async () => {
        const found = await findSnapshot(snapshotId);
        if (!found) return;
        await (await open(absolute(`${found.file}${REMOVED}`), 'w', 0o600)).close();
        // Nobody can launch from it any more.
        for (const warmId of (await readdir(absolute(WARM_FOLDER))).filter(isWarmId)) {
          const below = await backingOf(join(warmFolder(warmId), WARM_DISK)).catch(() => undefined);
          if (below === found.file) await removeWarmFiles(warmId);
        }
        await collect();
      });
    },
    origin,
    layOverWarm: (volumeId, warmId) => exclusively('snapshots', () => layOverWarm(volumeId, warmId)),
    layBack: volumeId => exclusively('snapshots', () => layBack(volumeId)),
    retireWarm: warmId =>
      exclusively('snapshots', async () => {
        await removeWarmFiles(warmId);
        await collect();
      }),
    async listVolumes() {
      return (await readdir(absolute('volumes')))
        .filter(name => name.endsWith('.qcow2'))
        .map(name => name.slice(0, -6))
        .filter(isVolumeId);
    },
    ensureVolumeSize: notYet,
    ensureSnapshots: notYet,
    ensureSnapshotCopy: notYet,
    inspectFile: notYet,
    ensureSnapshotImport: notYet,
    exportSnapshot: notYet,
    ensureSnapshotDraft: notYet,
    completeSnapshot: notYet,
    openSnapshot: notYet,
    changedBlocks: notYet,
    snapshotBytes: notYet,
    async listSnapshots() {
      const names = new Set(await readdir(absolute('snapshots')));
      return [...names]
        .filter(name => !names.has(`${name}${REMOVED}`))
        .map(name => name.replace(/\.(qcow2|raw)$/, ''))
        .filter(isSnapshotId);
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function flush(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function notYet(): Promise<never> {
  throw new EngineError('Unsupported', 'volumes and snapshots cannot be changed here');
}
