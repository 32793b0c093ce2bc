import type { Credentials } from '@aws-sdk/client-sts';
import type { PrincipalSession } from '../api/call.ts';
import type { ReadContext } from '../api/operation.ts';
import type { RoleRow } from '../iam/roles/model.ts';
import { checkDuration, validationError } from './input.ts';
import { packedSize } from './packed-size.ts';
import { issueCredentials, type SessionGrant } from './session-tokens.ts';

/** Seconds that a session of a role lasts unless the request says otherwise, and when roles are chained at most. */
const standardDuration = 3_600;
const chainedMaximum = 3_600;
const maximum = 43_200;

/**
 * Checks how long a session of a role is to last.
 * @returns seconds
 * @throws ApiError `ValidationError`
 */
export function roleDuration(role: RoleRow, requested: number | undefined, chained: boolean): number {
  const seconds = checkDuration(requested, standardDuration, maximum);
  if (chained && seconds > chainedMaximum) {
    throw validationError(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    );
  }
  if (seconds > role.maxSessionDuration) {
    // What nobody asked for gives way.
    if (requested === undefined) return role.maxSessionDuration;
    throw validationError('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  return seconds;
}

/** Makes the session of a role. @throws ApiError `PackedPolicyTooLarge` */
export function assume(
  context: ReadContext,
  role: RoleRow,
  sessionName: string,
  session: PrincipalSession,
  seconds: number,
) {
  const { account, roleId, roleName } = role;
  const PackedPolicySize = packedSize(session);
  return {
    Credentials: issue(context, { holder: { type: 'assumed-role', account, roleId, sessionName }, session }, seconds),
    AssumedRoleUser: {
      AssumedRoleId: `${roleId}:${sessionName}`,
      Arn: `arn:aws:sts::${account}:assumed-role/${roleName}/${sessionName}`,
    },
    PackedPolicySize,
    SourceIdentity: session.sourceIdentity,
  };
}

/** Credentials as answers have them. */
export function issue(
  { now, services }: ReadContext,
  grant: Omit<SessionGrant, 'expiration'>,
  seconds: number,
): Credentials {
  // Times of sessions are told in whole seconds.
  const expiration = Math.floor(now / 1000 + seconds) * 1000;
  const { accessKeyId, secretAccessKey, sessionToken } = issueCredentials(services.secrets, { ...grant, expiration });
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: new Date(expiration),
  };
}
