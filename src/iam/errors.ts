import { ApiError } from '../api/errors.ts';

/*
 * IAM's errors, with its own words where they say enough.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */

export type Noun = 'user' | 'group' | 'role' | 'policy' | 'instance profile';

export function noSuchEntity(message: string): ApiError {
  return new ApiError('NoSuchEntity', message, 404);
}

export function alreadyExists(message: string): ApiError {
  return new ApiError('EntityAlreadyExists', message, 409);
}

/** @param quota AWS's name of it: `UsersPerAccount` */
export function quotaExceeded(quota: string, maximum: number): ApiError {
  return limitExceeded(`Cannot exceed quota for ${quota}: ${maximum}`);
}

export function limitExceeded(message: string): ApiError {
  return new ApiError('LimitExceeded', message, 409);
}

export function deleteConflict(message: string): ApiError {
  return new ApiError('DeleteConflict', message, 409);
}

export function invalidInput(message: string): ApiError {
  return new ApiError('InvalidInput', message);
}

export function validationError(message: string): ApiError {
  return new ApiError('ValidationError', message);
}
