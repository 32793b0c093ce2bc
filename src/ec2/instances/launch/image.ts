import { ApiError } from '../../../api/errors.ts';
import { checkId, idKinds } from '../../../api/ids.ts';
import type { WriteContext } from '../../../api/operation.ts';
import { regionOf } from '../../../api/owner.ts';
import { type ImageRow, images } from '../../images/model.ts';

/**
 * The image of a launch, if the caller may use it.
 * @throws ApiError `MissingParameter`, `InvalidAMIID.Malformed`, `.NotFound`, `.Unavailable`.
 */
export function launchableImage(context: WriteContext, imageId: string | undefined): ImageRow {
  if (imageId === undefined || imageId === '')
    throw new ApiError('MissingParameter', 'The request must contain the parameter ImageId');
  checkId(idKinds.image, imageId);
  const image = context.db.get(images, imageId);
  if (
    image === undefined ||
    image.state === 'deregistered' ||
    regionOf(image.owner) !== context.region ||
    !mayLaunch(context, image)
  ) {
    throw new ApiError('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  }
  if (image.state === 'pending') return image;
  if (image.state !== 'available') {
    throw new ApiError(
      'InvalidAMIID.Unavailable',
      `The image id '[${imageId}]' is ${image.state} and cannot be launched.`,
    );
  }
  return image;
}

function mayLaunch(context: WriteContext, image: ImageRow): boolean {
  return image.public || image.owner === context.owner || image.launchPermissions.includes(context.account);
}
