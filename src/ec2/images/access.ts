import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { checkId, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import { isForbidden } from './allowed-images.ts';
import { type ImageRow, images } from './model.ts';

/** Whether a caller may see an AMI, which is whether he may launch it. */
export function isVisible(context: ReadContext, image: ImageRow): boolean {
  if (image.recycleBin !== undefined || regionOf(image.owner) !== context.region) return false;
  if (image.owner === context.owner) return true;
  if (image.state === 'disabled' || isForbidden(context, image)) return false;
  return image.public || image.launchPermissions.includes(context.account);
}

/** @throws ApiError always: `InvalidAMIID.NotFound`, in EC2's words. */
export function throwNoImage(ids: readonly string[]): never {
  const one = ids.length === 1;
  throw new ApiError(
    'InvalidAMIID.NotFound',
    `The image id${one ? '' : 's'} '[${ids.join(', ')}]' ${one ? 'does' : 'do'} not exist`,
  );
}

/**
 * AMIs by their ids, in their order and once each.
 * @throws ApiError `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`
 */
export function visibleImages(context: ReadContext, ids: readonly string[]): ImageRow[] {
  for (const id of ids) checkId(idKinds.image, id);
  const rows: ImageRow[] = [];
  const missing: string[] = [];
  for (const id of new Set(ids)) {
    const row = context.db.get(images, id);
    if (row === undefined || !isVisible(context, row)) missing.push(id);
    else rows.push(row);
  }
  if (missing.length > 0) throwNoImage(missing);
  return rows;
}

/**
 * An AMI that the caller owns.
 * @throws ApiError `MissingParameter`, `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`; `AuthFailure` when it is another's.
 */
export function ownImage(context: ReadContext, id: string | undefined): ImageRow {
  if (id === undefined || id === '')
    throw new ApiError('MissingParameter', 'The request must contain the parameter ImageId');
  const [row] = visibleImages(context, [id]);
  if (row === undefined) throwNoImage([id]);
  if (row.owner !== context.owner)
    throw new ApiError('AuthFailure', `Not authorized for image:${id}. It belongs to another account.`);
  return row;
}

export function imageArn(context: ReadContext, id: string | undefined): string {
  return arn(context, 'image', id);
}
