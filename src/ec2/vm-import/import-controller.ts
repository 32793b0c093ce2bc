import { mkdir, open as openFile, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import { newId } from '../../api/ids.ts';
import { accountOf } from '../../api/owner.ts';
import type { Controller } from '../../controllers/controllers.ts';
import { type DiskDriver, EngineError } from '../../engine/engine.ts';
import { checkAddress } from '../../images/addresses.ts';
import { detectBootMode } from '../../images/boot-mode.ts';
import { ObjectError, objectFile } from '../../images/buckets.ts';
import { compressionOf } from '../../images/compressed.ts';
import { downloadWhole } from '../../images/download.ts';
import { extractOva } from '../../images/ova.ts';
import { ImageError } from '../../images/types.ts';
import { KeyUnavailableError } from '../../kms/data-keys.ts';
import type { State, Tx } from '../../state/state.ts';
import { type ImageRow, images } from '../images/model.ts';
import { noVolume } from '../snapshots/lineage.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { recordCompleted } from '../snapshots/outcomes.ts';
import { removeAllTags } from '../tags/model.ts';
import { type ImportDisk, type ImportTaskRow, importTasks } from './model.ts';

export interface ImportControllerOptions {
  readonly state: State;
  readonly disks: DiskDriver;
  readonly clock: Clock;
  /** Folder of all buckets. */
  readonly buckets: string;
  /** Where downloads lie while they are imported. */
  readonly downloads: string;
  /** The account that may import from this machine's own addresses. */
  readonly localFor: string;
}

export interface ImportController extends Controller {
  /** Lets go of what is under way; the next start begins it again. */
  stop(): void;
}

const gib = 1024 ** 3;
const maximumGib = 65_536;
/** A task that fails for reasons that may pass is tried this often. */
const attempts = 3;

/** A task that cannot be completed, in AWS's words for whose fault it is. */
class TaskError extends Error {}

/**
 * Brings in the disks of import tasks, one after the other, and makes the AMI when all are there. A task that was
 * interrupted begins its current disk again.
 */
export function importController(options: ImportControllerOptions): ImportController {
  const { state, disks, clock } = options;
  const running = new Map<string, AbortController>();
  const stopping = new AbortController();

  function update(taskId: string, change: (tx: Tx, row: ImportTaskRow) => ImportTaskRow): void {
    state.write(tx => {
      const row = tx.get(importTasks, taskId);
      if (row?.state === 'active') tx.put(importTasks, change(tx, row));
    });
  }

  function updateDisk(taskId: string, index: number, change: Partial<ImportDisk>, message?: string): void {
    update(taskId, (_, row) => ({
      ...row,
      ...(message === undefined ? {} : { message }),
      disks: row.disks.map((disk, at) => (at === index ? { ...disk, ...change } : disk)),
    }));
  }

  /** Writes what has changed by a percent at least. */
  function progressOf(taskId: string, index: number, from: number, to: number): (done: number) => void {
    let told = -1;
    return done => {
      const percent = Math.min(99, Math.floor(from + (to - from) * Math.max(0, Math.min(1, done))));
      if (percent <= told) return;
      told = percent;
      updateDisk(taskId, index, { progress: percent });
    };
  }

  async function work(row: ImportTaskRow, signal: AbortSignal): Promise<void> {
    for (const [index, disk] of row.disks.entries()) {
      if (!disk.done) await bringIn(row, index, disk, signal);
      if (signal.aborted) return;
    }
    await complete(row.taskId);
  }

  async function bringIn(row: ImportTaskRow, index: number, disk: ImportDisk, signal: AbortSignal): Promise<void> {
    const { taskId } = row;
    const { source } = disk;
    if (source === undefined) throw new TaskError('ClientError: the disk has no file');
    const folder = join(options.downloads, taskId);
    let file: string;
    let converted = 0;
    if (source.kind === 'bucket') {
      const found = await objectFile(options.buckets, source.bucket, source.key);
      file = found.file;
      updateDisk(taskId, index, { bytes: found.bytes }, 'downloading/converting');
    } else {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      file = join(folder, `disk-${index}`);
      // What an earlier process left may be of another content.
      await rm(file, { force: true });
      updateDisk(taskId, index, {}, 'downloading/converting');
      await fetchDisk({ taskId, index, account: accountOf(row.owner) }, source.url, file, signal);
      converted = 50;
    }
    if (signal.aborted) return;
    const { format, ...opened } = await open(file, disk, join(folder, `disk-${index}.vmdk`));
    const size = await disks.inspectFile(opened.file);
    if (size.format === 'raw') await refuseCompressed(opened.file);
    checkFormat(disk, format, size.format);
    const sizeGib = Math.max(1, Math.ceil(size.virtualBytes / gib));
    if (sizeGib > maximumGib)
      throw new TaskError(`ClientError: Disk validation failed [the disk has ${sizeGib} GiB; at most ${maximumGib}]`);
    const snapshotId = reserve(row, index, sizeGib, format ?? size.format);
    await disks.ensureSnapshotImport(
      snapshotId,
      { file: opened.file, format: size.format, sizeGib },
      { progress: progressOf(taskId, index, converted, 100) },
    );
    const { full } = await disks.snapshotBytes(snapshotId);
    // It was deleted meanwhile.
    if (state.get(snapshots, snapshotId) === undefined) await disks.removeSnapshot(snapshotId);
    finishDisk(taskId, index, snapshotId, full);
    await rm(folder, { recursive: true, force: true });
  }

  async function fetchDisk(
    { taskId, index, account }: { readonly taskId: string; readonly index: number; readonly account: string },
    url: string,
    file: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { bavail, bsize } = await statfs(options.downloads);
    const report = progressOf(taskId, index, 0, 50);
    let known = false;
    await downloadWhole(url, file, {
      signal,
      check: address => checkAddress(address, account === options.localFor),
      onBytes: (have, total) => {
        if (total === undefined) return;
        if (!known && total - have > bavail * bsize)
          throw new TaskError(`ServerError: there is no room for the ${total} bytes of ${url}`);
        if (!known) updateDisk(taskId, index, { bytes: total });
        known = true;
        report(total === 0 ? 1 : have / total);
      },
    });
  }

  /** The disk of an OVA is taken out of it first. */
  async function open(file: string, disk: ImportDisk, vmdk: string): Promise<{ file: string; format?: 'ova' }> {
    if (disk.format !== 'ova') return { file };
    await mkdir(dirname(vmdk), { recursive: true, mode: 0o700 });
    await extractOva(file, vmdk);
    return { file: vmdk, format: 'ova' };
  }

  /** The snapshot of a disk, pending; the same again when the task begins again. */
  function reserve(task: ImportTaskRow, index: number, sizeGib: number, format: ImportDisk['format']): string {
    const known = state.get(importTasks, task.taskId)?.disks[index]?.snapshotId;
    if (known !== undefined && state.get(snapshots, known) !== undefined) return known;
    const snapshotId = newId('snap');
    const row: SnapshotRow = {
      snapshotId,
      owner: task.owner,
      volumeId: noVolume,
      volumeSize: sizeGib,
      state: 'pending',
      description: `Created by AWS-VMImport service for ${task.taskId}`,
      ...(task.disks[index]?.encryption ?? { encrypted: false }),
      startTime: clock.now(),
    };
    update(task.taskId, (tx, now) => {
      tx.put(snapshots, row);
      return { ...now, disks: now.disks.map((disk, at) => (at === index ? { ...disk, snapshotId, format } : disk)) };
    });
    return snapshotId;
  }

  function finishDisk(taskId: string, index: number, snapshotId: string, bytes: number): void {
    update(taskId, (tx, row) => {
      if (tx.get(snapshots, snapshotId) === undefined)
        throw new TaskError(`ClientError: the snapshot ${snapshotId} was deleted`);
      recordCompleted(tx, snapshotId, clock.now(), bytes);
      return {
        ...row,
        disks: row.disks.map((disk, at) => (at === index ? { ...disk, done: true, progress: undefined } : disk)),
      };
    });
  }

  async function complete(taskId: string): Promise<void> {
    const row = state.get(importTasks, taskId);
    if (row?.state !== 'active') return;
    const { image, disks: parts } = row;
    if (image === undefined) {
      update(taskId, (_, now) => ({ ...now, state: 'completed', message: undefined }));
      return;
    }
    const bootMode = image.bootMode ?? (await bootModeOf(parts[0]?.snapshotId ?? '', image.architecture));
    update(taskId, (tx, now) => {
      const imageId = `ami-${taskId.slice('import-ami-'.length)}`;
      tx.put(images, newImage(tx, now, imageId, bootMode, clock.now()));
      return { ...now, state: 'completed', message: undefined, image: { ...image, bootMode, imageId } };
    });
  }

  async function bootModeOf(snapshotId: string, architecture: string): Promise<'legacy-bios' | 'uefi'> {
    if (architecture === 'arm64') return 'uefi';
    const blocks = await disks.openSnapshot(snapshotId);
    try {
      return detectBootMode(await blocks.read(0));
    } finally {
      await blocks.close();
    }
  }

  /** Ends a task that was cancelled or failed; nothing of it stays. */
  async function end(taskId: string, message: string | undefined): Promise<void> {
    await rm(join(options.downloads, taskId), { recursive: true, force: true });
    state.write(tx => {
      const row = tx.get(importTasks, taskId);
      if (row === undefined || row.state === 'completed' || row.state === 'deleted') return;
      for (const disk of row.disks) {
        if (disk.source === undefined || disk.snapshotId === undefined) continue;
        tx.delete(snapshots, disk.snapshotId);
        removeAllTags(tx, disk.snapshotId);
      }
      tx.put(importTasks, { ...row, state: 'deleted', message: message ?? row.message });
    });
  }

  async function reconcile(taskId: string): Promise<undefined> {
    const row = state.get(importTasks, taskId);
    if (row?.state === 'deleting') return void (await end(taskId, undefined));
    if (row?.state !== 'active' || stopping.signal.aborted) return;
    const abort = new AbortController();
    running.set(taskId, abort);
    try {
      await Promise.race([work(row, AbortSignal.any([abort.signal, stopping.signal])), aborted(stopping.signal)]);
    } catch (error) {
      if (abort.signal.aborted || stopping.signal.aborted) return;
      const message = messageOf(error);
      if (message === undefined) throw error;
      await end(taskId, message);
    } finally {
      running.delete(taskId);
    }
  }

  return {
    name: 'imports',
    watch: change => {
      if (change.table !== importTasks.name) return [];
      const [before, after] = [change.before, change.after] as (ImportTaskRow | undefined)[];
      if (after?.state === 'deleting') running.get(change.key)?.abort();
      // Its own progress must not wake it.
      return before?.state === after?.state ? [] : [change.key];
    },
    initial: function* () {
      for (const row of state.by(importTasks, 'open', 'yes')) yield row.taskId;
    },
    reconcile,
    failed: (taskId, error, attempt) => {
      if (attempt >= attempts) void end(taskId, `ServerError: ${error instanceof Error ? error.message : error}`);
    },
    concurrency: 2,
    stop: () => stopping.abort(),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** What a task ends with; undefined when it is worth another try. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof TaskError) return error.message;
  if (error instanceof KeyUnavailableError) return `ClientError: ${error.message}`;
  if (error instanceof ObjectError || error instanceof ImageError) return `ClientError: ${error.message}`;
  if (error instanceof EngineError && error.code === 'Invalid')
    return `ClientError: Disk validation failed [${error.message}]`;
  if (error instanceof EngineError && error.code !== 'Failed') return `ServerError: ${error.message}`;
  return undefined;
}

/** What is compressed is no disk, though it could be read as one. @throws TaskError */
async function refuseCompressed(file: string): Promise<void> {
  const handle = await openFile(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    const program = compressionOf(buffer);
    if (program === undefined) return;
    throw new TaskError(
      `ClientError: Disk validation failed [the file is compressed with ${program}; decompress it first]`,
    );
  } finally {
    await handle.close();
  }
}

/** @throws TaskError when the file is of another format than the request says. */
function checkFormat(disk: ImportDisk, archive: 'ova' | undefined, found: string): void {
  const wanted = archive === undefined ? disk.format : 'vmdk';
  if (wanted === undefined || wanted === found) return;
  throw new TaskError(
    `ClientError: Disk validation failed [the file is ${found.toUpperCase()}, not ${wanted.toUpperCase()}]`,
  );
}

function newImage(
  tx: Tx,
  task: ImportTaskRow,
  imageId: string,
  bootMode: 'legacy-bios' | 'uefi',
  now: number,
): ImageRow {
  const root = task.disks[0]?.deviceName ?? '/dev/sda1';
  return {
    imageId,
    owner: task.owner,
    name: task.taskId,
    description: task.description ?? `AWS-VMImport service: Linux - ${task.taskId}`,
    architecture: task.image?.architecture ?? 'x86_64',
    state: 'available',
    public: false,
    launchPermissions: [],
    rootDeviceName: root,
    blockDevices: task.disks.map(disk => ({
      deviceName: disk.deviceName ?? root,
      snapshotId: disk.snapshotId ?? '',
      volumeSize: tx.get(snapshots, disk.snapshotId ?? '')?.volumeSize ?? 1,
      volumeType: 'gp2',
      deleteOnTermination: true,
      encrypted: tx.get(snapshots, disk.snapshotId ?? '')?.encrypted ?? false,
    })),
    bootMode,
    enaSupport: true,
    creationDate: now,
  };
}
