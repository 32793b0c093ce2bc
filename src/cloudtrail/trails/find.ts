import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { type TrailRow, trails } from './model.ts';
import { checkTrailName, trailArn } from './names.ts';

const arnForm = /^arn:aws:cloudtrail:([a-z0-9-]+):(\d{12}):trail\/(.+)$/;

/** The ARN that a trail given by name or ARN has, or would have. */
export function arnOf(context: ReadContext, nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? nameOrArn : trailArn(context.account, context.region, nameOrArn);
}

/** Trails of an account that are seen in a Region: those made there, and those of all Regions. */
export function trailsIn({ db, account, region }: ReadContext): TrailRow[] {
  return db.by(trails, 'account', account).filter(row => row.homeRegion === region || row.isMultiRegion);
}

/**
 * The trail of a name that is seen here, or of an ARN.
 * @throws ApiError `TrailNotFoundException`, `CloudTrailARNInvalidException`, `InvalidTrailNameException`
 */
export function findTrail(context: ReadContext, nameOrArn: string): TrailRow {
  const isArn = nameOrArn.startsWith('arn:');
  if (isArn) checkArn(nameOrArn);
  else checkTrailName(nameOrArn);
  const found = isArn ? context.db.get(trails, nameOrArn) : trailsIn(context).find(row => row.name === nameOrArn);
  if (found !== undefined && found.account === context.account && !found.isDeleted) return found;
  throw new ApiError('TrailNotFoundException', `Unknown trail: ${nameOrArn} for the user: ${context.account}`);
}

/** The same, which is to be changed: that is done in the Region where it was made. @throws ApiError `InvalidHomeRegionException` */
export function findOwnTrail(context: ReadContext, nameOrArn: string): TrailRow {
  const found = findTrail(context, nameOrArn);
  if (found.homeRegion === context.region) return found;
  throw new ApiError(
    'InvalidHomeRegionException',
    `The trail ${found.trailArn} can be changed in its home Region ${found.homeRegion} only, not in ${context.region}.`,
  );
}

function checkArn(arn: string): void {
  if (arnForm.test(arn)) return;
  throw new ApiError(
    'CloudTrailARNInvalidException',
    `${arn.slice(0, 200)} is not the ARN of a trail: arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME`,
  );
}
