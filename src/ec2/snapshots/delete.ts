import type { DeleteSnapshotRequest } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { retentionDays } from '../../rbin/retention.ts';
import type { Tx } from '../../state/state.ts';
import { images } from '../images/model.ts';
import { removeAllTags, tagsOf } from '../tags/model.ts';
import { ownSnapshot } from './access.ts';
import { day, isLocked } from './lock.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/**
 * Volumes and snapshots that were made of it keep their content. A rule of the Recycle Bin may keep it, too.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html
 */
export const deleteSnapshot = writeOperation<DeleteSnapshotRequest, void>({
  service: 'ec2',
  name: 'DeleteSnapshot',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => removeSnapshot(context, ownSnapshot(context, input.SnapshotId)),
});

/** @throws ApiError `InvalidSnapshot.InUse`, `SnapshotLocked` */
export function removeSnapshot({ db, now }: WriteContext, row: SnapshotRow): void {
  const { snapshotId } = row;
  if (isLocked(row, now)) {
    throw new ApiError('SnapshotLocked', `The snapshot ${snapshotId} is locked and cannot be deleted.`);
  }
  const image = db.firstBy(images, 'snapshot', snapshotId);
  if (image !== undefined) {
    throw new ApiError(
      'InvalidSnapshot.InUse',
      `The snapshot ${snapshotId} is currently in use by ${image.imageId}. Deregister it first.`,
    );
  }
  const days = row.state === 'completed' ? retentionDays(db, row.owner, 'EBS_SNAPSHOT', tagsOf(db, snapshotId)) : 0;
  if (days > 0) db.put(snapshots, { ...row, recycleBin: { enterTime: now, exitTime: now + days * day } });
  else forgetSnapshot(db, snapshotId);
}

/** Ends a snapshot for good. */
export function forgetSnapshot(db: Tx, snapshotId: string): void {
  db.delete(snapshots, snapshotId);
  removeAllTags(db, snapshotId);
}
