import { createHash } from 'node:crypto';
import type { ListSnapshotBlocksResponse, StartSnapshotResponse } from '@aws-sdk/client-ebs';
import { beforeEach, expect, it } from 'vitest';
import { makeUser, setPolicy } from '../api/access-testing.ts';
import { addSnapshot, createSnapshotWorld, type SnapshotWorld } from '../ec2/snapshots/testing.ts';
import { createTestKms, type TestKms } from '../kms/testing.ts';

/* Encrypted snapshots in the EBS direct APIs. */

const ebs = { service: 'ebs' };
let api: TestKms;
let world: SnapshotWorld;
let KmsKeyArn: string;
beforeEach(async () => {
  api = createTestKms();
  world = createSnapshotWorld(api);
  KmsKeyArn = (await api.key()).Arn;
});

const start = (input: object = {}, options: object = {}) =>
  api.call<StartSnapshotResponse>('StartSnapshot', { VolumeSize: 1, ...input }, { ...ebs, ...options });
const code = async (operation: string, input: object, options: object = {}) => {
  const error = await api.fail(operation, input, { ...ebs, ...options });
  return `${error.code} ${error.members.Reason ?? ''}`.trim();
};

async function write(input: object): Promise<string> {
  const { SnapshotId = '' } = await start(input);
  const BlockData = Buffer.alloc(524_288, 'x');
  const Checksum = createHash('sha256').update(BlockData).digest('base64');
  const block = { SnapshotId, BlockIndex: 0, BlockData, DataLength: 524_288, Checksum, ChecksumAlgorithm: 'SHA256' };
  await api.call('PutSnapshotBlock', block, ebs);
  await api.call('CompleteSnapshot', { SnapshotId, ChangedBlocksCount: 1 }, ebs);
  await world.settle();
  return SnapshotId;
}

it('a snapshot is started under a key, and read with it', async () => {
  const SnapshotId = await write({ KmsKeyArn });
  const shown = await api.call('DescribeSnapshots', { SnapshotIds: [SnapshotId] });
  expect(shown).toMatchObject({ Snapshots: [{ Encrypted: true, KmsKeyId: KmsKeyArn, State: 'completed' }] });
  const list = () => api.call<ListSnapshotBlocksResponse>('ListSnapshotBlocks', { SnapshotId }, ebs);
  expect((await list()).Blocks).toHaveLength(1);
  await api.kms('DisableKey', { KeyId: KmsKeyArn });
  expect(await code('ListSnapshotBlocks', { SnapshotId })).toBe('ValidationException INVALID_CUSTOMER_KEY');
  await api.kms('EnableKey', { KeyId: KmsKeyArn });
  expect((await list()).Blocks).toHaveLength(1);
});

it('its key is EBS’s own where none is named, and its parent’s where there is one', async () => {
  const own = await start({ Encrypted: true });
  const { KeyMetadata } = await api.kms<{ KeyMetadata: { Arn: string } }>('DescribeKey', { KeyId: 'alias/aws/ebs' });
  expect(own.KmsKeyArn).toBe(KeyMetadata.Arn);
  const ParentSnapshotId = await write({ Encrypted: true, KmsKeyArn });
  expect(await start({ ParentSnapshotId })).toMatchObject({ KmsKeyArn });
  expect((await start()).KmsKeyArn).toBeUndefined();
});

it('everything is encrypted where that is the default', async () => {
  const ParentSnapshotId = await addSnapshot(api, world);
  await api.call('EnableEbsEncryptionByDefault');
  expect((await start()).KmsKeyArn).toBeDefined();
  for (const input of [{ Encrypted: false }, { ParentSnapshotId }]) {
    expect(await code('StartSnapshot', { VolumeSize: 8, ...input })).toBe(
      'ValidationException INVALID_PARAMETER_VALUE',
    );
  }
});

it('a key that cannot be used is refused at once', async () => {
  const none = KmsKeyArn.replace(/key\/.{8}/, 'key/00000000');
  const input = { VolumeSize: 1, Encrypted: true };
  expect(await code('StartSnapshot', { ...input, KmsKeyArn: none })).toBe('ValidationException INVALID_CUSTOMER_KEY');
  await api.kms('DisableKey', { KeyId: KmsKeyArn });
  expect(await code('StartSnapshot', { ...input, KmsKeyArn })).toBe('ValidationException INVALID_CUSTOMER_KEY');
  expect(await code('StartSnapshot', { VolumeSize: 1, Encrypted: false, KmsKeyArn })).toBe(
    'ValidationException INVALID_PARAMETER_VALUE',
  );
});

it('reading needs permission for the key, too', async () => {
  const SnapshotId = await write({ KmsKeyArn });
  const as = await makeUser(api, 'ann', { Action: 'ebs:*' });
  const denied = 'AccessDeniedException DEPENDENCY_ACCESS_DENIED';
  expect(await code('ListSnapshotBlocks', { SnapshotId }, { as })).toBe(denied);
  expect(await code('StartSnapshot', { VolumeSize: 1, KmsKeyArn }, { as })).toBe(denied);
  await setPolicy(api, 'ann', { Action: ['ebs:*', 'kms:Decrypt'] });
  await api.call('ListSnapshotBlocks', { SnapshotId }, { ...ebs, as });
});
