import { chmod, chown, constants, copyFile, link, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskDriver, type DiskKey, EngineError, type VolumeOptions } from '../engine.ts';
import { createBlocks } from './disks/blocks.ts';
import { compact } from './disks/compaction.ts';
import { chainSource, convertInto, growImage } from './disks/convert.ts';
import { createCopies } from './disks/copies.ts';
import { type FindHost, imageOf, settleVolume, takeSnapshots } from './disks/cuts.ts';
import { collect, REMOVED, removeSnapshot, removeWarmFiles, snapshotBelow } from './disks/garbage.ts';
import type { DiskImage } from './disks/image-nodes.ts';
import { SharedDisks } from './disks/shared.ts';
import { backingFor, DiskStore, exists, flush, GIB, PARTIAL, sameKey } from './disks/store.ts';
import { isSnapshotId, snapshotFile, volumeFile, WARM_DISK, WARM_MANIFEST, warmFolder } from './paths.ts';
import { findDiskTools, kill } from './process.ts';
import { readImageHeader } from './qcow2.ts';
import type { MachineUser } from './user.ts';

export interface QemuDisks extends DiskDriver {
  /** Makes the folders and removes what an interrupted call left. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Bytes that volumes may still take. */
  freeBytes(): Promise<number>;
  /** Tells which running machine has a volume. */
  setHosts(findHost: FindHost): void;
  /** Work with the images of volumes, which stay as they are meanwhile. @throws EngineError `NotFound` */
  withImages<T>(wanted: readonly WantedDisk[], work: (images: DiskImages) => Promise<T>): Promise<T>;
  /** Work with volumes that nobody else starts, cuts, grows or removes meanwhile. */
  excluding<T>(volumeIds: readonly string[], work: () => Promise<T>): Promise<T>;
  /** Takes a volume away from a machine that shares it; nothing happens where it has it alone. */
  takeAway(volumeId: string, instanceId: string): Promise<void>;
  /** Closes shared volumes that no machine has any more. */
  closeUnused(isUsed: (volumeId: string) => boolean): Promise<void>;
  /** Ends what serves shared volumes. */
  destroy(): Promise<void>;
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

/** A volume that a machine is to have, alone or with others. */
export interface WantedDisk {
  readonly volumeId: string;
  readonly shared?: { readonly instanceId: string; readonly key: DiskKey | undefined };
}

export type DiskImages = ReadonlyMap<string, DiskImage>;

export interface VolumeOrigin {
  /** File name of the snapshot (relative to the data folder), if it stands on one. */
  readonly snapshot?: string;
  readonly untouched: boolean;
  readonly virtualBytes: number;
}

/** What a volume needs at least besides what its snapshot's copy takes: space is taken as it is written (thin). */
const LEAST_FREE = 16 * 1024 * 1024;

/** Volumes and snapshots as qcow2 files, see `disks/store.ts`. */
export function createDisks(dataDir: string, user: MachineUser, log: (line: string) => void = () => {}): QemuDisks {
  const store = new DiskStore(dataDir, user);
  const absolute = (relative: string) => store.absolute(relative);
  const blocks = createBlocks(store);
  const shared = new SharedDisks(store);
  let findHost: FindHost = volumeId => shared.hostOf(volumeId);

  async function makeSnapshot(snapshotId: string, source: string): Promise<void> {
    const found = await store.findSnapshot(snapshotId);
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
      await store.requireSpace(size, `the snapshot ${snapshotId}`);
      await copyFile(source, `${file}${PARTIAL}`, constants.COPYFILE_FICLONE);
      await chmod(`${file}${PARTIAL}`, 0o440);
      if (user.switchUser) await chown(`${file}${PARTIAL}`, 0, user.gid);
      await flush(`${file}${PARTIAL}`);
    }
    await rename(`${file}${PARTIAL}`, file);
  }

  async function makeVolume(volumeId: string, options: VolumeOptions): Promise<void> {
    const { sizeGib, snapshotId, key, snapshotKey, progress } = options;
    const file = volumeFile(volumeId, 0);
    if (await store.newest(volumeId)) return;
    await store.requireSpace(LEAST_FREE, `the volume ${volumeId}`);
    const snapshot = snapshotId === undefined ? undefined : await store.requireSnapshot(snapshotId);
    if (snapshot && snapshot.header.virtualBytes > sizeGib * GIB) {
      throw new EngineError('Invalid', `the snapshot ${snapshotId} does not fit into ${sizeGib} GiB`);
    }
    if (snapshot && !sameKey(key, snapshotKey)) {
      const source = await chainSource(store, snapshot.file, snapshotKey);
      await convertInto(store, file, source, { virtualBytes: sizeGib * GIB, key, progress });
      return;
    }
    const backing = snapshot && backingFor(snapshot.file, snapshot.header.format);
    // A snapshot that is being removed must see who stands on it.
    await store.withSnapshots(() => store.writeOverlay(file, sizeGib * GIB, backing, key));
  }

  async function grow(volumeId: string, sizeGib: number, key: Uint8Array | undefined): Promise<void> {
    const newest = await store.newest(volumeId);
    if (!newest) throw new EngineError('NotFound', `there is no volume ${volumeId}`);
    if (await findHost(volumeId)?.resize(volumeId, sizeGib * GIB)) return;
    await settleVolume(store, findHost, volumeId);
    const { virtualBytes } = await readImageHeader(absolute(newest.file));
    if (virtualBytes >= sizeGib * GIB) return;
    await growImage(store, await store.chain(newest.file), sizeGib * GIB, key);
  }

