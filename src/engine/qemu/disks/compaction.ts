import { execFile } from 'node:child_process';
import { chmod, chown, rename, rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readImageHeader } from '../qcow2.ts';
import { chainNode } from './convert.ts';
import type { FindHost } from './cuts.ts';
import { openDisk } from './disk-server.ts';
import { type Extent, mapChain } from './extents.ts';
import { collect, REMOVED, removedSnapshots } from './garbage.ts';
import { qemuImg } from './qemu-img.ts';
import { type DiskStore, exists, flush, PARTIAL } from './store.ts';

/*
 * Removed snapshots on which others stand hide what was overwritten since, and make chains longer. A run of them, one
 * upon the other, is replaced by one file with the same content under the name of the topmost: whoever stands on that
 * notices nothing, and what is below it goes. The files themselves never change, so machines that have them open go on
 * with what they have, until they are told to open the chain anew.
 */

const run = promisify(execFile);

/** Runs of this length are merged whatever is in them. */
const LONG_RUN = 8;
/** Shorter ones when what lies above the bottom is at least this part of it, and so many blocks of 512 bytes. */
const WORTHWHILE = 1 / 4;
const WORTHWHILE_BLOCKS = 8192;
/** What is read and written at once, and how often beside each other. */
const CHUNK = 1024 * 1024;
const CHUNKS = 4;

/** Merges removed snapshots where that frees something. Encrypted ones stay: nobody gives their key. @throws EngineError */
export async function compact(store: DiskStore, findHost: FindHost): Promise<void> {
  for (;;) {
    const worthwhile = await worthwhileRun(store);
    if (!worthwhile) return;
    // What was being copied may have held the last of something until now.
    const merged = await merge(store, worthwhile).finally(() => store.withSnapshots(() => collect(store)));
    if (!merged) return;
    await reopen(store, findHost, worthwhile.top);
  }
}

interface Run {
  /** File of the topmost removed snapshot, which stays, with the content of all. */
  readonly top: string;
  /** What the lowest stands on. */
  readonly base: string | undefined;
  readonly length: number;
}

async function worthwhileRun(store: DiskStore): Promise<Run | undefined> {
  const removed = new Set(await removedSnapshots(store));
  const under = new Set<string>();
  for (const file of removed) {
    const below = await store.backingOf(file).catch(() => undefined);
    if (below !== undefined && removed.has(below)) under.add(below);
  }
  for (const top of removed) {
    if (under.has(top)) continue;
    const files: string[] = [];
    let next: string | undefined = top;
    while (next !== undefined && removed.has(next) && (await canMerge(store, next))) {
      files.push(next);
      next = await store.backingOf(next);
    }
    if (files.length < 2) continue;
    const sizes = await Promise.all(files.map(async file => (await stat(store.absolute(file))).blocks));
    const bottom = sizes.at(-1) ?? 0;
    const above = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
    if (files.length >= LONG_RUN || above >= Math.max(bottom * WORTHWHILE, WORTHWHILE_BLOCKS)) {
      return { top, base: next, length: files.length };
    }
  }
  return undefined;
}

async function canMerge(store: DiskStore, file: string): Promise<boolean> {
  const { format, encrypted } = await readImageHeader(store.absolute(file));
  // What has another name too is shared with a copy, or with the cache of AMIs.
  return format === 'qcow2' && !encrypted && (await stat(store.absolute(file))).nlink === 1;
}

/** False when the run is no longer there. */
async function merge(store: DiskStore, { top, base, length }: Run): Promise<boolean> {
  const staged = `${top}.copy${PARTIAL}`;
  try {
    await run('cp', ['--reflink=auto', '--sparse=auto', '--', store.absolute(top), store.absolute(staged)]);
    await chmod(store.absolute(staged), 0o600);
    if (store.user.switchUser) await chown(store.absolute(staged), store.user.uid, store.user.gid);
    const format = base?.endsWith('.raw') ? 'raw' : 'qcow2';
    const onto = base === undefined ? ['-b', ''] : ['-b', `../${base}`, '-F', format];
    await qemuImg(store, 'rebase', ['-u', '-f', 'qcow2', ...onto, staged]);
    // The topmost is there; what stands between it and the base is put into it.
    const files = await store.chain(top);
    const between = (await mapChain(store, files, undefined)).filter(
      extent => extent.present && extent.depth > 0 && extent.depth < length,
    );
    await copyExtents(store, files, staged, between);
    await flush(store.absolute(staged));
    await store.seal(staged);
    return await store.withSnapshots(async () => {
      if (!(await exists(store.absolute(`${top}${REMOVED}`)))) return false;
      await rename(store.absolute(staged), store.absolute(top));
      return true;
    });
  } finally {
    await rm(store.absolute(staged), { force: true });
  }
}

/** Writes extents of a chain of files into an image that nobody has open. */
async function copyExtents(
  store: DiskStore,
  files: readonly string[],
  target: string,
  extents: readonly Extent[],
): Promise<void> {
  if (extents.length === 0) return;
  const chunks = extents.flatMap(({ start, length }) =>
    Array.from({ length: Math.ceil(length / CHUNK) }, (_, index) => ({
      at: start + index * CHUNK,
      bytes: Math.min(CHUNK, length - index * CHUNK),
    })),
  );
  const node = {
    driver: 'qcow2',
    file: { driver: 'file', filename: target },
    discard: 'unmap',
    'detect-zeroes': 'unmap',
  };
  const source = await openDisk(store, chainNode(files, undefined), { secret: '', writable: false });
  try {
    const sink = await openDisk(store, node, { secret: '', writable: true });
    try {
      const copyNext = async (): Promise<void> => {
        for (let chunk = chunks.pop(); chunk; chunk = chunks.pop()) {
          store.stopping.throwIfAborted();
          await sink.nbd.write(chunk.at, await source.nbd.read(chunk.at, chunk.bytes));
        }
      };
      await Promise.all(Array.from({ length: CHUNKS }, copyNext));
      await sink.nbd.flush();
    } finally {
      await sink.close();
    }
  } finally {
    await source.close();
  }
}

/** Machines that have the old files open let go of them. */
async function reopen(store: DiskStore, findHost: FindHost, top: string): Promise<void> {
  for (const volumeId of await store.volumeIds()) {
    await store.withVolumes([volumeId], async () => {
      const newest = await store.newest(volumeId);
      const [, ...below] = newest ? await store.chain(newest.file) : [];
      if (newest && below.includes(top)) await findHost(volumeId)?.reopenBelow(volumeId, newest.file, below);
    });
  }
}
