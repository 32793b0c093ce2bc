import type { AnyOperation } from '../api/operation.ts';
import { getSnapshotBlock, listChangedBlocks, listSnapshotBlocks } from './read.ts';
import { startSnapshot } from './start.ts';
import { completeSnapshot, putSnapshotBlock } from './write.ts';

/** The EBS direct APIs. @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html */
export const ebsOperations: readonly AnyOperation[] = [
  completeSnapshot,
  getSnapshotBlock,
  listChangedBlocks,
  listSnapshotBlocks,
  putSnapshotBlock,
  startSnapshot,
];
