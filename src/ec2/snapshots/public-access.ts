import type {
  DisableSnapshotBlockPublicAccessRequest,
  DisableSnapshotBlockPublicAccessResult,
  EnableSnapshotBlockPublicAccessRequest,
  EnableSnapshotBlockPublicAccessResult,
  GetSnapshotBlockPublicAccessStateRequest,
  GetSnapshotBlockPublicAccessStateResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { snapshotPublicAccess } from './model.ts';

/**
 * What is shared with everybody keeps its permission, which has no effect while all sharing is blocked.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableSnapshotBlockPublicAccess.html
 */
const enableSnapshotBlockPublicAccess = writeOperation<
  EnableSnapshotBlockPublicAccessRequest,
  EnableSnapshotBlockPublicAccessResult
>({
  service: 'ec2',
  name: 'EnableSnapshotBlockPublicAccess',
  resources: () => ['*'],
  run: ({ State: state }, { db, owner }) => {
    if (state !== 'block-all-sharing' && state !== 'block-new-sharing') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${state}) for parameter State is invalid. Use block-all-sharing or block-new-sharing.`,
      );
    }
    db.put(snapshotPublicAccess, { owner, state });
    return { State: state };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableSnapshotBlockPublicAccess.html */
const disableSnapshotBlockPublicAccess = writeOperation<
  DisableSnapshotBlockPublicAccessRequest,
  DisableSnapshotBlockPublicAccessResult
>({
  service: 'ec2',
  name: 'DisableSnapshotBlockPublicAccess',
  resources: () => ['*'],
  run: (_input, { db, owner }) => {
    db.delete(snapshotPublicAccess, owner);
    return { State: 'unblocked' };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSnapshotBlockPublicAccessState.html */
const getSnapshotBlockPublicAccessState = readOperation<
  GetSnapshotBlockPublicAccessStateRequest,
  GetSnapshotBlockPublicAccessStateResult
>({
  service: 'ec2',
  name: 'GetSnapshotBlockPublicAccessState',
  resources: () => ['*'],
  run: (_input, { db, owner }) => ({
    State: db.get(snapshotPublicAccess, owner)?.state ?? 'unblocked',
    ManagedBy: 'account',
  }),
});

export const snapshotPublicAccessOperations: readonly AnyOperation[] = [
  enableSnapshotBlockPublicAccess,
  disableSnapshotBlockPublicAccess,
  getSnapshotBlockPublicAccessState,
];
