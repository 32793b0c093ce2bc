import type { AnyOperation } from '../../api/operation.ts';
import { allowedImagesOperations } from './allowed-images.ts';
import { imageAncestryOperations } from './ancestry.ts';
import { describeImageAttribute, modifyImageAttribute, resetImageAttribute } from './attributes.ts';
import { blockPublicAccessOperations } from './block-public-access.ts';
import { cancelImageLaunchPermission } from './cancel-launch-permission.ts';
import { copyImage } from './copy-image.ts';
import { createImage } from './create-image.ts';
import { deregisterImage } from './deregister-image.ts';
import { deregistrationProtectionOperations } from './deregistration-protection.ts';
import { describeImages } from './describe-images.ts';
import { fastLaunchOperations } from './fast-launch.ts';
import { imageLifecycleOperations } from './lifecycle.ts';
import { recycledImageOperations } from './recycled.ts';
import { registerImage } from './register-image.ts';

export const imageOperations: readonly AnyOperation[] = [
  copyImage,
  createImage,
  deregisterImage,
  describeImageAttribute,
  describeImages,
  modifyImageAttribute,
  registerImage,
  cancelImageLaunchPermission,
  ...allowedImagesOperations,
  ...imageAncestryOperations,
  ...blockPublicAccessOperations,
  ...deregistrationProtectionOperations,
  ...fastLaunchOperations,
  ...imageLifecycleOperations,
  ...recycledImageOperations,
  resetImageAttribute,
];
