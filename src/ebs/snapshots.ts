import { idKinds, isId } from '../api/ids.ts';
import type { ReadContext } from '../api/operation.ts';
import { regionOf } from '../api/owner.ts';
import { mayUseKey } from '../ec2/ebs-encryption/permission.ts';
import { diskKeyOf } from '../ec2/snapshots/encryption.ts';
import { type SnapshotMaking, type SnapshotRow, snapshots } from '../ec2/snapshots/model.ts';
import { KeyUnavailableError } from '../kms/data-keys.ts';
import { blockSize, type StoredSnapshot } from './block-store.ts';
import { noSnapshot, unusableKey, validation } from './errors.ts';

const gibibyte = 1024 ** 3;

/** @throws ApiError `ValidationException`, `ResourceNotFoundException` */
function visible(context: ReadContext, snapshotId: string): SnapshotRow {
  if (!isId(idKinds.snapshot, snapshotId))
    throw validation('INVALID_SNAPSHOT_ID', `The snapshot id '${snapshotId}' is not valid.`);
  const row = context.db.get(snapshots, snapshotId);
  // Those that are only public cannot be read by these APIs, as on AWS.
  const allowed =
    row !== undefined &&
    row.recycleBin === undefined &&
    regionOf(row.owner) === context.region &&
    (row.owner === context.owner || row.createVolumePermissions?.includes(context.account) === true);
  if (!allowed) throw noSnapshot(snapshotId);
  return row;
}

/** A snapshot whose blocks the caller may read. @throws ApiError `ValidationException`, `ResourceNotFoundException` */
export function readableSnapshot(context: ReadContext, snapshotId = ''): SnapshotRow {
  const row = visible(context, snapshotId);
  if (row.tiering?.storage === 'archive')
    throw validation('INVALID_SNAPSHOT_ID', `The snapshot '${snapshotId}' is archived. Restore it first.`);
  if (row.state !== 'completed') {
    throw validation('INVALID_SNAPSHOT_ID', `The snapshot '${snapshotId}' is ${row.state}; it must be completed.`);
  }
  return row;
}

type Draft = SnapshotRow & { readonly making: Extract<SnapshotMaking, { kind: 'draft' }> };

/** A snapshot that the caller started and has not completed. @throws as `readableSnapshot` */
export function writableSnapshot(context: ReadContext, snapshotId = ''): Draft {
  const row = visible(context, snapshotId);
  if (row.owner !== context.owner) throw noSnapshot(snapshotId);
  if (row.state !== 'pending' || row.making?.kind !== 'draft' || row.making.sealed === true) {
    throw validation(
      'INVALID_SNAPSHOT_ID',
      `The snapshot '${snapshotId}' is none that StartSnapshot began and that is still written.`,
    );
  }
  return { ...row, making: row.making };
}

/**
 * How the block store is asked for a snapshot.
 * @throws ApiError `ValidationException` when its key cannot be used, `AccessDeniedException` when the caller may not
 */
export function stored(context: ReadContext, row: SnapshotRow): StoredSnapshot {
  const { kmsKeyId } = row;
  if (kmsKeyId !== undefined && !mayUseKey(context, kmsKeyId, 'read')) throw unusableKey(kmsKeyId, 'refused');
  try {
    return { snapshotId: row.snapshotId, key: diskKeyOf(context, row) };
  } catch (error) {
    if (!(error instanceof KeyUnavailableError)) throw error;
    throw unusableKey(kmsKeyId ?? '', error.reason);
  }
}

/** How many blocks a snapshot has. */
export function blockCount(row: SnapshotRow): number {
  return (row.volumeSize * gibibyte) / blockSize;
}

/** @throws ApiError `ValidationException` */
export function checkIndex(row: SnapshotRow, index: number | undefined): number {
  if (index !== undefined && Number.isInteger(index) && index >= 0 && index < blockCount(row)) return index;
  throw validation(
    'INVALID_BLOCK',
    `The block index ${index} is not valid; ${row.snapshotId} has ${blockCount(row)} blocks.`,
  );
}
