import type { StartSnapshotRequest, StartSnapshotResponse } from '@aws-sdk/client-ebs';
import type { AccessTarget } from '../api/access.ts';
import { arn } from '../api/arn.ts';
import { ApiError } from '../api/errors.ts';
import { newId } from '../api/ids.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../api/operation.ts';
import { defaultsOf, encrypt, planVolume } from '../ec2/ebs-encryption/encryption.ts';
import type { SnapshotEncryption } from '../ec2/snapshots/encryption.ts';
import { snapshotLimits } from '../ec2/snapshots/limits.ts';
import { lineageOf, noVolume } from '../ec2/snapshots/lineage.ts';
import { type SnapshotRow, snapshots } from '../ec2/snapshots/model.ts';
import { addTags, parseTags, type Tags } from '../ec2/tags/model.ts';
import { blockSize } from './block-store.ts';
import { noSnapshot, unusableKey, validation } from './errors.ts';
import { readableSnapshot, stored } from './snapshots.ts';

const limits = { size: 65_536, description: 255, shortestTimeout: 10, longestTimeout: 4_320, timeout: 60 } as const;

/** @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_StartSnapshot.html */
export const startSnapshot = writeOperation<StartSnapshotRequest, StartSnapshotResponse>({
  service: 'ebs',
  name: 'StartSnapshot',
  resources: (input, context) => [target(input, context)],
  run: (input, context) => {
    const { db, owner, account, now } = context;
    const size = checkSize(input.VolumeSize);
    const { Timeout: timeoutMinutes = limits.timeout, Description: description = '' } = input;
    if (!(timeoutMinutes >= limits.shortestTimeout && timeoutMinutes <= limits.longestTimeout)) {
      throw validation(
        'INVALID_PARAMETER_VALUE',
        `Timeout must be ${limits.shortestTimeout} to ${limits.longestTimeout} minutes.`,
      );
    }
    if (description.length > limits.description)
      throw validation('INVALID_PARAMETER_VALUE', `Description must have at most ${limits.description} characters.`);
    const tags = checkTags(input.Tags);
    checkQuotas(context);
    const parent = parentOf(context, input, size);
    const snapshotId = newId('snap');
    const row: SnapshotRow = {
      snapshotId,
      owner,
      volumeId: noVolume,
      volumeSize: size,
      state: 'pending',
      description,
      ...encryptionOf(context, input, parent),
      startTime: now,
      lineage: parent === undefined ? snapshotId : lineageOf(parent),
      making: { kind: 'draft', timeoutMinutes, ...(parent !== undefined && { parentId: parent.snapshotId }) },
    };
    db.put(snapshots, row);
    addTags(db, { resourceId: snapshotId, resourceType: 'snapshot', owner }, tags);
    return {
      SnapshotId: snapshotId,
      OwnerId: account,
      Status: 'pending',
      StartTime: new Date(now),
      Description: description === '' ? undefined : description,
      VolumeSize: size,
      BlockSize: blockSize,
      ParentSnapshotId: parent?.snapshotId,
      KmsKeyArn: row.kmsKeyId,
      Tags: input.Tags,
    };
  },
});

function target(input: StartSnapshotRequest, context: ReadContext): AccessTarget {
  const { Description, ParentSnapshotId, VolumeSize } = input;
  return {
    arn: arn(context, 'snapshot'),
    keys: {
      'ebs:Description': Description,
      'ebs:ParentSnapshot': ParentSnapshotId && arn(context, 'snapshot', ParentSnapshotId),
      'ebs:VolumeSize': VolumeSize,
    },
  };
}

function checkSize(size: number | undefined): number {
  if (size !== undefined && Number.isInteger(size) && size >= 1 && size <= limits.size) return size;
  throw validation('INVALID_VOLUME_SIZE', `VolumeSize must be 1 to ${limits.size} GiB, not ${size}.`);
}

/** @throws ApiError `ValidationException` */
function checkTags(input: StartSnapshotRequest['Tags']): Tags {
  try {
    return parseTags(input);
  } catch (error) {
    if (error instanceof ApiError) throw validation('INVALID_TAG', error.message);
    throw error;
  }
}

/** @throws ApiError `ServiceQuotaExceededException`, `ConcurrentLimitExceededException` */
function checkQuotas({ db, owner }: ReadContext): void {
  if (db.countBy(snapshots, 'owner', owner) >= snapshotLimits.snapshots) {
    throw new ApiError(
      'ServiceQuotaExceededException',
      `You have reached the maximum of ${snapshotLimits.snapshots} snapshots in this Region.`,
      402,
      { Reason: 'DEPENDENCY_SERVICE_QUOTA_EXCEEDED' },
    );
  }
  if (db.countBy(snapshots, 'pending', owner) >= snapshotLimits.pending) {
    throw new ApiError(
      'ConcurrentLimitExceededException',
      `There may be at most ${snapshotLimits.pending} pending snapshots. Complete some first.`,
    );
  }
}

/** @throws ApiError `ValidationException`, `ResourceNotFoundException` */
function parentOf(context: ReadContext, input: StartSnapshotRequest, size: number): SnapshotRow | undefined {
  const { ParentSnapshotId: id, Encrypted, KmsKeyArn } = input;
  if (id === undefined) return undefined;
  if (Encrypted !== undefined || KmsKeyArn !== undefined) {
    throw validation(
      'INVALID_PARAMETER_VALUE',
      'The parent decides about encryption. Leave out Encrypted and KmsKeyArn, or ParentSnapshotId.',
    );
  }
  const parent = readableSnapshot(context, id);
  if (parent.owner !== context.owner) throw noSnapshot(id);
  if (parent.volumeSize > size) {
    throw validation(
      'INVALID_VOLUME_SIZE',
      `VolumeSize must be at least that of the parent ${id}, which is ${parent.volumeSize} GiB.`,
    );
  }
  return parent;
}

/**
 * A parent's key is kept. Unlike EC2, these APIs say at once that a key cannot be used.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebsapis-using-encryption.html
 * @throws ApiError `ValidationException`, `AccessDeniedException`
 */
function encryptionOf(
  context: WriteContext,
  { Encrypted, KmsKeyArn }: StartSnapshotRequest,
  parent: SnapshotRow | undefined,
): SnapshotEncryption {
  const { byDefault } = defaultsOf(context);
  if (parent !== undefined) {
    if (byDefault && !parent.encrypted) {
      throw validation(
        'INVALID_PARAMETER_VALUE',
        'Everything new is encrypted in this account, and the parent is not. Copy it with Encrypted first.',
      );
    }
    stored(context, parent);
    const { encrypted, kmsKeyId, wrappedKey } = parent;
    return { encrypted, ...(kmsKeyId && { kmsKeyId }), ...(wrappedKey && { wrappedKey }) };
  }
  if (Encrypted === false && (KmsKeyArn !== undefined || byDefault)) {
    throw validation(
      'INVALID_PARAMETER_VALUE',
      KmsKeyArn === undefined
        ? 'Everything new is encrypted in this account. Leave out Encrypted.'
        : 'KmsKeyArn goes with Encrypted only.',
    );
  }
  const request = KmsKeyArn === undefined ? { Encrypted } : { Encrypted: true, KmsKeyId: KmsKeyArn };
  const encryption = encrypt(context, planVolume(context, request));
  if (encryption.keyRefused !== undefined) throw unusableKey(encryption.kmsKeyId ?? '', encryption.keyRefused);
  return encryption;
}
