import type { AnyOperation } from '../../api/operation.ts';
import { describeImageAttribute, modifyImageAttribute, resetImageAttribute } from './attributes.ts';
import { describeImages } from './describe-images.ts';
import { fastLaunchOperations } from './fast-launch.ts';
import { imageLifecycleOperations } from './lifecycle.ts';
import { deregisterImage, registerImage } from './register-image.ts';

export const imageOperations: readonly AnyOperation[] = [
  deregisterImage,
  describeImageAttribute,
  describeImages,
  modifyImageAttribute,
  registerImage,
  ...fastLaunchOperations,
  ...imageLifecycleOperations,
  resetImageAttribute,
];
