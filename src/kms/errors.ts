import { ApiError } from '../api/errors.ts';

/*
 * KMS's errors.
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
 */

export function notFound(message: string): ApiError {
  return new ApiError('NotFoundException', message);
}

export function validation(message: string): ApiError {
  return new ApiError('ValidationException', message);
}

/** @param member as AWS writes it there: `numberOfBytes` */
export function constraint(member: string, value: unknown, rule: string): ApiError {
  const shown = String(value).slice(0, 200);
  return validation(
    `1 validation error detected: Value '${shown}' at '${member}' failed to satisfy constraint: ${rule}`,
  );
}

/** A whole number within a range. @throws ApiError `ValidationException` */
export function inRange(member: string, value: number, least: number, most: number): number {
  if (value < least || !Number.isInteger(value)) {
    throw constraint(member, value, `Member must have value greater than or equal to ${least}`);
  }
  if (value > most) throw constraint(member, value, `Member must have value less than or equal to ${most}`);
  return value;
}

/** @throws ApiError `ValidationException` */
export function oneOf<Value extends string>(member: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find(one => one === value);
  if (found === undefined)
    throw constraint(member, value, `Member must satisfy enum value set: [${allowed.join(', ')}]`);
  return found;
}

/** What KMS can do and Fogbank does not; names what was asked for. */
export function unsupported(message: string): ApiError {
  return new ApiError('UnsupportedOperationException', message);
}

export function invalidState(arn: string): ApiError {
  return new ApiError('KMSInvalidStateException', `${arn} is pending deletion.`);
}

export function disabled(arn: string): ApiError {
  return new ApiError('DisabledException', `${arn} is disabled.`);
}

export function accessDenied(message: string): ApiError {
  return new ApiError('AccessDenied', message);
}
