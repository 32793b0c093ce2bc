import type {
  DisableImageDeregistrationProtectionRequest,
  DisableImageDeregistrationProtectionResult,
  EnableImageDeregistrationProtectionRequest,
  EnableImageDeregistrationProtectionResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, writeOperation } from '../../api/operation.ts';
import { imageArn, ownImage } from './access.ts';
import { type ImageRow, images } from './model.ts';

/** How long an AMI stays protected after its protection with cooldown was switched off, in milliseconds. */
const cooldown = 24 * 3600 * 1000;

/** As DescribeImages and DescribeImageAttribute say it. */
export function deregistrationProtection({ deregistrationProtection: protection }: ImageRow): string {
  if (protection === undefined || protection.disabledAt !== undefined) return 'disabled';
  return protection.withCooldown ? 'enabled-with-cooldown' : 'enabled-without-cooldown';
}

/**
 * @throws ApiError `OperationNotPermitted`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deregistration-protection.html
 */
export function checkNotProtected(row: ImageRow, now: number): void {
  const { deregistrationProtection: protection } = row;
  if (protection === undefined) return;
  if (protection.disabledAt === undefined) {
    throw new ApiError(
      'OperationNotPermitted',
      `The image ${row.imageId} is protected from deregistration. Call DisableImageDeregistrationProtection first.`,
    );
  }
  const until = protection.disabledAt + cooldown;
  if (protection.withCooldown && now < until) {
    throw new ApiError(
      'OperationNotPermitted',
      `The image ${row.imageId} is protected from deregistration until ${new Date(until).toISOString()}, 24 hours after its protection was disabled.`,
    );
  }
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeregistrationProtection.html */
const enableImageDeregistrationProtection = writeOperation<
  EnableImageDeregistrationProtectionRequest,
  EnableImageDeregistrationProtectionResult
>({
  service: 'ec2',
  name: 'EnableImageDeregistrationProtection',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row: ImageRow = {
      ...ownImage(context, input.ImageId),
      deregistrationProtection: { withCooldown: input.WithCooldown === true },
    };
    context.db.put(images, row);
    return { Return: deregistrationProtection(row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageDeregistrationProtection.html */
const disableImageDeregistrationProtection = writeOperation<
  DisableImageDeregistrationProtectionRequest,
  DisableImageDeregistrationProtectionResult
>({
  service: 'ec2',
  name: 'DisableImageDeregistrationProtection',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const row = ownImage(context, input.ImageId);
    const { deregistrationProtection: protection } = row;
    // Asking again does not begin the day anew.
    if (protection !== undefined && protection.disabledAt === undefined)
      context.db.put(images, { ...row, deregistrationProtection: { ...protection, disabledAt: context.now } });
    return { Return: 'disabled' };
  },
});

export const deregistrationProtectionOperations: readonly AnyOperation[] = [
  disableImageDeregistrationProtection,
  enableImageDeregistrationProtection,
];
