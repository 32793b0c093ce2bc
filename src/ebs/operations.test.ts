import { createHash } from 'node:crypto';
import type {
  ListChangedBlocksResponse,
  ListSnapshotBlocksResponse,
  PutSnapshotBlockResponse,
  StartSnapshotResponse,
} from '@aws-sdk/client-ebs';
import type { DescribeSnapshotsResult } from '@aws-sdk/client-ec2';
import { describe, expect, it, test } from 'vitest';
import { makeUser } from '../api/access-testing.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { addSnapshot, createSnapshotWorld } from '../ec2/snapshots/testing.ts';
import { EngineError } from '../engine/engine.ts';
import { writtenBlocks } from './model.ts';

const minute = 60_000;
const day = 86_400_000;
const ebs = { service: 'ebs' };
const hashOf = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
};
const block = (fill: string) => Buffer.alloc(524_288, fill);

function setUp(api: TestApi = createTestApi()) {
  const world = createSnapshotWorld(api);
  const call = <Output>(operation: string, input: object, options: object = {}) =>
    api.call<Output>(operation, input, { ...ebs, ...options });
  const code = async (operation: string, input: object, options: object = {}) => {
    const error = await api.fail(operation, input, { ...ebs, ...options });
    return `${error.code} ${error.members.Reason ?? ''}`.trim();
  };
  const start = (more: object = {}) => call<StartSnapshotResponse>('StartSnapshot', { VolumeSize: 1, ...more });
  const blockInput = (SnapshotId: string | undefined, BlockIndex: number, BlockData: Uint8Array) => ({
    SnapshotId,
    BlockIndex,
    BlockData,
    DataLength: 524_288,
    Checksum: hashOf(BlockData),
    ChecksumAlgorithm: 'SHA256',
  });
  const put = (SnapshotId: string | undefined, index: number, data: Uint8Array) =>
    call<PutSnapshotBlockResponse>('PutSnapshotBlock', blockInput(SnapshotId, index, data));
  const complete = async (SnapshotId: string | undefined, ChangedBlocksCount: number) => {
    await call('CompleteSnapshot', { SnapshotId, ChangedBlocksCount });
    await world.settle();
  };
  /** A complete snapshot of these blocks. */
  const write = async (blocks: Readonly<Record<number, string>>, more: object = {}) => {
    const { SnapshotId = '' } = await start(more);
    for (const [index, fill] of Object.entries(blocks)) await put(SnapshotId, Number(index), block(fill));
    await complete(SnapshotId, Object.keys(blocks).length);
    return SnapshotId;
  };
  const list = (SnapshotId: string, more: object = {}, options: object = {}) =>
    call<ListSnapshotBlocksResponse>('ListSnapshotBlocks', { SnapshotId, ...more }, options);
  const shown = async (SnapshotId: string | undefined) =>
    (await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { SnapshotIds: [SnapshotId] })).Snapshots?.[0];
  return { api, world, call, code, start, put, blockInput, complete, write, list, shown };
}

type Block = { BlockData: Uint8Array; Checksum: string; DataLength: number; ChecksumAlgorithm: string };

