import { rm } from 'node:fs/promises';
import { type DiskKey, EngineError, type SnapshotCut } from '../../engine.ts';
import { snapshotFile, VOLUME_FOLDER, volumeFile } from '../paths.ts';
import { readImageHeader } from '../qcow2.ts';
import { copyVolume } from './copies.ts';
import type { DiskImage } from './image-nodes.ts';
import { backingFor, type DiskStore, exists } from './store.ts';

/** A running machine, to those who change the images under its disks. */
export interface VolumeHost {
  /** Which of a volume's images it writes to; undefined when it does not have the volume, or does not run. */
  generationOf(volumeId: string): Promise<number | undefined>;
  /** Goes on in other images, each over the one that it writes to now, with all disks at one instant. */
  switchImages(changes: readonly ImageChange[]): Promise<void>;
  /**
   * Opens what lies below a volume's image anew: other files with the same content have got its names.
   * @param file the image, @param below what it stands on, from the top; relative to the data folder
   */
  reopenBelow(volumeId: string, file: string, below: readonly string[]): Promise<void>;
  /** Makes a disk larger; false when it does not have the volume. */
  resize(volumeId: string, bytes: number): Promise<boolean>;
}

export interface ImageChange {
  readonly volumeId: string;
  readonly image: DiskImage;
}

export type FindHost = (volumeId: string) => VolumeHost | undefined;

/*
 * Taking a snapshot of volume V whose file is `V.n`, in steps that each may be the last one before a crash:
 *
 *   1. `V.n` gets the snapshot's name too.
 *   2. `V.n+1`, an empty overlay over the snapshot, is made: to whoever opens the volume from now on it is the volume,
 *      and has the same content, whether somebody still writes to `V.n` below it or not.
 *   3. A machine that runs goes on in `V.n+1`: this is the instant of the snapshot. With several volumes it is one
 *      transaction of QEMU's.
 *   4. The name `V.n` goes: the snapshot is there.
 */

/** Takes snapshots at one instant. The volumes' work must be excluded. @throws EngineError */
export async function takeSnapshots(store: DiskStore, findHost: FindHost, cuts: readonly SnapshotCut[]): Promise<void> {
  const begun: Begun[] = [];
  for (const cut of cuts) {
    if (await isTaken(store, cut)) continue;
    const hibernated = await hibernatedFile(store, cut.volumeId);
    if (hibernated) await copyVolume(store, hibernated, cut);
    else begun.push(await begin(store, findHost, cut));
  }
  await finish(store, findHost, begun);
}

/** Brings to an end what was interrupted between steps 2 and 4. The volume's work must be excluded. */
export async function settleVolume(store: DiskStore, findHost: FindHost, volumeId: string): Promise<void> {
  const generations = await store.generations(volumeId);
  if (generations.length < 2 || (await findHost(volumeId)?.generationOf(volumeId)) !== undefined) return;
  await dropOlder(store, volumeId);
}

interface Begun {
  readonly volumeId: string;
  readonly key: DiskKey | undefined;
  readonly snapshot: string;
}

/** Whether the snapshot is there, and nobody writes to it any more. */
async function isTaken(store: DiskStore, { snapshotId, volumeId }: SnapshotCut): Promise<boolean> {
  const found = await store.findSnapshot(snapshotId);
  if (!found) return false;
  for (const generation of await store.generations(volumeId)) {
    if (await store.isSameFile(volumeFile(volumeId, generation), found.file)) return false;
  }
  return true;
}

/** Steps 1 and 2. */
async function begin(store: DiskStore, findHost: FindHost, cut: SnapshotCut): Promise<Begun> {
  const { snapshotId, volumeId, key } = cut;
  const snapshot = snapshotFile(snapshotId, 'qcow2');
  const begun: Begun = { volumeId, key, snapshot };
  const newest = await store.newest(volumeId);
  if (!newest) throw new EngineError('NotFound', `there is no volume ${volumeId}`);
  if (await exists(store.absolute(snapshot))) {
    // An earlier attempt: with an overlay it was after step 2.
    if (!(await store.isSameFile(newest.file, snapshot))) return begun;
  } else if ((await store.generations(volumeId)).length > 1) {
    // Somebody else's attempt comes first.
    await finish(store, findHost, [{ volumeId, key, snapshot: '' }]);
  }
  const current = await store.newest(volumeId);
  if (!current) throw new EngineError('NotFound', `there is no volume ${volumeId}`);
  const { virtualBytes, encrypted } = await readImageHeader(store.absolute(current.file));
  if (encrypted !== undefined && key === undefined)
    throw new EngineError('Invalid', `the volume ${volumeId} has a key`);
  await store.withSnapshots(() => store.alsoNamed(current.file, snapshot));
  const overlay = volumeFile(volumeId, current.generation + 1);
  await store.writeOverlay(overlay, virtualBytes, backingFor(snapshot, 'qcow2'), encrypted && key);
  await store.flushFolder(VOLUME_FOLDER);
  return begun;
}

/** Steps 3 and 4. */
async function finish(store: DiskStore, findHost: FindHost, begun: readonly Begun[]): Promise<void> {
  const changes = new Map<VolumeHost, ImageChange[]>();
  for (const { volumeId } of begun) {
    const host = findHost(volumeId);
    const writesTo = await host?.generationOf(volumeId);
    const newest = await store.newest(volumeId);
    if (!host || writesTo === undefined || !newest || writesTo === newest.generation) continue;
    const image = await imageOf(store, volumeId);
    changes.set(host, [...(changes.get(host) ?? []), { volumeId, image }]);
  }
  for (const [host, list] of changes) await host.switchImages(list);
  for (const { volumeId, snapshot } of begun) {
    await dropOlder(store, volumeId);
    if (snapshot !== '') await store.seal(snapshot);
  }
}

async function dropOlder(store: DiskStore, volumeId: string): Promise<void> {
  for (const generation of (await store.generations(volumeId)).slice(0, -1)) {
    await rm(store.absolute(volumeFile(volumeId, generation)), { force: true });
  }
}

/** How QEMU opens a volume. @throws EngineError `NotFound` */
export async function imageOf(store: DiskStore, volumeId: string): Promise<DiskImage> {
  const newest = await store.newest(volumeId);
  if (!newest) throw new EngineError('NotFound', `there is no volume ${volumeId}`);
  const { encrypted } = await readImageHeader(store.absolute(newest.file));
  const chain = await store.chain(newest.file);
  const direct = await store.isDirect(chain);
  return { ...newest, ...(direct ? { direct } : {}), ...(encrypted ? { encryptedBelow: chain.slice(1) } : {}) };
}

/** The file of a volume with a machine's memory in it, which must stay where it is. */
async function hibernatedFile(store: DiskStore, volumeId: string): Promise<string | undefined> {
  const newest = await store.newest(volumeId);
  if (!newest) return undefined;
  return (await readImageHeader(store.absolute(newest.file))).hasSnapshots ? newest.file : undefined;
}