  async function origin(volumeId: string): Promise<VolumeOrigin | undefined> {
    const newest = await store.newest(volumeId);
    if (!newest) return undefined;
    const { virtualBytes } = await readImageHeader(absolute(newest.file));
    const snapshot = await snapshotBelow(store, newest.file);
    const untouched = newest.generation === 0 && (await store.isUntouched(newest.file, virtualBytes));
    return { ...(snapshot === undefined ? {} : { snapshot }), untouched, virtualBytes };
  }

  async function layOverWarm(volumeId: string, warmId: string): Promise<boolean> {
    const found = await origin(volumeId);
    if (!found?.untouched || !found.snapshot) return false;
    if (!(await exists(absolute(join(warmFolder(warmId), WARM_MANIFEST))))) return false;
    const disk = join(warmFolder(warmId), WARM_DISK);
    if ((await store.backingOf(disk)) !== found.snapshot) return false;
    await store.writeOverlay(volumeFile(volumeId, 0), found.virtualBytes, backingFor(disk, 'qcow2'));
    return true;
  }

  async function layBack(volumeId: string): Promise<void> {
    const found = await origin(volumeId);
    if (!found?.snapshot) return;
    const { format } = await readImageHeader(absolute(found.snapshot));
    await store.writeOverlay(volumeFile(volumeId, 0), found.virtualBytes, backingFor(found.snapshot, format));
  }

  async function removeVolume(volumeId: string): Promise<void> {
    if ((await findHost(volumeId)?.generationOf(volumeId)) !== undefined) {
      throw new EngineError('Invalid', `a machine has the volume ${volumeId}`);
    }
    for (const generation of await store.generations(volumeId)) {
      await rm(absolute(volumeFile(volumeId, generation)), { force: true });
    }
  }

  let compacting: Promise<void> | undefined;
  let again = false;
  let closed = false;

  /** One at a time, in the background: it is only about space. */
  function compactSoon(): void {
    again = true;
    compacting ??= (async () => {
      while (again && !closed) {
        again = false;
        await compact(store, findHost).catch(
          error => closed || log(`removed snapshots stay as they are: ${error.message}`),
        );
      }
      compacting = undefined;
    })();
  }

  return {
    ...createCopies(store),
    ...blocks,
    freeBytes: () => store.freeBytes(),
    setHosts(find) {
      findHost = volumeId => shared.hostOf(volumeId) ?? find(volumeId);
    },
    async open() {
      for (const process of await findDiskTools(dataDir)) await kill(process);
      await store.makeFolders();
      await shared.open();
      await store.withSnapshots(() => collect(store));
      closed = false;
    },
    async close() {
      closed = true;
      store.stop();
      await compacting;
      shared.close();
      await blocks.close();
    },
    withImages: (wanted, work) =>
      store.withVolumes(
        wanted.map(disk => disk.volumeId),
        async () => {
          const images = new Map<string, DiskImage>();
          for (const { volumeId, shared: sharing } of wanted) {
            if (!sharing) await shared.unshare(volumeId);
            await settleVolume(store, findHost, volumeId);
            const image = await imageOf(store, volumeId);
            images.set(
              volumeId,
              sharing ? await shared.share(volumeId, image, sharing.instanceId, sharing.key) : image,
            );
          }
          return work(images);
        },
      ),
    excluding: (volumeIds, work) => store.withVolumes(volumeIds, work),
    takeAway: (volumeId, instanceId) => shared.takeAway(volumeId, instanceId),
    closeUnused: isUsed => shared.unshareUnused(isUsed),
    destroy: () => shared.unshareUnused(() => false),
    async ensureSnapshotFromFile(snapshotId, file) {
      await store.withSnapshots(() => makeSnapshot(snapshotId, file));
    },
    async ensureVolume(volumeId, options) {
      const { sizeGib } = options;
      if (!Number.isInteger(sizeGib) || sizeGib < 1 || sizeGib > 65_536) {
        throw new EngineError('Invalid', `a volume has 1 to 65,536 GiB, not ${sizeGib}`);
      }
      await store.withVolumes([volumeId], () => makeVolume(volumeId, options));
    },
    ensureVolumeSize: (volumeId, sizeGib, key) => store.withVolumes([volumeId], () => grow(volumeId, sizeGib, key)),
    ensureSnapshots: cuts =>
      store.withVolumes(
        cuts.map(cut => cut.volumeId),
        () => takeSnapshots(store, findHost, cuts),
      ),
    async removeVolume(volumeId) {
      await store.withVolumes([volumeId], () => removeVolume(volumeId));
      await store.withSnapshots(() => collect(store));
    },
    async removeSnapshot(snapshotId) {
      await blocks.abandon(snapshotId);
      await store.withSnapshots(() => removeSnapshot(store, snapshotId));
      compactSoon();
    },
    async snapshotBytes(snapshotId) {
      const { file } = await store.requireSnapshot(snapshotId);
      const sizes = await Promise.all(
        (await store.chain(file)).map(async one => (await stat(absolute(one))).blocks * 512),
      );
      return { full: sizes.reduce((sum, size) => sum + size, 0), own: sizes[0] ?? 0 };
    },
    origin,
    layOverWarm: (volumeId, warmId) => store.withSnapshots(() => layOverWarm(volumeId, warmId)),
    layBack: volumeId => store.withSnapshots(() => layBack(volumeId)),
    retireWarm: warmId =>
      store.withSnapshots(async () => {
        await removeWarmFiles(store, warmId);
        await collect(store);
      }),
    listVolumes: () => store.volumeIds(),
    async listSnapshots() {
      const names = new Set(await readdir(absolute('snapshots')));
      const ids = [...names]
        .filter(name => !names.has(`${name}${REMOVED}`))
        .map(name => name.replace(/\.draft$/, '').replace(/\.(qcow2|raw)$/, ''))
        .filter(isSnapshotId);
      return [...new Set(ids)];
    },
  };
}