it('writes a snapshot block by block, and reads it', async () => {
  const { api, call, start, put, complete, list, shown } = setUp();
  const began = await start({
    Description: 'from outside',
    Tags: [{ Key: 'a', Value: 'b' }],
    Timeout: 10,
  });
  const { SnapshotId = '' } = began;
  expect(began).toMatchObject({
    OwnerId: '000000000000',
    Status: 'pending',
    VolumeSize: 1,
    BlockSize: 524_288,
    Description: 'from outside',
    Tags: [{ Key: 'a', Value: 'b' }],
    StartTime: new Date(api.clock.now()),
  });
  expect(await put(SnapshotId, 2047, block('z'))).toEqual({
    Checksum: hashOf(block('z')),
    ChecksumAlgorithm: 'SHA256',
  });
  await put(SnapshotId, 3, block('first'));
  // The last one counts, once.
  await put(SnapshotId, 3, block('a'));
  expect(await shown(SnapshotId)).toMatchObject({ State: 'pending', VolumeId: 'vol-ffffffff' });
  await complete(SnapshotId, 2);
  expect(await shown(SnapshotId)).toMatchObject({
    State: 'completed',
    Description: 'from outside',
    FullSnapshotSizeInBytes: 2 * 524_288,
    Tags: [{ Key: 'a', Value: 'b' }],
  });
  expect(api.state.count(writtenBlocks)).toBe(0);
  const listed = await list(SnapshotId);
  expect(listed).toMatchObject({
    VolumeSize: 1,
    BlockSize: 524_288,
    ExpiryTime: new Date(api.clock.now() + 7 * day),
  });
  expect(listed.NextToken).toBeUndefined();
  expect(listed.Blocks?.map(one => one.BlockIndex)).toEqual([3, 2047]);
  const read = await call<Block>('GetSnapshotBlock', { SnapshotId, ...listed.Blocks?.[0] });
  expect(Buffer.compare(read.BlockData, block('a'))).toBe(0);
  expect(read).toMatchObject({ DataLength: 524_288, Checksum: hashOf(block('a')), ChecksumAlgorithm: 'SHA256' });
});

describe('block tokens', () => {
  it('are for one block of one snapshot, for a week', async () => {
    const { api, call, code, write, list } = setUp();
    const SnapshotId = await write({ 1: 'a', 2: 'b' });
    const other = await write({ 1: 'x' });
    const [first, second] = (await list(SnapshotId)).Blocks ?? [];
    const BlockToken = first?.BlockToken ?? '';
    expect(BlockToken).toMatch(/^[A-Za-z0-9+/=]{1,256}$/);
    const wrong = 'ValidationException INVALID_BLOCK_TOKEN';
    expect(await code('GetSnapshotBlock', { SnapshotId, BlockIndex: 2, BlockToken })).toBe(wrong);
    expect(await code('GetSnapshotBlock', { SnapshotId: other, BlockIndex: 1, BlockToken })).toBe(wrong);
    const flipped = `${BlockToken.startsWith('A') ? 'B' : 'A'}${BlockToken.slice(1)}`;
    expect(await code('GetSnapshotBlock', { SnapshotId, BlockIndex: 1, BlockToken: flipped })).toBe(wrong);
    api.clock.advance(7 * day - 1);
    await call('GetSnapshotBlock', { SnapshotId, ...second });
    api.clock.advance(1);
    expect(await code('GetSnapshotBlock', { SnapshotId, ...second })).toBe(wrong);
  });
});

it('pages through blocks', async () => {
  const { api, code, write, list } = setUp();
  const indexes = Array.from({ length: 250 }, (_, at) => at * 3);
  const SnapshotId = await write(Object.fromEntries(indexes.map(index => [index, 'x'])));
  const seen: (number | undefined)[] = [];
  let NextToken: string | undefined;
  let pages = 0;
  do {
    const page = await list(SnapshotId, { MaxResults: 100, NextToken, StartingBlockIndex: 4 });
    seen.push(...(page.Blocks ?? []).map(one => one.BlockIndex));
    ({ NextToken } = page);
    pages++;
  } while (NextToken !== undefined);
  expect(pages).toBe(3);
  expect(seen).toEqual(indexes.slice(2));
  // As on AWS, a page has a hundred blocks or more.
  const few = await list(SnapshotId, { MaxResults: 5 });
  expect(few.Blocks).toHaveLength(100);
  const wrong = 'ValidationException INVALID_PAGE_TOKEN';
  const other = await write({ 1: 'a' });
  expect(await code('ListSnapshotBlocks', { SnapshotId: other, NextToken: few.NextToken })).toBe(wrong);
  api.clock.advance(60 * minute);
  expect(await code('ListSnapshotBlocks', { SnapshotId, NextToken: few.NextToken })).toBe(wrong);
  expect(await code('ListSnapshotBlocks', { SnapshotId, MaxResults: 10_001 })).toBe(
    'ValidationException INVALID_PARAMETER_VALUE',
  );
});

