import type {
  DisableImageDeprecationRequest,
  DisableImageDeprecationResult,
  DisableImageRequest,
  DisableImageResult,
  EnableImageDeprecationRequest,
  EnableImageDeprecationResult,
  EnableImageRequest,
  EnableImageResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { imageArn, ownImage } from './access.ts';
import { type ImageRow, images } from './model.ts';

const minute = 60_000;
export const year = 365.25 * 24 * 60 * minute;

/**
 * A deprecated AMI still launches; from then on lists show it to its owner, and to others who ask.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html
 */
const enableImageDeprecation = writeOperation<EnableImageDeprecationRequest, EnableImageDeprecationResult>({
  service: 'ec2',
  name: 'EnableImageDeprecation',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row = ownImage(context, input.ImageId);
    context.db.put(images, { ...row, deprecationTime: deprecationTime(input.DeprecateAt, row, context) });
    return { Return: true };
  },
});

/** @throws ApiError `MissingParameter`, `InvalidParameterValue` */
function deprecationTime(date: Date | undefined, row: ImageRow, context: WriteContext): number {
  if (date === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter DeprecateAt');
  const time = Math.round(date.getTime() / minute) * minute;
  const [latest, limit] = row.public
    ? [row.creationDate + 2 * year, '2 years after the creation of a public AMI']
    : [context.now + 10 * year, '10 years from now'];
  if (Number.isNaN(time) || date.getTime() < context.now || time > latest) {
    throw new ApiError('InvalidParameterValue', `The DeprecateAt time must be in the future, and at most ${limit}.`);
  }
  return time;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageDeprecation.html */
const disableImageDeprecation = writeOperation<DisableImageDeprecationRequest, DisableImageDeprecationResult>({
  service: 'ec2',
  name: 'DisableImageDeprecation',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    context.db.put(images, { ...ownImage(context, input.ImageId), deprecationTime: undefined });
    return { Return: true };
  },
});

/**
 * A disabled AMI cannot be launched and is no longer shared.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImage.html
 */
const disableImage = writeOperation<DisableImageRequest, DisableImageResult>({
  service: 'ec2',
  name: 'DisableImage',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row = inState(ownImage(context, input.ImageId), 'available');
    context.db.put(images, { ...row, state: 'disabled', public: false, launchPermissions: [] });
    return { Return: true };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImage.html */
const enableImage = writeOperation<EnableImageRequest, EnableImageResult>({
  service: 'ec2',
  name: 'EnableImage',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row = inState(ownImage(context, input.ImageId), 'disabled');
    context.db.put(images, { ...row, state: 'available' });
    return { Return: true };
  },
});

/** @throws ApiError `IncorrectState` */
function inState(row: ImageRow, state: ImageRow['state']): ImageRow {
  if (row.state === state) return row;
  throw new ApiError('IncorrectState', `The image ${row.imageId} is ${row.state}; it must be ${state}.`);
}

export const imageLifecycleOperations = [enableImageDeprecation, disableImageDeprecation, disableImage, enableImage];
