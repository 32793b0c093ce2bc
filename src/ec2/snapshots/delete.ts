import type { DeleteSnapshotRequest } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { images } from '../images/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { ownSnapshot } from './access.ts';
import { isLocked } from './lock.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/**
 * Volumes and snapshots that were made of it keep their content.
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
  db.delete(snapshots, snapshotId);
  removeAllTags(db, snapshotId);
}
