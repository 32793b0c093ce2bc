import type { AssumeRoleRequest, AssumeRoleResponse } from '@aws-sdk/client-sts';
import type { AccessTarget, ConditionKeys } from '../api/access.ts';
import type { Principal } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';
import { type ReadContext, writeOperation } from '../api/operation.ts';
import { checkMfa, checkName, sessionPolicies, sessionTags, validationError } from './input.ts';
import { assume, roleDuration } from './role-session.ts';
import { roleOfArn } from './trust.ts';

/**
 * Whether the caller may is decided before it runs, by his policies and the role's trust policy.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export const assumeRole = writeOperation<AssumeRoleRequest, AssumeRoleResponse>({
  service: 'sts',
  name: 'AssumeRole',
  resources: (input, { principal }) => roleTargets(input, principal),
  run: (input, context) => {
    const { principal, now } = context;
    if (principal.type === 'root') {
      throw new ApiError('AccessDenied', 'Roles may not be assumed by root accounts.');
    }
    const sessionName = checkName('roleSessionName', input.RoleSessionName ?? '');
    checkExternalId(input.ExternalId);
    const inherited = inheritedOf(principal);
    const sourceIdentity = sourceIdentityOf(input, inherited.sourceIdentity);
    const { tags, transitiveTagKeys } = tagsOf(input, inherited.tags);
    const mfa = checkMfa(context, input);
    const role = roleOfArn(context.db, input.RoleArn ?? '');
    if (role === undefined) throw notAllowed(context, input.RoleArn ?? '');
    const chained = principal.type === 'assumed-role';
    const seconds = roleDuration(role, input.DurationSeconds, chained);
    const session = {
      issuedAt: Math.floor(now / 1000) * 1000,
      mfa: mfa || (principal.session?.mfa ?? false),
      ...sessionPolicies(context.db, role.account, input),
      tags,
      transitiveTagKeys,
      ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
      chained,
    };
    return assume(context, role, sessionName, session, seconds);
  },
});

/** The role, for each of the actions that the request needs on it. */
function roleTargets(input: AssumeRoleRequest, principal: Principal): AccessTarget[] {
  const arn = input.RoleArn ?? '*';
  const inherited = inheritedOf(principal);
  const sourceIdentity = input.SourceIdentity ?? inherited.sourceIdentity;
  const transitive = input.TransitiveTagKeys?.length ? input.TransitiveTagKeys : undefined;
  const keys: ConditionKeys = {
    'sts:ExternalId': input.ExternalId,
    'sts:RoleSessionName': input.RoleSessionName,
    'sts:SourceIdentity': sourceIdentity,
    'sts:TransitiveTagKeys': transitive,
    // A wrong code fails the call later on.
    ...(input.TokenCode === undefined ? {} : { 'aws:MultiFactorAuthPresent': true, 'aws:MultiFactorAuthAge': 0 }),
  };
  const tagged = (input.Tags ?? []).length > 0 || Object.keys(inherited.tags).length > 0;
  return [
    { arn, keys },
    ...(tagged ? [{ arn, action: 'sts:TagSession', keys: without(keys, 'sts:ExternalId') }] : []),
    ...(sourceIdentity === undefined
      ? []
      : [{ arn, action: 'sts:SetSourceIdentity', keys: { 'sts:SourceIdentity': sourceIdentity } }]),
  ];
}

function without(keys: ConditionKeys, name: string): ConditionKeys {
  return { ...keys, [name]: undefined };
}

/** What a session hands on to the sessions of roles that it assumes. */
function inheritedOf({ session }: Principal): { tags: Record<string, string>; sourceIdentity: string | undefined } {
  const tags: Record<string, string> = {};
  for (const key of session?.transitiveTagKeys ?? []) {
    const value = session?.tags[key];
    if (value !== undefined) tags[key] = value;
  }
  return { tags, sourceIdentity: session?.sourceIdentity };
}

/** @throws ApiError `ValidationError` */
function tagsOf(input: AssumeRoleRequest, inherited: Record<string, string>) {
  const given = sessionTags(input.Tags);
  const canonical = new Map(Object.keys(given).map(key => [key.toLowerCase(), key]));
  for (const key of Object.keys(inherited)) {
    if (canonical.has(key.toLowerCase())) {
      throw validationError(
        `The tag key ${key} cannot be set: it conflicts with a transitive tag key of the calling session.`,
      );
    }
  }
  const transitive = (input.TransitiveTagKeys ?? []).map(key => {
    const tagKey = canonical.get(key.toLowerCase());
    if (tagKey === undefined)
      throw validationError('The specified transitive tag key must be included in the requested tags.');
    return tagKey;
  });
  return {
    tags: { ...inherited, ...given },
    transitiveTagKeys: [...new Set([...Object.keys(inherited), ...transitive])],
  };
}

/** A source identity stays the same through a chain of roles. @throws ApiError `ValidationError`, `AccessDenied` */
function sourceIdentityOf(input: AssumeRoleRequest, inherited: string | undefined): string | undefined {
  if (input.SourceIdentity === undefined) return inherited;
  checkName('sourceIdentity', input.SourceIdentity);
  if (/^aws:/i.test(input.SourceIdentity)) throw validationError('A source identity must not begin with aws:');
  if (inherited !== undefined && inherited !== input.SourceIdentity) {
    throw new ApiError(
      'AccessDenied',
      `The source identity of the calling session is ${inherited}, and cannot be changed. Leave out SourceIdentity.`,
    );
  }
  return input.SourceIdentity;
}

function checkExternalId(id: string | undefined): void {
  if (id === undefined || (id.length >= 2 && id.length <= 1224 && /^[\w+=,.@:/-]*$/.test(id))) return;
  throw validationError(
    "1 validation error detected: Value at 'externalId' failed to satisfy constraint: " +
      'Member must have 2 to 1224 letters, digits or characters of _+=,.@:/-',
  );
}

/** A role that does not exist is refused as one is that does not trust the caller. */
export function notAllowed({ principal }: ReadContext, roleArn: string): ApiError {
  return new ApiError(
    'AccessDenied',
    `User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn} because no role trust policy allows the sts:AssumeRole action`,
  );
}
