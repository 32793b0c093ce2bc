import { type DiskDriver, type DiskKey, EngineError, type SnapshotBlocks } from '../engine/engine.ts';

/** 512 KiB. */
export const blockSize = 524_288;

/** A snapshot and what it is read with. */
export interface StoredSnapshot {
  readonly snapshotId: string;
  readonly key?: DiskKey | undefined;
}

/** Reads snapshots that are complete, and writes those that are not. */
export interface BlockStore {
  /** Indexes of the blocks that may hold something else than zeros, ascending. */
  allocated(snapshot: StoredSnapshot): Promise<readonly number[]>;
  /** Indexes of the blocks in which two snapshots may differ, ascending. */
  changed(first: StoredSnapshot, second: StoredSnapshot): Promise<readonly number[]>;
  read(snapshot: StoredSnapshot, index: number): Promise<Uint8Array>;
  /**
   * Writes a whole block of a snapshot that is being made. One write of a block ends before the next begins.
   * @throws EngineError `InsufficientCapacity`
   */
  write(
    snapshot: StoredSnapshot & { readonly sizeGib: number; readonly parentId?: string | undefined },
    index: number,
    data: Uint8Array,
  ): Promise<void>;
  /** Lets go of a snapshot that will be complete, or deleted, now. */
  release(snapshotId: string): Promise<void>;
  close(): Promise<void>;
}

interface Opened {
  readonly blocks: Promise<SnapshotBlocks>;
  allocated?: Promise<number[]>;
  /** Calls under way. */
  uses: number;
  timer?: NodeJS.Timeout;
}

/** Milliseconds for which a snapshot stays open after its last use: opening one for each block would take longer than reading. */
const keepOpen = 5_000;

/** Lists of changed blocks that are kept while somebody pages through them. */
const keptComparisons = 16;

export function createBlockStore(disks: DiskDriver): BlockStore {
  const opened = new Map<string, Opened>();
  const comparisons = new Map<string, Promise<number[]>>();

  /** Runs something with an open snapshot. */
  async function using<Result>(
    { snapshotId, key }: StoredSnapshot,
    run: (one: Opened, blocks: SnapshotBlocks) => Promise<Result>,
  ): Promise<Result> {
    let one = opened.get(snapshotId);
    if (one === undefined) {
      one = { blocks: disks.openSnapshot(snapshotId, key === undefined ? {} : { key }), uses: 0 };
      opened.set(snapshotId, one);
    }
    clearTimeout(one.timer);
    one.uses++;
    try {
      return await run(one, await one.blocks);
    } catch (error) {
      // The next call opens it anew, which may be better.
      if (opened.get(snapshotId) === one) opened.delete(snapshotId);
      throw error;
    } finally {
      one.uses--;
      if (one.uses === 0) {
        if (opened.get(snapshotId) === one) {
          one.timer = setTimeout(() => void shut(snapshotId), keepOpen);
          one.timer.unref();
        } else await closed(one);
      }
    }
  }

  /** What is under way closes it in the end. */
  async function shut(snapshotId: string): Promise<void> {
    const one = opened.get(snapshotId);
    if (one === undefined) return;
    opened.delete(snapshotId);
    clearTimeout(one.timer);
    if (one.uses === 0) await closed(one);
  }

  return {
    allocated: snapshot =>
      using(snapshot, (one, blocks) => {
        one.allocated ??= blocks.allocated();
        return one.allocated;
      }),
    changed: (first, second) => {
      const id = `${first.snapshotId} ${second.snapshotId}`;
      let found = comparisons.get(id);
      if (found === undefined) {
        found = disks.changedBlocks(given(first), given(second));
        found.catch(() => comparisons.delete(id));
        if (comparisons.size >= keptComparisons) comparisons.delete(comparisons.keys().next().value ?? '');
        comparisons.set(id, found);
      }
      return found;
    },
    read: (snapshot, index) => using(snapshot, (_one, blocks) => blocks.read(index)),
    async write({ sizeGib, parentId, ...snapshot }, index, data) {
      const { snapshotId, key } = given(snapshot);
      if (!opened.has(snapshotId)) {
        await disks.ensureSnapshotDraft(snapshotId, {
          sizeGib,
          ...(parentId !== undefined && { parentId }),
          ...(key !== undefined && { key }),
        });
      }
      await using(snapshot, (_one, blocks) => blocks.write(index, data));
    },
    release: shut,
    async close() {
      for (const snapshotId of opened.keys()) await shut(snapshotId);
    },
  };
}

async function closed(one: Opened): Promise<void> {
  await one.blocks.then(blocks => blocks.close()).catch(() => {});
}

function given({ snapshotId, key }: StoredSnapshot): { readonly snapshotId: string; readonly key?: DiskKey } {
  return key === undefined ? { snapshotId } : { snapshotId, key };
}

/** Whether the host's disk is full. */
export function isFull(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'InsufficientCapacity';
}