it('compares a snapshot with the one that it is based on', async () => {
  const { api, world, call, code, write } = setUp();
  const FirstSnapshotId = await write({ 1: 'a', 2: 'b', 3: 'c' });
  const SecondSnapshotId = await write({ 2: 'B', 2048: 'n' }, { ParentSnapshotId: FirstSnapshotId, VolumeSize: 2 });
  const changed = await call<ListChangedBlocksResponse>('ListChangedBlocks', { FirstSnapshotId, SecondSnapshotId });
  expect(changed).toMatchObject({ VolumeSize: 2, BlockSize: 524_288 });
  expect(changed.ChangedBlocks?.map(one => one.BlockIndex)).toEqual([2, 2048]);
  const [both, added] = changed.ChangedBlocks ?? [];
  const read = async (SnapshotId: string, BlockToken: string | undefined) =>
    (await call<Block>('GetSnapshotBlock', { SnapshotId, BlockIndex: 2, BlockToken })).BlockData[0];
  expect(await read(FirstSnapshotId, both?.FirstBlockToken)).toBe('b'.charCodeAt(0));
  expect(await read(SecondSnapshotId, both?.SecondBlockToken)).toBe('B'.charCodeAt(0));
  expect(added?.FirstBlockToken).toBeUndefined();
  expect(added?.SecondBlockToken).toBeDefined();
  const stranger = await write({ 1: 'a' });
  expect(await code('ListChangedBlocks', { FirstSnapshotId, SecondSnapshotId: stranger })).toBe(
    'ValidationException UNRELATED_SNAPSHOTS',
  );
  const { SnapshotId: copy = '' } = await api.call<{ SnapshotId: string }>('CopySnapshot', {
    SourceRegion: 'us-east-1',
    SourceSnapshotId: FirstSnapshotId,
  });
  await world.settle();
  const ofCopy = await call<ListChangedBlocksResponse>('ListChangedBlocks', {
    FirstSnapshotId: copy,
    SecondSnapshotId,
  });
  expect(ofCopy.ChangedBlocks?.map(one => one.BlockIndex)).toEqual([2, 2048]);
  expect(await code('ListChangedBlocks', { SecondSnapshotId })).toBe('ValidationException INVALID_PARAMETER_VALUE');
});

describe('StartSnapshot', () => {
  it('starts once for a client token', async () => {
    const { start, code } = setUp();
    const ClientToken = 'x'.repeat(255);
    const first = await start({ ClientToken });
    expect((await start({ ClientToken })).SnapshotId).toBe(first.SnapshotId);
    expect(await code('StartSnapshot', { VolumeSize: 2, ClientToken })).toBe('ConflictException');
  });

  test.each([
    [{ VolumeSize: 0 }, 'ValidationException INVALID_VOLUME_SIZE'],
    [{ VolumeSize: 65_537 }, 'ValidationException INVALID_VOLUME_SIZE'],
    [{ Timeout: 9 }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ Description: 'x'.repeat(256) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ Tags: [{ Key: 'aws:x', Value: '' }] }, 'ValidationException INVALID_TAG'],
    [{ ParentSnapshotId: 'snap-x' }, 'ValidationException INVALID_SNAPSHOT_ID'],
    [{ ParentSnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }, 'ResourceNotFoundException SNAPSHOT_NOT_FOUND'],
    [{ ParentSnapshotId: 'snap-0aaaaaaaaaaaaaaaa', Encrypted: true }, 'ValidationException INVALID_PARAMETER_VALUE'],
  ])('%j answers %s', async (more, expected) => {
    const { code } = setUp();
    expect(await code('StartSnapshot', { VolumeSize: 1, ...more })).toBe(expected);
  });

  it('does not make a snapshot smaller than its parent', async () => {
    const { api, world, code } = setUp();
    const ParentSnapshotId = await addSnapshot(api, world);
    expect(await code('StartSnapshot', { VolumeSize: 7, ParentSnapshotId })).toBe(
      'ValidationException INVALID_VOLUME_SIZE',
    );
  });

  it('can be limited by policies', async () => {
    const { api, call, code } = setUp();
    const Action = 'ebs:StartSnapshot';
    const as = await makeUser(api, 'alice', [
      { Action, Condition: { NumericLessThanEquals: { 'ebs:VolumeSize': '4' } } },
    ]);
    expect(await code('StartSnapshot', { VolumeSize: 5 }, { as })).toBe('AccessDenied');
    await call('StartSnapshot', { VolumeSize: 4 }, { as });
  });
});

