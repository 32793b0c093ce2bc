import type { AnyOperation } from '../../api/operation.ts';
import { attachVolume, detachVolume } from './attach.ts';
import { createVolume, deleteVolume } from './create.ts';
import { volumeReadOperations } from './describe.ts';

export const volumeOperations: readonly AnyOperation[] = [
  ...volumeReadOperations,
  attachVolume,
  createVolume,
  deleteVolume,
  detachVolume,
];
