import type { AnyOperation } from '../../api/operation.ts';
import { attachVolume, detachVolume } from './attach.ts';
import { describeVolumeAttribute, enableVolumeIo, modifyVolumeAttribute } from './attributes.ts';
import { copyVolumes } from './copy.ts';
import { createVolume, deleteVolume } from './create.ts';
import { volumeReadOperations } from './describe.ts';
import { describeVolumesModifications, modifyVolume } from './modify.ts';

export const volumeOperations: readonly AnyOperation[] = [
  ...volumeReadOperations,
  attachVolume,
  copyVolumes,
  createVolume,
  deleteVolume,
  describeVolumeAttribute,
  describeVolumesModifications,
  detachVolume,
  enableVolumeIo,
  modifyVolume,
  modifyVolumeAttribute,
];
