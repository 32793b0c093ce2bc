import { defineTable } from '../state/table.ts';

/** Some of the blocks that were written to a snapshot which is not complete: a chunk of them, so that rows stay small. */
export interface WrittenBlocksRow {
  readonly snapshotId: string;
  readonly owner: string;
  /** Index of its blocks divided by `chunkSize`. */
  readonly chunk: number;
  /** Base64 of each block's SHA-256, by its index. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly lastWrite: number;
}

export const chunkSize = 64;

export const writtenBlocksKey = (snapshotId: string, chunk: number): string => `${snapshotId} ${chunk}`;

export const writtenBlocks = defineTable<WrittenBlocksRow>()({
  name: 'ebs_written_blocks',
  key: row => writtenBlocksKey(row.snapshotId, row.chunk),
  indexes: { snapshot: row => row.snapshotId },
});
