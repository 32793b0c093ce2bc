import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, open, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import {
  type DiskDriver,
  type DiskFileFormat,
  type DiskKey,
  EngineError,
  type Progress,
  type SnapshotCut,
} from '../../engine.ts';
import { snapshotFile } from '../paths.ts';
import { readImageHeader } from '../qcow2.ts';
import { chainSource, convertInto, SOURCE_SECRET } from './convert.ts';
import { formatDrivers, inspectDiskFile } from './formats.ts';
import { qemuImg } from './qemu-img.ts';
import { type DiskStore, flush, GIB, PARTIAL, sameKey } from './store.ts';

const run = promisify(execFile);

/** Of the files that are written for others. */
const exportOptions: Readonly<Partial<Record<DiskFileFormat, string>>> = {
  vmdk: 'subformat=streamOptimized',
  vhd: 'subformat=dynamic,force_size=on',
};

type Copies = Pick<DiskDriver, 'ensureSnapshotCopy' | 'ensureSnapshotImport' | 'exportSnapshot' | 'inspectFile'>;
interface CopyOptions {
  readonly key?: DiskKey;
  readonly progress?: Progress;
}
interface KeyedSnapshot {
  readonly snapshotId: string;
  readonly key?: DiskKey;
}

/** What reads and writes whole disks; what is empty takes no time. */
export function createCopies(store: DiskStore): Copies {
  async function copySnapshot(snapshotId: string, source: KeyedSnapshot, options: CopyOptions = {}): Promise<void> {
    if (await store.findSnapshot(snapshotId)) return;
    const { file, header } = await store.requireSnapshot(source.snapshotId);
    if (sameKey(source.key, options.key)) {
      // Neither changes any more, and each is gone when its own name is.
      await store.withSnapshots(() => store.alsoNamed(file, snapshotFile(snapshotId, header.format)));
    } else {
      const target = snapshotFile(snapshotId, 'qcow2');
      const from = await chainSource(store, file, source.key);
      await convertInto(store, target, from, { ...options, virtualBytes: header.virtualBytes });
      await store.seal(target);
    }
    options.progress?.(1);
  }

  async function importFile(
    snapshotId: string,
    { file, format, sizeGib }: { readonly file: string; readonly format: DiskFileFormat; readonly sizeGib: number },
    options: CopyOptions = {},
  ): Promise<void> {
    if (await store.findSnapshot(snapshotId)) return;
    await withStaged(file, snapshotId, async (staged, bytes) => {
      const found = await inspectDiskFile(store.absolute(staged));
      if (found.format !== format) throw new EngineError('Invalid', `the disk is ${found.format}, not ${format}`);
      if (found.virtualBytes > sizeGib * GIB) {
        throw new EngineError('Invalid', `the disk does not fit into ${sizeGib} GiB`);
      }
      const driver = formatDrivers[format];
      const node = { driver, 'read-only': true, file: { driver: 'file', filename: staged } };
      const target = snapshotFile(snapshotId, 'qcow2');
      await convertInto(store, target, { node, bytes }, { ...options, virtualBytes: sizeGib * GIB });
      await store.seal(target);
    });
    options.progress?.(1);
  }

  /** A copy that nobody can change between the look at it and its use, and that a machine's user may read. */
  async function withStaged<T>(
    file: string,
    name: string,
    work: (staged: string, bytes: number) => Promise<T>,
  ): Promise<T> {
    const staged = `snapshots/${name}.import${PARTIAL}`;
    const path = store.absolute(staged);
    try {
      const source = await open(file).catch(error => {
        throw new EngineError('Invalid', `the file cannot be read: ${error.message}`, { cause: error });
      });
      const { blocks } = await source.stat().finally(() => source.close());
      const size = blocks * 512;
      await store.requireSpace(size, file);
      // Node copies holes as zeros.
      await run('cp', ['--reflink=auto', '--sparse=auto', '--', file, path]);
      await chmod(path, 0o400);
      if (store.user.switchUser) await chown(path, store.user.uid, store.user.gid);
      return await work(staged, size);
    } finally {
      await rm(path, { force: true });
    }
  }

  async function exportTo(
    { snapshotId, key }: KeyedSnapshot,
    { file, format, progress = () => {} }: { file: string; format: DiskFileFormat; progress?: Progress },
  ): Promise<void> {
    const found = await store.requireSnapshot(snapshotId);
    const source = await chainSource(store, found.file, key);
    await store.requireSpace(source.bytes, file);
    const staged = `snapshots/${snapshotId}.${format}${PARTIAL}`;
    const path = store.absolute(staged);
    try {
      const handle = await open(path, 'w', 0o600);
      if (store.user.switchUser) await handle.chown(store.user.uid, store.user.gid);
      await handle.close();
      const options = exportOptions[format];
      const argv = ['-p', '-O', formatDrivers[format], ...(options ? ['-o', options] : [])];
      await qemuImg(store, 'convert', [...argv, `json:${JSON.stringify(source.node)}`, staged], {
        keys: { [SOURCE_SECRET]: key },
        progress,
      });
      if (store.user.switchUser) await chown(path, 0, 0);
      await flush(path);
      await move(path, file);
    } finally {
      await rm(path, { force: true });
    }
  }

  return {
    ensureSnapshotCopy: (snapshotId, source, options) =>
      store.exclusively(snapshotId, () => copySnapshot(snapshotId, source, options)),
    inspectFile: inspectDiskFile,
    ensureSnapshotImport: (snapshotId, source, options) =>
      store.exclusively(snapshotId, () => importFile(snapshotId, source, options)),
    exportSnapshot: (source, target) =>
      store.exclusively(`export ${source.snapshotId} ${target.format}`, () => exportTo(source, target)),
  };
}

/** A snapshot that shares nothing with its volume, which nobody may write to. */
export async function copyVolume(store: DiskStore, file: string, { snapshotId, key }: SnapshotCut): Promise<void> {
  const { virtualBytes } = await readImageHeader(store.absolute(file));
  const target = snapshotFile(snapshotId, 'qcow2');
  await convertInto(store, target, await chainSource(store, file, key), { virtualBytes, key });
  await store.seal(target);
}

/** Under its name only when it is whole, also on another file system. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    await copyFile(from, `${to}${PARTIAL}`);
    await rename(`${to}${PARTIAL}`, to);
  }
}
