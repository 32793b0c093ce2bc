import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds, throwNotFound } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { type SnapshotRow, snapshotPublicAccess, snapshots } from './model.ts';

type Caller = Pick<ReadContext, 'db' | 'owner' | 'account' | 'region'>;

/** Whether everybody may make volumes from it. */
export function isPublicSnapshot(db: Reader, row: SnapshotRow): boolean {
  if (row.ownerAlias !== undefined) return true;
  return row.public === true && db.get(snapshotPublicAccess, row.owner)?.state !== 'block-all-sharing';
}

/** Whether an account may make volumes and copies of another's snapshot, wherever it is. */
export function isSharedSnapshot(db: Reader, row: SnapshotRow, account: string): boolean {
  return row.createVolumePermissions?.includes(account) === true || isPublicSnapshot(db, row);
}

/** Whether the caller sees a snapshot of his Region: it is his own, shared with his account, or public. */
export function isVisibleSnapshot({ db, owner, account, region }: Caller, row: SnapshotRow): boolean {
  if (row.recycleBin !== undefined) return false;
  if (row.owner === owner) return true;
  return regionOf(row.owner) === region && isSharedSnapshot(db, row, account);
}

/** @throws ApiError `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound` */
export function visibleSnapshot(context: Caller, snapshotId: string): SnapshotRow {
  return findById(context, snapshots, idKinds.snapshot, snapshotId, row => isVisibleSnapshot(context, row));
}

/**
 * A snapshot that the caller owns.
 * @throws ApiError `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound`; `AuthFailure` when it is another's.
 */
export function ownSnapshot(context: Caller, snapshotId: string | undefined): SnapshotRow {
  const row = visibleSnapshot(context, snapshotId ?? '');
  if (row.owner === context.owner) return row;
  throw new ApiError(
    'AuthFailure',
    `Not authorized for the snapshot ${row.snapshotId}. It belongs to account ${accountOf(row.owner)}.`,
  );
}

/**
 * A snapshot that the caller may make a volume of, now.
 * @param throughImage it comes from an AMI that he may launch, which is permission enough
 * @throws ApiError `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound`, `IncorrectState`
 */
export function usableSnapshot(context: Caller, snapshotId: string, throughImage = false): SnapshotRow {
  checkId(idKinds.snapshot, snapshotId);
  const row = context.db.get(snapshots, snapshotId);
  const allowed =
    row !== undefined && (throughImage ? regionOf(row.owner) === context.region : isVisibleSnapshot(context, row));
  if (!allowed) throwNotFound(idKinds.snapshot, [snapshotId]);
  checkUsable(row);
  return row;
}

/** @throws ApiError `IncorrectState` when its content is not there, or in the archive. */
export function checkUsable(row: SnapshotRow): void {
  if (row.tiering?.storage === 'archive') {
    throw new ApiError(
      'IncorrectState',
      `The snapshot '${row.snapshotId}' is archived. RestoreSnapshotTier brings it back.`,
    );
  }
  if (row.state === 'completed') return;
  throw new ApiError('IncorrectState', `The snapshot '${row.snapshotId}' is ${row.state}; it must be completed.`);
}