describe('PutSnapshotBlock', () => {
  test.each([
    [{ BlockIndex: 2048 }, 'ValidationException INVALID_BLOCK'],
    [{ BlockIndex: -1 }, 'ValidationException INVALID_BLOCK'],
    [{ BlockIndex: 0.5 }, 'ValidationException INVALID_BLOCK'],
    [{ DataLength: 4096 }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ BlockData: Buffer.alloc(4096) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ Checksum: hashOf(block('b')) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ ChecksumAlgorithm: 'MD5' }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ Progress: 101 }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ SnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }, 'ResourceNotFoundException SNAPSHOT_NOT_FOUND'],
  ])('%j answers %s', async (more, expected) => {
    const { api, start, blockInput, code } = setUp();
    const { SnapshotId } = await start();
    expect(await code('PutSnapshotBlock', { ...blockInput(SnapshotId, 0, block('a')), ...more })).toBe(expected);
    expect(api.state.count(writtenBlocks)).toBe(0);
  });

  it('writes only what was started by these APIs, and is not complete', async () => {
    const { api, world, start, put, complete, code, blockInput } = setUp();
    const cut = await addSnapshot(api, world);
    const expected = 'ValidationException INVALID_SNAPSHOT_ID';
    expect(await code('PutSnapshotBlock', blockInput(cut, 0, block('a')))).toBe(expected);
    const { SnapshotId } = await start();
    await put(SnapshotId, 0, block('a'));
    await complete(SnapshotId, 1);
    expect(await code('PutSnapshotBlock', blockInput(SnapshotId, 1, block('a')))).toBe(expected);
  });

  it('refuses a block that another request writes', async () => {
    const { start, put, call, code, blockInput } = setUp();
    const { SnapshotId } = await start();
    const first = put(SnapshotId, 0, block('a'));
    expect(await code('PutSnapshotBlock', blockInput(SnapshotId, 0, block('b')))).toBe(
      'ValidationException CONFLICTING_BLOCK_UPDATE',
    );
    await first;
    await call('PutSnapshotBlock', blockInput(SnapshotId, 0, block('b')));
  });

  it('says when the disk is full, and notes nothing', async () => {
    const { api, start, code, blockInput, put } = setUp();
    const { SnapshotId } = await start();
    const { write } = api.services.blocks;
    api.services.blocks.write = () => Promise.reject(new EngineError('InsufficientCapacity', 'the disk is full'));
    expect(await code('PutSnapshotBlock', blockInput(SnapshotId, 0, block('a')))).toBe('InternalServerException');
    expect(api.state.count(writtenBlocks)).toBe(0);
    api.services.blocks.write = write;
    await put(SnapshotId, 0, block('a'));
  });

  it('shows the progress that it is told', async () => {
    const { start, call, blockInput, shown } = setUp();
    const { SnapshotId } = await start();
    await call('PutSnapshotBlock', { ...blockInput(SnapshotId, 0, block('a')), Progress: 37 });
    expect(await shown(SnapshotId)).toMatchObject({ Progress: '37%' });
  });
});

