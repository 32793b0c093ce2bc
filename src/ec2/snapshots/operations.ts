import type { AnyOperation } from '../../api/operation.ts';
import { copySnapshot } from './copy.ts';
import { createSnapshot, createSnapshots } from './create.ts';
import { deleteSnapshot } from './delete.ts';
import { describeSnapshots } from './describe.ts';
import { snapshotLockOperations } from './lock-operations.ts';
import { snapshotPermissionOperations } from './permissions.ts';
import { snapshotPublicAccessOperations } from './public-access.ts';
import { recycledSnapshotOperations } from './recycled.ts';
import { snapshotTierOperations } from './tier-operations.ts';

export const snapshotOperations: readonly AnyOperation[] = [
  copySnapshot,
  createSnapshot,
  createSnapshots,
  deleteSnapshot,
  describeSnapshots,
  ...snapshotPermissionOperations,
  ...snapshotPublicAccessOperations,
  ...snapshotLockOperations,
  ...snapshotTierOperations,
  ...recycledSnapshotOperations,
];
