import { ApiError } from '../api/errors.ts';

/** What CloudTrail can do and Fogbank does not; names what was asked for. */
export function unsupported(message: string): ApiError {
  return new ApiError('UnsupportedOperationException', message);
}
