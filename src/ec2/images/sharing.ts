import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { isUnderEbsKey } from '../ebs-encryption/permission.ts';
import { snapshots } from '../snapshots/model.ts';
import { year } from './lifecycle.ts';
import { type ImageRow, images, snapshotsOf } from './model.ts';
import { blockPublicAccess } from './settings.ts';

/** AMIs that an account may make public in a Region. */
const maximumPublic = 5;

/**
 * Whether an AMI may be shared as it is to be now.
 * @throws ApiError `OperationNotPermitted`, `InvalidParameter`, `ResourceLimitExceeded`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharing-amis.html
 */
export function checkSharing({ db, owner }: ReadContext, before: ImageRow, after: ImageRow): void {
  const becomesPublic = after.public && !before.public;
  const isNewlyShared = after.launchPermissions.some(account => !before.launchPermissions.includes(account));
  if (!becomesPublic && !isNewlyShared) return;
  if (becomesPublic && blockPublicAccess(db, owner) === 'block-new-sharing') {
    throw new ApiError(
      'OperationNotPermitted',
      "You can't publicly share this image because block public access for AMIs is enabled for this account. To publicly share the image, you must call the DisableImageBlockPublicAccess API.",
    );
  }
  for (const id of snapshotsOf(after)) {
    const row = db.get(snapshots, id);
    if (row?.encrypted !== true) continue;
    if (isUnderEbsKey(db, row)) {
      throw new ApiError(
        'InvalidParameter',
        "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
      );
    }
    if (becomesPublic)
      throw new ApiError('InvalidParameter', `The snapshot ${id} is encrypted, so the AMI cannot be made public.`);
  }
  if (becomesPublic && db.by(images, 'owner', owner).filter(row => row.public).length >= maximumPublic) {
    throw new ApiError(
      'ResourceLimitExceeded',
      `You have reached the maximum of ${maximumPublic} public AMIs in this Region. Make some private first.`,
    );
  }
}

/**
 * A public AMI is deprecated two years after its creation at the latest.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
 */
export function publicSince(before: ImageRow, after: ImageRow): ImageRow {
  if (!after.public || before.public) return after;
  const latest = after.creationDate + 2 * year;
  return { ...after, deprecationTime: Math.min(after.deprecationTime ?? latest, latest) };
}
