import { ApiError } from '../api/errors.ts';

export function validation(message: string, Reason = 'INVALID_PARAMETER_VALUE'): ApiError {
  return new ApiError('ValidationException', message, 400, { Reason });
}

export function noRule(identifier: string): ApiError {
  return new ApiError('ResourceNotFoundException', `Rule ${identifier} not found.`, 404, { Reason: 'RULE_NOT_FOUND' });
}

export function wrongState(message: string): ApiError {
  return new ApiError('ConflictException', message, 409, { Reason: 'INVALID_RULE_STATE' });
}
