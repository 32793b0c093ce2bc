import type { Clock } from '../api/clock.ts';
import type { RoleRow } from '../iam/roles/model.ts';
import type { Secrets } from '../iam/secrets.ts';
import { issueCredentials, plainSession, type TemporaryCredentials } from '../sts/session-tokens.ts';

/** Seconds that credentials of an instance's role last. */
export const instanceCredentialSeconds = 21_600;

export interface InstanceCredentials extends TemporaryCredentials {
  /** Milliseconds since the epoch. */
  readonly issued: number;
}

/** Gives the credentials of a role to an instance: the same ones until they are due to be replaced. */
export type GiveCredentials = (instanceId: string, role: RoleRow) => InstanceCredentials;

/**
 * Credentials of instances' roles, kept for the instances that asked last: those of the others, and of all after a
 * restart of the server, are made anew when asked for. What was given out before stays valid until it expires.
 * @param lifetime seconds, at least 360: they are replaced after a sixth of it, so that nobody is given some that expire soon
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export function createInstanceCredentials(
  secrets: Secrets,
  clock: Clock,
  lifetime: number = instanceCredentialSeconds,
  limit = 10_000,
): GiveCredentials {
  const given = new Map<string, InstanceCredentials>();
  const age = (lifetime * 1000) / 6;
  return (instanceId, role) => {
    const key = `${instanceId} ${role.roleId}`;
    const now = clock.now();
    const before = given.get(key);
    if (before !== undefined && now - before.issued < age) return before;
    // Times of sessions are told in whole seconds.
    const issued = Math.floor(now / 1000) * 1000;
    const credentials = issueCredentials(secrets, {
      holder: {
        type: 'assumed-role',
        account: role.account,
        roleId: role.roleId,
        sessionName: instanceId,
        instanceId,
      },
      session: plainSession(issued),
      expiration: issued + lifetime * 1000,
    });
    const made = { ...credentials, issued };
    given.delete(key);
    given.set(key, made);
    const [oldest] = given.keys();
    if (given.size > limit && oldest !== undefined) given.delete(oldest);
    return made;
  };
}
