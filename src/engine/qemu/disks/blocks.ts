import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskDriver, type DiskKey, EngineError, type SnapshotBlocks } from '../../engine.ts';
import { snapshotFile } from '../paths.ts';
import { readImageHeader } from '../qcow2.ts';
import { chainNode, SOURCE_SECRET } from './convert.ts';
import { type OpenDisk, openDisk, SERVER_FOLDER } from './disk-server.ts';
import { type Extent, mapChain } from './extents.ts';
import { NbdError } from './nbd.ts';
import { backingFor, type DiskStore, exists, flush, GIB, sameKey } from './store.ts';

const BLOCK = 512 * 1024;
/** A snapshot that is being written block by block. */
const DRAFT = '.draft';
/** How long a disk stays open after its last use: whoever reads one block reads the next. */
const IDLE_MS = 10_000;

type BlockAccess = Pick<DiskDriver, 'ensureSnapshotDraft' | 'completeSnapshot' | 'openSnapshot' | 'changedBlocks'> & {
  /** Lets go of a snapshot's disk, and of what was written to its draft. */
  abandon(snapshotId: string): Promise<void>;
  close(): Promise<void>;
};

interface Opened {
  readonly disk: Promise<OpenDisk>;
  readonly bytes: number;
  readonly key: DiskKey | undefined;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

export function createBlocks(store: DiskStore): BlockAccess {
  const opened = new Map<string, Opened>();

  const draftFile = (snapshotId: string) => `${snapshotFile(snapshotId, 'qcow2')}${DRAFT}`;

  async function fileOf(snapshotId: string): Promise<{ file: string; draft: boolean }> {
    const draft = draftFile(snapshotId);
    if (await exists(store.absolute(draft))) return { file: draft, draft: true };
    return { file: (await store.requireSnapshot(snapshotId)).file, draft: false };
  }

  async function use(snapshotId: string, key: DiskKey | undefined): Promise<Opened> {
    const known = opened.get(snapshotId);
    if (known && sameKey(known.key, key)) {
      clearTimeout(known.timer);
      known.users += 1;
      return known;
    }
    if (known) await letGo(snapshotId);
    const { file, draft } = await fileOf(snapshotId);
    const files = await store.chain(file);
    const chain = chainNode(files, key);
    const node = draft
      ? { ...chain, driver: 'qcow2', 'read-only': false, discard: 'unmap', 'detect-zeroes': 'unmap' }
      : chain;
    const bytes = await sizeOf(file);
    const disk = openDisk(store, node, { key, secret: SOURCE_SECRET, writable: draft });
    const entry: Opened = { disk, bytes, key, users: 1, timer: undefined };
    opened.set(snapshotId, entry);
    disk.catch(() => {
      if (opened.get(snapshotId) === entry) opened.delete(snapshotId);
    });
    return entry;
  }

  function leave(snapshotId: string, entry: Opened): void {
    entry.users -= 1;
    if (entry.users > 0) return;
    entry.timer = setTimeout(() => void letGo(snapshotId, entry), IDLE_MS);
    entry.timer.unref();
  }

  async function letGo(snapshotId: string, only?: Opened): Promise<void> {
    const entry = opened.get(snapshotId);
    if (!entry || (only && entry !== only)) return;
    opened.delete(snapshotId);
    clearTimeout(entry.timer);
    await (await entry.disk.catch(() => undefined))?.close();
  }

  async function sizeOf(file: string): Promise<number> {
    return (await readImageHeader(store.absolute(file))).virtualBytes;
  }

  async function extents(snapshotId: string, key: DiskKey | undefined): Promise<Extent[]> {
    // What has been written to a draft is in its daemon's caches, and its file is locked.
    await letGo(snapshotId);
    const { file } = await fileOf(snapshotId);
    return mapChain(store, await store.chain(file), key);
  }

  async function openSnapshot(snapshotId: string, key: DiskKey | undefined): Promise<SnapshotBlocks> {
    const { draft } = await fileOf(snapshotId);
    const entry = await use(snapshotId, key);
    let closed = false;
    return {
      allocated: async () => blocksOf((await extents(snapshotId, key)).filter(extent => !extent.zero)),
      async read(index) {
        const { nbd } = await (await current()).disk;
        const length = Math.max(0, Math.min(BLOCK, entry.bytes - index * BLOCK));
        const data = length > 0 ? await nbd.read(index * BLOCK, length) : Buffer.alloc(0);
        return length === BLOCK ? data : Buffer.concat([data], BLOCK);
      },
      async write(index, data) {
        if (!draft) throw new EngineError('Invalid', `the snapshot ${snapshotId} is complete`);
        if (data.length !== BLOCK || (index + 1) * BLOCK > entry.bytes) {
          throw new EngineError('Invalid', `the snapshot ${snapshotId} has no block ${index} of ${data.length} bytes`);
        }
        await store.requireSpace(BLOCK, `a block of ${snapshotId}`);
        const { nbd } = await (await current()).disk;
        await nbd.write(index * BLOCK, data).catch(error => {
          if (error instanceof NbdError && error.isFull) throw new EngineError('InsufficientCapacity', error.message);
          throw error;
        });
        await nbd.flush();
      },
      async close() {
        if (closed) return;
        closed = true;
        leave(snapshotId, entry);
      },
    };

    /** The disk may have been closed for a look at its map. */
    async function current(): Promise<Opened> {
      if (opened.get(snapshotId) === entry) return entry;
      const again = await use(snapshotId, key);
      leave(snapshotId, again);
      return again;
    }
  }

  async function changedBlocks(
    first: { readonly snapshotId: string; readonly key?: DiskKey },
    second: { readonly snapshotId: string; readonly key?: DiskKey },
  ): Promise<number[]> {
    const [one, other] = [await fileOf(first.snapshotId), await fileOf(second.snapshotId)];
    const files = await store.chain(other.file);
    const same = await Promise.all(files.map(file => store.isSameFile(file, one.file)));
    const depth = same.indexOf(true);
    if (depth >= 0) {
      const written = (await extents(second.snapshotId, second.key)).filter(
        extent => extent.present && extent.depth < depth,
      );
      return blocksOf(written);
    }
    const ofFirst = (await extents(first.snapshotId, first.key)).filter(extent => !extent.zero);
    const ofSecond = (await extents(second.snapshotId, second.key)).filter(extent => !extent.zero);
    const all = [...new Set([...blocksOf(ofFirst), ...blocksOf(ofSecond)])].sort((a, b) => a - b);
    const [a, b] = [await openSnapshot(first.snapshotId, first.key), await openSnapshot(second.snapshotId, second.key)];
    try {
      const changed: number[] = [];
      for (const index of all) {
        const [x, y] = await Promise.all([a.read(index), b.read(index)]);
        if (!x.equals(y)) changed.push(index);
      }
      return changed;
    } finally {
      await a.close();
      await b.close();
    }
  }

  return {
    openSnapshot: (snapshotId, options) => openSnapshot(snapshotId, options?.key),
    changedBlocks,
    async ensureSnapshotDraft(snapshotId, { sizeGib, parentId, key }) {
      await store.exclusively(snapshotId, async () => {
        if (await store.findSnapshot(snapshotId)) return;
        if (await exists(store.absolute(draftFile(snapshotId)))) return;
        const parent = parentId === undefined ? undefined : await store.requireSnapshot(parentId);
        const backing = parent && backingFor(parent.file, parent.header.format);
        await store.withSnapshots(() => store.writeOverlay(draftFile(snapshotId), sizeGib * GIB, backing, key));
      });
    },
    async completeSnapshot(snapshotId) {
      await store.exclusively(snapshotId, async () => {
        const draft = draftFile(snapshotId);
        if (!(await exists(store.absolute(draft)))) return;
        await letGo(snapshotId);
        await flush(store.absolute(draft));
        await store.seal(draft);
        await rename(store.absolute(draft), store.absolute(snapshotFile(snapshotId, 'qcow2')));
        await store.flushFolder('snapshots');
      });
    },
    async abandon(snapshotId) {
      await letGo(snapshotId);
      await rm(store.absolute(draftFile(snapshotId)), { force: true });
    },
    async close() {
      await Promise.all([...opened.keys()].map(snapshotId => letGo(snapshotId)));
      const folder = store.absolute(SERVER_FOLDER);
      for (const name of await readdir(folder).catch(() => [])) await rm(join(folder, name), { force: true });
    },
  };
}

/** Blocks that extents touch, ascending. */
function blocksOf(extents: readonly Extent[]): number[] {
  const blocks = new Set<number>();
  for (const { start, length } of extents) {
    for (let index = Math.floor(start / BLOCK); index * BLOCK < start + length; index++) blocks.add(index);
  }
  return [...blocks].sort((a, b) => a - b);
}
