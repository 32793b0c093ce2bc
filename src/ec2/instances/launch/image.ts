import { ApiError } from '../../../api/errors.ts';
import { checkId, idKinds } from '../../../api/ids.ts';
import type { ReadContext } from '../../../api/operation.ts';
import { regionOf } from '../../../api/owner.ts';
import { findParameter } from '../../../ssm/find-parameter.ts';
import { isForbidden } from '../../images/allowed-images.ts';
import { type ImageRow, images } from '../../images/model.ts';
import type { InstanceTypeFacts } from '../../instance-types/catalogue.ts';
import type { InstanceRow } from '../model.ts';

/**
 * The image id that a launch names: itself, or by an SSM parameter as `resolve:ssm:NAME`, `resolve:ssm:NAME:VERSION`
 * or `resolve:ssm:ARN`.
 * @throws ApiError `SsmInvalidParameter` when there is no such parameter, or it holds no AMI.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html
 */
export function resolveImageId(context: ReadContext, imageId: string): string {
  const [, name] = /^resolve:ssm:(.*)$/s.exec(imageId) ?? [];
  if (name === undefined) return imageId;
  const parameter = parameterOf(context, name);
  if (parameter?.Value === undefined) {
    throw new ApiError('SsmInvalidParameter', `The parameter ${name} was not found in the Parameter Store.`);
  }
  if (parameter.DataType !== 'aws:ec2:image') {
    throw new ApiError(
      'SsmInvalidParameter',
      'Unsupported data type. The following parameter data types are supported: aws:ec2:image',
    );
  }
  return parameter.Value;
}

/** A name or version that SSM refuses is EC2's error here. */
function parameterOf(context: ReadContext, name: string) {
  try {
    return findParameter(context, name);
  } catch (error) {
    if (error instanceof ApiError) throw new ApiError('SsmInvalidParameter', error.message);
    throw error;
  }
}

/**
 * The image of a launch, if the caller may use it.
 * @throws ApiError `MissingParameter`, `SsmInvalidParameter`, `InvalidAMIID.Malformed`, `.NotFound`, `.Unavailable`,
 * `AuthFailure` for an AMI that nobody shares with the caller.
 */
export function launchableImage(context: ReadContext, reference: string | undefined): ImageRow {
  if (reference === undefined || reference === '')
    throw new ApiError('MissingParameter', 'The request must contain the parameter ImageId');
  const imageId = resolveImageId(context, reference);
  checkId(idKinds.image, imageId);
  const image = context.db.get(images, imageId);
  if (
    image === undefined ||
    image.recycleBin !== undefined ||
    regionOf(image.owner) !== context.region ||
    isForbidden(context, image)
  ) {
    throw new ApiError('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  }
  // EC2 tells of AMIs that are there and not the caller's to launch, with this status.
  if (!mayLaunch(context, image)) throw new ApiError('AuthFailure', `Not authorized for images: [${imageId}]`, 400);
  if (image.state !== 'available') {
    throw new ApiError(
      'InvalidAMIID.Unavailable',
      `The image id '[${imageId}]' is not available: its state is ${image.state}.`,
    );
  }
  return image;
}

function mayLaunch(context: ReadContext, image: ImageRow): boolean {
  return image.public || image.owner === context.owner || image.launchPermissions.includes(context.account);
}

/**
 * How an instance boots: UEFI is preferred only where the instance type can.
 * @throws ApiError `UnsupportedOperation`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-boot.html
 */
export function launchBootMode(
  image: ImageRow,
  type: InstanceTypeFacts,
): Pick<InstanceRow, 'bootMode' | 'imageBootMode'> {
  if (image.bootMode === 'uefi-preferred') {
    const bootMode = type.bootModes.includes('uefi') ? 'uefi' : 'legacy-bios';
    return { bootMode, imageBootMode: image.bootMode };
  }
  if (!type.bootModes.includes(image.bootMode)) {
    throw new ApiError(
      'UnsupportedOperation',
      `The instance type ${type.name} does not support the boot mode ${image.bootMode} of the image ${image.imageId}.`,
    );
  }
  return { bootMode: image.bootMode };
}
