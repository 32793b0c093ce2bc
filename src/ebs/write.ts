import { createHash } from 'node:crypto';
import type {
  CompleteSnapshotRequest,
  CompleteSnapshotResponse,
  PutSnapshotBlockRequest,
  PutSnapshotBlockResponse,
} from '@aws-sdk/client-ebs';
import { arn } from '../api/arn.ts';
import { ApiError } from '../api/errors.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../api/operation.ts';
import { snapshots } from '../ec2/snapshots/model.ts';
import type { Reader } from '../state/state.ts';
import { type BlockStore, blockSize, isFull } from './block-store.ts';
import { validation } from './errors.ts';
import { chunkSize, writtenBlocks, writtenBlocksKey } from './model.ts';
import { checkIndex, stored, writableSnapshot } from './snapshots.ts';

/** `BlockData` is a stream to the SDK, and bytes here. */
type PutInput = Omit<PutSnapshotBlockRequest, 'BlockData'> & { readonly BlockData: Uint8Array | undefined };

/** Blocks that are being written: `SNAPSHOT INDEX`. */
const underWay = new WeakMap<BlockStore, Set<string>>();

/**
 * The block is written before the transaction that notes it: until the snapshot is complete nobody can read it, and a
 * block that is there and not noted is written again, or makes CompleteSnapshot fail.
 * @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_PutSnapshotBlock.html
 */
export const putSnapshotBlock = writeOperation<PutInput, PutSnapshotBlockResponse, string>({
  service: 'ebs',
  name: 'PutSnapshotBlock',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  prepare: async (input, context) => {
    const row = writableSnapshot(context, input.SnapshotId);
    const index = checkIndex(row, input.BlockIndex);
    const { data, checksum } = checkBlock(input);
    const { blocks } = context.services;
    const busy = busyBlocks(blocks);
    const id = `${row.snapshotId} ${index}`;
    if (busy.has(id)) {
      throw validation(
        'CONFLICTING_BLOCK_UPDATE',
        `Block ${index} of ${row.snapshotId} is being written by another request.`,
      );
    }
    busy.add(id);
    try {
      const { parentId } = row.making;
      await blocks.write({ ...stored(context, row), sizeGib: row.volumeSize, parentId }, index, data);
    } catch (error) {
      busy.delete(id);
      if (!isFull(error)) throw error;
      throw new ApiError('InternalServerException', 'There is no room for the block on the disk.', 500);
    }
    return checksum;
  },
  run: (input, context, checksum) => {
    const { db, owner, now } = context;
    const index = input.BlockIndex ?? 0;
    busyBlocks(context.services.blocks).delete(`${input.SnapshotId} ${index}`);
    const row = writableSnapshot(context, input.SnapshotId);
    const chunk = Math.floor(index / chunkSize);
    const present = db.get(writtenBlocks, writtenBlocksKey(row.snapshotId, chunk));
    db.put(writtenBlocks, {
      snapshotId: row.snapshotId,
      owner,
      chunk,
      checksums: { ...present?.checksums, [index]: checksum },
      lastWrite: now,
    });
    const { Progress: progress } = input;
    if (progress !== undefined && progress !== row.progress) db.put(snapshots, { ...row, progress });
    return { Checksum: checksum, ChecksumAlgorithm: 'SHA256' };
  },
});

function busyBlocks(blocks: BlockStore): Set<string> {
  let busy = underWay.get(blocks);
  if (busy === undefined) {
    busy = new Set();
    underWay.set(blocks, busy);
  }
  return busy;
}

