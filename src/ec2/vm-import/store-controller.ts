import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import { type DiskDriver, EngineError } from '../../engine/engine.ts';
import { newObjectFile, ObjectError, objectFile } from '../../images/buckets.ts';
import { addEntry, endArchive, readEntry, tarEntries } from '../../images/tar.ts';
import { ImageError } from '../../images/types.ts';
import type { State } from '../../state/state.ts';
import { type ImageRow, images } from '../images/model.ts';
import { snapshots } from '../snapshots/model.ts';
import { recordCompleted, recordFailed } from '../snapshots/outcomes.ts';
import { tagsOf } from '../tags/model.ts';
import { objectKey } from './store-image.ts';
import { type RestoreTaskRow, restoreTasks, type StoreTaskRow, storeTasks } from './store-model.ts';
import { manifestName, manifestOf, type StoredDisk } from './stored-image.ts';

export interface StoreControllerOptions {
  readonly state: State;
  readonly disks: DiskDriver;
  readonly clock: Clock;
  /** Folder of all buckets. */
  readonly buckets: string;
  /** Where disks lie between engine and archive. */
  readonly work: string;
}

const attempts = 3;

/** Writes AMIs that are to be stored into their buckets; one that was interrupted is written anew. */
export function storeController({ state, disks, buckets, work }: StoreControllerOptions): Controller {
  const update = (key: string, change: Partial<StoreTaskRow>) =>
    state.write(tx => {
      const row = tx.get(storeTasks, key);
      if (row?.state === 'InProgress') tx.put(storeTasks, { ...row, ...change });
    });
  const fail = (key: string, failure: string) => update(key, { state: 'Failed', failure });

  async function store(task: StoreTaskRow, image: ImageRow): Promise<void> {
    const ids = [...new Set(image.blockDevices.flatMap(device => device.snapshotId ?? []))];
    const parts = new Map(ids.map((id, index) => [id, storedDisk(id, index)]));
    const target = await newObjectFile(buckets, task.bucket, objectKey(task.imageId));
    const folder = join(work, `store-${task.imageId}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = join(folder, 'object');
    const archive = await open(temporary, 'w', 0o600);
    let told = 0;
    // Half of the work is writing a disk's content out, the other half putting it into the archive.
    const report = (index: number, done: number) => {
      const percent = Math.min(99, Math.floor(((index + done) / ids.length) * 100));
      if (percent > told) update(task.key, { progress: percent });
      told = Math.max(told, percent);
    };
    try {
      const manifest = Buffer.from(manifestOf(image, tagsOf(state, image.imageId), parts));
      await addEntry(archive, manifestName, manifest.length, oneChunk(manifest));
      for (const [index, [snapshotId, { file }]] of [...parts].entries()) {
        const disk = join(folder, file);
        const progress = (done: number) => report(index, done / 2);
        await disks.exportSnapshot({ snapshotId }, { file: disk, format: 'qcow2', progress });
        const { size } = await stat(disk);
        await addEntry(archive, file, size, createReadStream(disk), bytes => report(index, 0.5 + bytes / size / 2));
        await rm(disk);
      }
      await endArchive(archive);
      await archive.sync();
    } finally {
      await archive.close();
    }
    await rename(temporary, target);
    await rm(folder, { recursive: true, force: true });
    update(task.key, { state: 'Completed', progress: 100 });
  }

  function storedDisk(snapshotId: string, index: number): StoredDisk {
    const row = state.get(snapshots, snapshotId);
    return {
      file: `disk-${index}.qcow2`,
      volumeSize: row?.volumeSize ?? 1,
      description: row?.description ?? '',
      tags: tagsOf(state, snapshotId),
    };
  }

  return {
    name: 'store-images',
    watch: change => {
      const [before, after] = [change.before, change.after] as (StoreTaskRow | undefined)[];
      return change.table === storeTasks.name && before?.state !== after?.state ? [change.key] : [];
    },
    initial: function* () {
      for (const row of state.by(storeTasks, 'open', 'yes')) yield row.key;
    },
    reconcile: async key => {
      const task = state.get(storeTasks, key);
      if (task?.state !== 'InProgress') return undefined;
      const image = state.get(images, task.imageId);
      if (image === undefined) fail(key, `The image ${task.imageId} was deregistered`);
      else await store(task, image);
      return undefined;
    },
    failed: (key, error, attempt) => {
      if (attempt >= attempts || isFinal(error)) fail(key, messageOf(error));
    },
    concurrency: 1,
  };
}

/** Fills the snapshots of AMIs that are restored; what becomes of the AMI follows from them. */
export function restoreController({ state, disks, clock, buckets, work }: StoreControllerOptions): Controller {
  async function restore(task: RestoreTaskRow): Promise<void> {
    const { file } = await objectFile(buckets, task.bucket, task.objectKey);
    const entries = await tarEntries(file);
    const folder = join(work, `restore-${task.imageId}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [snapshotId, name] of Object.entries(task.disks)) {
      const row = state.get(snapshots, snapshotId);
      if (row?.state !== 'pending') continue;
      const entry = entries.find(one => one.name === name);
      if (entry === undefined) throw new ImageError(`the object has no ${name}`);
      const disk = join(folder, name);
      await pipeline(readEntry(file, entry), createWriteStream(disk, { mode: 0o600 }));
      const { format } = await disks.inspectFile(disk);
      await disks.ensureSnapshotImport(snapshotId, { file: disk, format, sizeGib: row.volumeSize });
      const { full } = await disks.snapshotBytes(snapshotId);
      // It was deleted meanwhile.
      if (state.get(snapshots, snapshotId) === undefined) await disks.removeSnapshot(snapshotId);
      else state.write(tx => recordCompleted(tx, snapshotId, clock.now(), full));
      await rm(disk);
    }
    await rm(folder, { recursive: true, force: true });
    state.write(tx => tx.delete(restoreTasks, task.imageId));
  }

  return {
    name: 'restore-images',
    watch: change => (change.table === restoreTasks.name && change.after !== undefined ? [change.key] : []),
    initial: () => Array.from(state.entries(restoreTasks), ({ key }) => key),
    reconcile: async imageId => {
      const task = state.get(restoreTasks, imageId);
      if (task !== undefined) await restore(task);
      return undefined;
    },
    failed: (imageId, error, attempt) => {
      if (attempt < attempts && !isFinal(error)) return;
      state.write(tx => {
        const task = tx.get(restoreTasks, imageId);
        for (const id of Object.keys(task?.disks ?? {})) recordFailed(tx, id, messageOf(error));
        tx.delete(restoreTasks, imageId);
      });
    },
    concurrency: 1,
  };
}

async function* oneChunk(data: Buffer): AsyncGenerator<Buffer> {
  yield data;
}

function isFinal(error: unknown): boolean {
  if (error instanceof EngineError) return error.code !== 'Failed';
  return error instanceof ObjectError || error instanceof ImageError;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
