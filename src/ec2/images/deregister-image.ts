import type { DeregisterImageRequest, DeregisterImageResult, SnapshotReturnCodes } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { retentionDays } from '../../rbin/retention.ts';
import type { Tx } from '../../state/state.ts';
import { removeSnapshot } from '../snapshots/delete.ts';
import { snapshots } from '../snapshots/model.ts';
import { removeAllTags, tagsOf } from '../tags/model.ts';
import { imageArn, ownImage } from './access.ts';
import { releaseImage } from './controller.ts';
import { checkNotProtected } from './deregistration-protection.ts';
import { type ImageRow, images, snapshotsOf } from './model.ts';

const day = 24 * 3600 * 1000;

/**
 * Instances that run stay, and so do the snapshots unless they are to be deleted, each of which is answered for.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
 */
export const deregisterImage = writeOperation<DeregisterImageRequest, DeregisterImageResult>({
  service: 'ec2',
  name: 'DeregisterImage',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row = ownImage(context, input.ImageId);
    checkNotProtected(row, context.now);
    // Snapshots that wait for a reboot are taken now.
    releaseImage(context.db, row);
    removeImage(context, row);
    if (input.DeleteAssociatedSnapshots !== true) return { Return: true };
    const results = snapshotsOf(row).map(id => ({ SnapshotId: id, ReturnCode: deleteSnapshot(context, id) }));
    return { Return: true, DeleteSnapshotResults: results };
  },
});

/** A rule of the Recycle Bin may keep an AMI that has been there; its snapshots are not kept by that. */
function removeImage({ db, now }: WriteContext, row: ImageRow): void {
  const whole = row.state === 'available' || row.state === 'disabled';
  const days = whole ? retentionDays(db, row.owner, 'EC2_IMAGE', tagsOf(db, row.imageId)) : 0;
  if (days > 0) db.put(images, { ...row, recycleBin: { enterTime: now, exitTime: now + days * day } });
  else forgetImage(db, row.imageId);
}

/** Ends an AMI for good. */
export function forgetImage(db: Tx, imageId: string): void {
  db.delete(images, imageId);
  removeAllTags(db, imageId);
}

function deleteSnapshot(context: WriteContext, id: string): SnapshotReturnCodes {
  const { db, owner, principal, services } = context;
  const row = db.get(snapshots, id);
  if (row === undefined) return 'client-error';
  if (db.countBy(images, 'snapshot', id) > 0) return 'skipped';
  const target = { action: 'ec2:DeleteSnapshot', arn: arn(context, 'snapshot', id) };
  const may = principal.type === 'root' || services.verdict(context, target).decision.effect === 'allowed';
  if (row.owner !== owner || !may) return 'missing-permissions';
  try {
    removeSnapshot(context, row);
    return 'success';
  } catch (error) {
    if (error instanceof ApiError) return 'client-error';
    throw error;
  }
}
