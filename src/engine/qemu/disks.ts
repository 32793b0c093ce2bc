import { constants } from 'node:fs';
import { access, chmod, chown, copyFile, link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DiskDriver, EngineError } from '../engine.ts';
import { isSnapshotId, isVolumeId, snapshotFile, volumeFile } from './paths.ts';
import { emptyQcow2, type ImageHeader, readImageHeader } from './qcow2.ts';
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
    const handle = await open(`${file}${PARTIAL}`, 'w', 0o600);
    try {
      await handle.writeFile(emptyQcow2(sizeGib * GIB, backing));
      if (user.switchUser) await handle.chown(user.uid, user.gid);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${file}${PARTIAL}`, file);
  }

  /** Names (relative to the data folder) of snapshot files that some volume or snapshot stands on. */
  async function referenced(): Promise<Set<string>> {
    const names = new Set<string>();
    for (const folder of ['volumes', 'snapshots']) {
      const files = (await readdir(absolute(folder))).filter(name => name.endsWith('.qcow2'));
      const headers = await Promise.all(
        files.map(name => readImageHeader(absolute(join(folder, name))).catch(() => {})),
      );
      for (const header of headers) if (header?.backingFile) names.add(join('snapshots', basename(header.backingFile)));
    }
    return names;
  }

  /** Deletes removed snapshots that nothing stands on any more; each may free the one below it. */
  async function collect(): Promise<void> {
    for (;;) {
      const marked = (await readdir(absolute('snapshots'))).filter(name => name.endsWith(REMOVED));
      if (marked.length === 0) return;
      const used = await referenced();
      const unused = marked
        .map(name => join('snapshots', name.slice(0, -REMOVED.length)))
        .filter(file => !used.has(file));
      if (unused.length === 0) return;
      for (const file of unused) {
        await rm(absolute(file), { force: true });
        await rm(absolute(`${file}${REMOVED}`), { force: true });
      }
    }
  }

  return {
    freeBytes,
    async open() {
      for (const folder of ['volumes', 'snapshots']) {
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
        await collect();
      });
    },
    async listVolumes() {
      return (await readdir(absolute('volumes')))
        .filter(name => name.endsWith('.qcow2'))
        .map(name => name.slice(0, -6))
        .filter(isVolumeId);
    },
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
