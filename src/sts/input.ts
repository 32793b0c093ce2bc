import type { PolicyDescriptorType, Tag } from '@aws-sdk/client-sts';
import { ApiError } from '../api/errors.ts';
import type { WriteContext } from '../api/operation.ts';
import { managedPolicy } from '../iam/managed-policies/find.ts';
import { checkMfaCode, type MfaClaim } from '../iam/mfa/check.ts';
import { validatePolicyDocument } from '../iam/policy/validate.ts';
import type { Reader } from '../state/state.ts';

/*
 * Members that several operations of STS have.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_RequestParameters
 */

export function validationError(message: string): ApiError {
  return new ApiError('ValidationError', message);
}

/** A name of a session, a federated user, or a source identity. @throws ApiError `ValidationError` */
export function checkName(member: string, value: string, maximum = 64): string {
  const form = /^[\w+=,.@-]*$/;
  if (value.length < 2 || value.length > maximum || !form.test(value)) {
    throw validationError(
      `1 validation error detected: Value '${value.slice(0, 80)}' at '${member}' failed to satisfy constraint: ` +
        `Member must have 2 to ${maximum} letters, digits or characters of _+=,.@-`,
    );
  }
  return value;
}

/** Seconds. @throws ApiError `ValidationError` */
export function checkDuration(value: number | undefined, standard: number, maximum: number): number {
  const seconds = value ?? standard;
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > maximum) {
    throw validationError(
      `1 validation error detected: Value '${seconds}' at 'durationSeconds' failed to satisfy constraint: ` +
        `Member must have value from 900 to ${maximum}`,
    );
  }
  return seconds;
}

/**
 * Checks the code of the caller's MFA device, if the call gives one.
 * @returns whether it did
 * @throws ApiError `AccessDenied`
 */
export function checkMfa({ db, principal, services, now }: WriteContext, claim: MfaClaim): boolean {
  if (claim.SerialNumber === undefined && claim.TokenCode === undefined) return false;
  if (principal.type !== 'user') {
    throw new ApiError('AccessDenied', 'MultiFactorAuthentication failed: only users have MFA devices here.');
  }
  checkMfaCode(db, services.secrets, principal.userId, claim, now);
  return true;
}

export interface SessionPolicies {
  readonly policies: readonly string[];
  readonly policyArns: readonly string[];
}

const maximumPolicyLength = 2_048;
const maximumPolicyArns = 10;

/**
 * Session policies of a request.
 * @throws ApiError `ValidationError` when they are too long or too many, `MalformedPolicyDocument`
 */
export function sessionPolicies(
  db: Reader,
  account: string,
  input: { readonly Policy?: string | undefined; readonly PolicyArns?: readonly PolicyDescriptorType[] | undefined },
): SessionPolicies {
  const policyArns = (input.PolicyArns ?? []).map(one => one.arn ?? '');
  const length = (input.Policy?.length ?? 0) + policyArns.reduce((sum, arn) => sum + arn.length, 0);
  if (length > maximumPolicyLength) {
    throw validationError(
      `The session policies have ${length} characters together; ${maximumPolicyLength} are allowed. Put more into a managed policy.`,
    );
  }
  if (policyArns.length > maximumPolicyArns)
    throw validationError(`A session can have at most ${maximumPolicyArns} managed policies.`);
  for (const arn of policyArns) {
    if (managedPolicy(db, account, arn) === undefined)
      throw new ApiError('MalformedPolicyDocument', `The policy ${arn} does not exist in the account of the session.`);
  }
  if (input.Policy === undefined) return { policies: [], policyArns };
  validatePolicyDocument(input.Policy, 'identity');
  return { policies: [input.Policy], policyArns };
}

const maximumTags = 50;
const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Session tags of a request. Keys are the same in any case.
 * @throws ApiError `ValidationError`
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
 */
export function sessionTags(tags: readonly Tag[] | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  const seen = new Set<string>();
  for (const { Key = '', Value = '' } of tags ?? []) {
    if (Key.length === 0 || Key.length > 128 || !characters.test(Key))
      throw validationError('A tag key must have 1 to 128 characters: letters, numbers, spaces and _.:/=+-@');
    if (Value.length > 256 || !characters.test(Value))
      throw validationError(
        `The value of tag ${Key} must have at most 256 characters: letters, numbers, spaces and _.:/=+-@`,
      );
    if (/^aws:/i.test(Key)) throw validationError(`The tag key ${Key} begins with aws:, which is reserved for AWS.`);
    if (seen.has(Key.toLowerCase()))
      throw validationError('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
    seen.add(Key.toLowerCase());
    result[Key] = Value;
  }
  if (seen.size > maximumTags) throw validationError(`A session can have at most ${maximumTags} tags.`);
  return result;
}