/** @throws ApiError `ValidationException` */
function checkBlock(input: PutInput): { readonly data: Uint8Array; readonly checksum: string } {
  const { BlockData: data = new Uint8Array(), DataLength, Checksum, ChecksumAlgorithm, Progress } = input;
  if (DataLength !== blockSize || data.length !== blockSize) {
    throw validation(
      'INVALID_PARAMETER_VALUE',
      `A block has ${blockSize} bytes; this one has ${data.length}, and DataLength is ${DataLength}.`,
    );
  }
  checkAlgorithm(ChecksumAlgorithm);
  if (Progress !== undefined && !(Number.isInteger(Progress) && Progress >= 0 && Progress <= 100))
    throw validation('INVALID_PARAMETER_VALUE', 'Progress must be 0 to 100.');
  const checksum = createHash('sha256').update(data).digest('base64');
  if (checksum !== Checksum) {
    throw validation('INVALID_PARAMETER_VALUE', 'The checksum that was given is not that of the block that arrived.');
  }
  return { data, checksum };
}

function checkAlgorithm(algorithm: string | undefined): void {
  if (algorithm === 'SHA256') return;
  throw validation('INVALID_PARAMETER_VALUE', `ChecksumAlgorithm must be SHA256, not ${algorithm}.`);
}

/** @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_CompleteSnapshot.html */
export const completeSnapshot = writeOperation<CompleteSnapshotRequest, CompleteSnapshotResponse>({
  service: 'ebs',
  name: 'CompleteSnapshot',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const row = writableSnapshot(context, input.SnapshotId);
    const { blocks } = context.services;
    if ([...busyBlocks(blocks)].some(id => id.startsWith(`${row.snapshotId} `)))
      throw validation('CONFLICTING_BLOCK_UPDATE', `Blocks of ${row.snapshotId} are still being written.`);
    const written = checksumsOf(context.db, row.snapshotId);
    if (input.ChangedBlocksCount !== written.length) {
      throw validation(
        'INVALID_PARAMETER_VALUE',
        `ChangedBlocksCount is ${input.ChangedBlocksCount}, but ${written.length} blocks were written to ${row.snapshotId}.`,
      );
    }
    checkAggregate(input, written);
    context.db.put(snapshots, { ...row, making: { ...row.making, sealed: true } });
    return { Status: 'pending' };
  },
  afterwards: untilComplete,
});

/** Clients read a snapshot right after they completed it; that takes no time here. */
function untilComplete(_output: CompleteSnapshotResponse, context: ReadContext): Promise<void> {
  const { SnapshotId } = context.call.input;
  const isDone = () => context.db.get(snapshots, String(SnapshotId))?.state !== 'pending';
  return context.services.until(isDone, 10_000);
}

/** Checksums of the blocks that were written, in order of their indexes. */
function checksumsOf(db: Reader, snapshotId: string): string[] {
  const all = db.by(writtenBlocks, 'snapshot', snapshotId).flatMap(row => Object.entries(row.checksums));
  return all.sort(([a], [b]) => Number(a) - Number(b)).map(([, checksum]) => checksum);
}

/** @throws ApiError `ValidationException` */
function checkAggregate(input: CompleteSnapshotRequest, written: readonly string[]): void {
  const { Checksum, ChecksumAlgorithm, ChecksumAggregationMethod: method } = input;
  if (Checksum === undefined && ChecksumAlgorithm === undefined && method === undefined) return;
  checkAlgorithm(ChecksumAlgorithm);
  if (method !== 'LINEAR')
    throw validation('INVALID_PARAMETER_VALUE', `ChecksumAggregationMethod must be LINEAR, not ${method}.`);
  const hash = createHash('sha256');
  for (const checksum of written) hash.update(Buffer.from(checksum, 'base64'));
  if (hash.digest('base64') === Checksum) return;
  throw validation(
    'INVALID_PARAMETER_VALUE',
    'The checksum that was given is not that of the blocks that were written.',
  );
}

/** Forgets what was noted of the blocks of a snapshot that is complete, or gone. */
export function forgetWritten(db: WriteContext['db'], snapshotId: string): void {
  for (const { chunk } of db.by(writtenBlocks, 'snapshot', snapshotId))
    db.delete(writtenBlocks, writtenBlocksKey(snapshotId, chunk));
}
