import { createHash } from 'node:crypto';
import type {
  GetSnapshotBlockRequest,
  ListChangedBlocksRequest,
  ListChangedBlocksResponse,
  ListSnapshotBlocksRequest,
  ListSnapshotBlocksResponse,
} from '@aws-sdk/client-ebs';
import { arn } from '../api/arn.ts';
import { type ReadContext, readOperation } from '../api/operation.ts';
import { lineageOf } from '../ec2/snapshots/lineage.ts';
import { blockSize } from './block-store.ts';
import { validation } from './errors.ts';
import { blockCount, checkIndex, readableSnapshot, stored } from './snapshots.ts';
import { blockTokens, checkBlockToken, openPageToken, pageToken } from './tokens.ts';

const pageLimits = { least: 100, most: 10_000 } as const;

/** The data of a block as the gateway sends it. */
interface Block {
  readonly DataLength: number;
  readonly BlockData: Uint8Array;
  readonly Checksum: string;
  readonly ChecksumAlgorithm: 'SHA256';
}

/** @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_GetSnapshotBlock.html */
export const getSnapshotBlock = readOperation<GetSnapshotBlockRequest, Block>({
  service: 'ebs',
  name: 'GetSnapshotBlock',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: async (input, context) => {
    const row = readableSnapshot(context, input.SnapshotId);
    const index = checkIndex(row, input.BlockIndex);
    checkBlockToken(context, row.snapshotId, index, input.BlockToken ?? '');
    const BlockData = await context.services.blocks.read(stored(context, row), index);
    const Checksum = createHash('sha256').update(BlockData).digest('base64');
    return { DataLength: BlockData.length, BlockData, Checksum, ChecksumAlgorithm: 'SHA256' };
  },
});

/** @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListSnapshotBlocks.html */
export const listSnapshotBlocks = readOperation<ListSnapshotBlocksRequest, ListSnapshotBlocksResponse>({
  service: 'ebs',
  name: 'ListSnapshotBlocks',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: async (input, context) => {
    const row = readableSnapshot(context, input.SnapshotId);
    const page = startOf(context, input, row.snapshotId);
    const all = await context.services.blocks.allocated(stored(context, row));
    const tokens = blockTokens(context);
    const { indexes, next } = page(all);
    return {
      Blocks: indexes.map(BlockIndex => ({ BlockIndex, BlockToken: tokens.of(row.snapshotId, BlockIndex) })),
      ExpiryTime: new Date(tokens.expires),
      VolumeSize: row.volumeSize,
      BlockSize: blockSize,
      NextToken: next,
    };
  },
});

/**
 * A block that only one of the two snapshots has carries one token.
 * @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListChangedBlocks.html
 */
export const listChangedBlocks = readOperation<ListChangedBlocksRequest, ListChangedBlocksResponse>({
  service: 'ebs',
  name: 'ListChangedBlocks',
  resources: (input, context) => [
    arn(context, 'snapshot', input.SecondSnapshotId),
    ...(input.FirstSnapshotId === undefined ? [] : [arn(context, 'snapshot', input.FirstSnapshotId)]),
  ],
  run: async (input, context) => {
    if (input.FirstSnapshotId === undefined)
      throw validation('INVALID_PARAMETER_VALUE', 'FirstSnapshotId must be given with SecondSnapshotId.');
    const first = readableSnapshot(context, input.FirstSnapshotId);
    const second = readableSnapshot(context, input.SecondSnapshotId);
    if (lineageOf(first) !== lineageOf(second)) {
      throw validation(
        'UNRELATED_SNAPSHOTS',
        `${first.snapshotId} and ${second.snapshotId} do not come from the same volume.`,
      );
    }
    const page = startOf(context, input, `${first.snapshotId} ${second.snapshotId}`);
    const { blocks } = context.services;
    const [one, other] = [stored(context, first), stored(context, second)];
    const [changed, inFirst, inSecond] = await Promise.all([
      blocks.changed(one, other),
      blocks.allocated(one),
      blocks.allocated(other),
    ]);
    const { indexes, next } = page(changed.filter(index => index < blockCount(second)));
    const [has, had] = [new Set(inSecond), new Set(inFirst)];
    const tokens = blockTokens(context);
    return {
      ChangedBlocks: indexes.map(BlockIndex => ({
        BlockIndex,
        FirstBlockToken: had.has(BlockIndex) ? tokens.of(first.snapshotId, BlockIndex) : undefined,
        SecondBlockToken: has.has(BlockIndex) ? tokens.of(second.snapshotId, BlockIndex) : undefined,
      })),
      ExpiryTime: new Date(tokens.expires),
      VolumeSize: second.volumeSize,
      BlockSize: blockSize,
      NextToken: next,
    };
  },
});

interface PageInput {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
  readonly StartingBlockIndex?: number | undefined;
}

/**
 * How a list of indexes in ascending order is cut into pages.
 * @throws ApiError `ValidationException`
 */
function startOf(
  context: ReadContext,
  { MaxResults = pageLimits.most, NextToken, StartingBlockIndex = 0 }: PageInput,
  list: string,
): (all: readonly number[]) => { readonly indexes: readonly number[]; readonly next: string | undefined } {
  if (!Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > pageLimits.most) {
    throw validation('INVALID_PARAMETER_VALUE', `MaxResults must be ${pageLimits.least} to ${pageLimits.most}.`);
  }
  if (!Number.isInteger(StartingBlockIndex) || StartingBlockIndex < 0)
    throw validation('INVALID_PARAMETER_VALUE', 'StartingBlockIndex must be a whole number from 0.');
  // A token goes before a starting index, and fewer than a hundred blocks are a hundred, as AWS has it.
  const start = NextToken === undefined ? StartingBlockIndex : openPageToken(context, list, NextToken);
  const size = Math.max(MaxResults, pageLimits.least);
  return all => {
    const from = lowerBound(all, start);
    const after = all[from + size];
    return {
      indexes: all.slice(from, from + size),
      next: after === undefined ? undefined : pageToken(context, list, after),
    };
  };
}

/** Where the first number that is not less than `value` stands. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