describe('CompleteSnapshot', () => {
  it('checks how many blocks were written, and all their checksums', async () => {
    const { call, start, put, code } = setUp();
    const { SnapshotId } = await start();
    // In two chunks, and not in their order.
    await put(SnapshotId, 100, block('c'));
    await put(SnapshotId, 9, block('a'));
    await put(SnapshotId, 10, block('b'));
    const wrong = 'ValidationException INVALID_PARAMETER_VALUE';
    expect(await code('CompleteSnapshot', { SnapshotId, ChangedBlocksCount: 2 })).toBe(wrong);
    const digest = (fill: string) => createHash('sha256').update(block(fill)).digest();
    const input = {
      SnapshotId,
      ChangedBlocksCount: 3,
      ChecksumAlgorithm: 'SHA256',
      ChecksumAggregationMethod: 'LINEAR',
    };
    const Checksum = hashOf(digest('a'), digest('b'), digest('c'));
    expect(await code('CompleteSnapshot', { ...input, Checksum: hashOf(digest('c')) })).toBe(wrong);
    expect(await code('CompleteSnapshot', { ...input, Checksum, ChecksumAggregationMethod: 'TREE' })).toBe(wrong);
    expect(await call('CompleteSnapshot', { ...input, Checksum })).toEqual({ Status: 'pending' });
    expect(await code('CompleteSnapshot', { ...input, Checksum })).toBe('ValidationException INVALID_SNAPSHOT_ID');
  });

  it('completes a snapshot without blocks', async () => {
    const { start, complete, list, shown } = setUp();
    const { SnapshotId = '' } = await start();
    await complete(SnapshotId, 0);
    expect(await shown(SnapshotId)).toMatchObject({ State: 'completed' });
    expect((await list(SnapshotId)).Blocks).toEqual([]);
  });
});

it('cancels a snapshot that nobody writes any more', async () => {
  const { api, world, start, put, code, blockInput, shown } = setUp();
  const { SnapshotId } = await start({ Timeout: 10 });
  api.clock.advance(9 * minute);
  await put(SnapshotId, 0, block('a'));
  api.clock.advance(9 * minute);
  await world.settle();
  expect(await shown(SnapshotId)).toMatchObject({ State: 'pending' });
  api.clock.advance(minute);
  await world.settle();
  expect(await shown(SnapshotId)).toMatchObject({ State: 'error' });
  expect(await code('PutSnapshotBlock', blockInput(SnapshotId, 1, block('a')))).toBe(
    'ValidationException INVALID_SNAPSHOT_ID',
  );
  expect(await api.disks.listSnapshots()).toEqual([]);
  expect(api.state.count(writtenBlocks)).toBe(0);
});

it('leaves nothing of a snapshot that is deleted before it is complete', async () => {
  const { api, world, start, put } = setUp();
  const { SnapshotId } = await start();
  await put(SnapshotId, 0, block('a'));
  expect(await api.disks.listSnapshots()).toEqual([SnapshotId]);
  const controllers = world.start();
  await api.call('DeleteSnapshot', { SnapshotId });
  await controllers.idle();
  await controllers.close();
  expect(await api.disks.listSnapshots()).toEqual([]);
  expect(api.state.count(writtenBlocks)).toBe(0);
});

it('reads what is shared with an account, not what is only public', async () => {
  const { api, code, write, list } = setUp();
  const other = { account: '111111111111' };
  const SnapshotId = await write({ 1: 'a' });
  const hidden = 'ResourceNotFoundException SNAPSHOT_NOT_FOUND';
  expect(await code('ListSnapshotBlocks', { SnapshotId }, other)).toBe(hidden);
  const share = { SnapshotId, OperationType: 'add' };
  await api.call('ModifySnapshotAttribute', { ...share, GroupNames: ['all'] });
  expect(await code('ListSnapshotBlocks', { SnapshotId }, other)).toBe(hidden);
  await api.call('ModifySnapshotAttribute', { ...share, UserIds: ['111111111111'] });
  expect((await list(SnapshotId, {}, other)).Blocks).toHaveLength(1);
  expect(await code('ListSnapshotBlocks', { SnapshotId }, { region: 'eu-west-1' })).toBe(hidden);
  expect(await code('ListSnapshotBlocks', { SnapshotId: 'x' })).toBe('ValidationException INVALID_SNAPSHOT_ID');
});

it('does not read what is pending or archived', async () => {
  const { api, world, code, start, write } = setUp();
  const wrong = 'ValidationException INVALID_SNAPSHOT_ID';
  expect(await code('ListSnapshotBlocks', { SnapshotId: (await start()).SnapshotId })).toBe(wrong);
  const SnapshotId = await write({ 1: 'a' });
  await api.call('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' });
  await world.settle();
  expect(await code('ListSnapshotBlocks', { SnapshotId })).toBe(wrong);
});
