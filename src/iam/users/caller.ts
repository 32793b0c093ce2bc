import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { rootArn } from '../arns.ts';
import { arnIn, find, userKind } from '../identities/kinds.ts';
import type { UserRow } from './model.ts';

/** Actions on a user that mean the caller when they name none. */
export interface MaybeUser {
  readonly UserName?: string | undefined;
}

/**
 * The user whom a call is about: the named one, else the caller.
 * @returns undefined for the account's root
 * @throws ApiError `NoSuchEntity`; `ValidationError` when a role that is no user names nobody
 */
export function userOrCaller(context: ReadContext, input: MaybeUser): UserRow | undefined {
  if (input.UserName !== undefined) return find(context, userKind, input.UserName);
  const { principal } = context;
  if (principal.type === 'root') return undefined;
  if (principal.type === 'user') return find(context, userKind, principal.userName);
  throw new ApiError('ValidationError', 'Must specify userName when calling with non-User credentials');
}

/** ARN of him whom such a call is about. */
export function userOrCallerArn(input: MaybeUser, context: ReadContext): string {
  const { principal } = context;
  if (input.UserName !== undefined) return arnIn(context, userKind, input);
  if (principal?.type === 'user') return arnIn(context, userKind, { UserName: principal.userName });
  return principal?.type === 'root' ? rootArn(context.account) : arnIn(context, userKind, {});
}
