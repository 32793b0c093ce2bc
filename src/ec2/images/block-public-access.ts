import type {
  DisableImageBlockPublicAccessRequest,
  DisableImageBlockPublicAccessResult,
  EnableImageBlockPublicAccessRequest,
  EnableImageBlockPublicAccessResult,
  GetImageBlockPublicAccessStateRequest,
  GetImageBlockPublicAccessStateResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { blockPublicAccess, changeImageSettings } from './settings.ts';

/**
 * While it is on, no AMI of the account can be made public in the Region; those that are stay so.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html
 */
const enableImageBlockPublicAccess = writeOperation<
  EnableImageBlockPublicAccessRequest,
  EnableImageBlockPublicAccessResult
>({
  service: 'ec2',
  name: 'EnableImageBlockPublicAccess',
  resources: () => ['*'],
  run: (input, context) => {
    const state: string | undefined = input.ImageBlockPublicAccessState;
    if (state !== 'block-new-sharing') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${state ?? ''} ) for parameter ImageBlockPublicAccessState is invalid. Use block-new-sharing.`,
      );
    }
    changeImageSettings(context.db, context.owner, { blockPublicAccess: state });
    return { ImageBlockPublicAccessState: state };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageBlockPublicAccess.html */
const disableImageBlockPublicAccess = writeOperation<
  DisableImageBlockPublicAccessRequest,
  DisableImageBlockPublicAccessResult
>({
  service: 'ec2',
  name: 'DisableImageBlockPublicAccess',
  resources: () => ['*'],
  run: (_input, context) => {
    changeImageSettings(context.db, context.owner, { blockPublicAccess: 'unblocked' });
    return { ImageBlockPublicAccessState: 'unblocked' };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetImageBlockPublicAccessState.html */
const getImageBlockPublicAccessState = readOperation<
  GetImageBlockPublicAccessStateRequest,
  GetImageBlockPublicAccessStateResult
>({
  service: 'ec2',
  name: 'GetImageBlockPublicAccessState',
  resources: () => ['*'],
  run: (_input, context) => ({
    ImageBlockPublicAccessState: blockPublicAccess(context.db, context.owner),
    ManagedBy: 'account',
  }),
});

export const blockPublicAccessOperations: readonly AnyOperation[] = [
  disableImageBlockPublicAccess,
  enableImageBlockPublicAccess,
  getImageBlockPublicAccessState,
];
