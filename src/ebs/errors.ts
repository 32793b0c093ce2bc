import { ApiError } from '../api/errors.ts';

/** @see https://docs.aws.amazon.com/ebs/latest/APIReference/API_StartSnapshot.html#API_StartSnapshot_Errors */
type ValidationReason =
  | 'INVALID_BLOCK'
  | 'INVALID_BLOCK_TOKEN'
  | 'INVALID_PAGE_TOKEN'
  | 'INVALID_PARAMETER_VALUE'
  | 'INVALID_SNAPSHOT_ID'
  | 'INVALID_TAG'
  | 'INVALID_VOLUME_SIZE'
  | 'CONFLICTING_BLOCK_UPDATE'
  | 'INVALID_DEPENDENCY_REQUEST'
  | 'UNRELATED_SNAPSHOTS'
  | 'WRITE_REQUEST_TIMEOUT';

export function validation(Reason: ValidationReason, message: string): ApiError {
  return new ApiError('ValidationException', message, 400, { Reason });
}

export function noSnapshot(snapshotId: string): ApiError {
  return new ApiError('ResourceNotFoundException', `The snapshot '${snapshotId}' does not exist.`, 404, {
    Reason: 'SNAPSHOT_NOT_FOUND',
  });
}
