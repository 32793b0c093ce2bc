import { ApiError } from '../api/errors.ts';
import type { KeyUnavailableError } from '../kms/data-keys.ts';

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

/** The KMS key of a snapshot cannot be used, or not by the caller. */
export function unusableKey(key: string, reason: KeyUnavailableError['reason']): ApiError {
  if (reason === 'refused') {
    return new ApiError('AccessDeniedException', `You may not use the KMS key ${key}.`, 403, {
      Reason: 'DEPENDENCY_ACCESS_DENIED',
    });
  }
  return new ApiError('ValidationException', `The KMS key ${key} is ${reason.replace('-', ' ')}.`, 400, {
    Reason: 'INVALID_CUSTOMER_KEY',
  });
}

export function noSnapshot(snapshotId: string): ApiError {
  return new ApiError('ResourceNotFoundException', `The snapshot '${snapshotId}' does not exist.`, 404, {
    Reason: 'SNAPSHOT_NOT_FOUND',
  });
}
