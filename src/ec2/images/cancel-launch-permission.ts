import type { CancelImageLaunchPermissionRequest, CancelImageLaunchPermissionResult } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { writeOperation } from '../../api/operation.ts';
import { imageArn, visibleImages } from './access.ts';
import { images } from './model.ts';

/**
 * An account gives back an AMI that another one shares with it by its id. What is public stays public.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelImageLaunchPermission.html
 */
export const cancelImageLaunchPermission = writeOperation<
  CancelImageLaunchPermissionRequest,
  CancelImageLaunchPermissionResult
>({
  service: 'ec2',
  name: 'CancelImageLaunchPermission',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const { account, db } = context;
    const [row] = visibleImages(context, [input.ImageId ?? '']);
    if (row === undefined || !row.launchPermissions.includes(account)) {
      throw new ApiError(
        'InvalidParameterValue',
        `The image ${input.ImageId} is not shared with the account ${account} by its id.`,
      );
    }
    db.put(images, { ...row, launchPermissions: row.launchPermissions.filter(one => one !== account) });
    return { Return: true };
  },
});
