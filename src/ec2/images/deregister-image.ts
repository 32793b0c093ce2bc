import type { DeregisterImageRequest, DeregisterImageResult, SnapshotReturnCodes } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { removeSnapshot } from '../snapshots/delete.ts';
import { snapshots } from '../snapshots/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { imageArn, ownImage } from './access.ts';
import { releaseImage } from './controller.ts';
import { checkNotProtected } from './deregistration-protection.ts';
import { images } from './model.ts';

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
    context.db.delete(images, row.imageId);
    removeAllTags(context.db, row.imageId);
    if (input.DeleteAssociatedSnapshots !== true) return { Return: true };
    const ids = new Set(row.blockDevices.flatMap(device => device.snapshotId ?? []));
    const results = [...ids].map(id => ({ SnapshotId: id, ReturnCode: deleteSnapshot(context, id) }));
    return { Return: true, DeleteSnapshotResults: results };
  },
});

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
