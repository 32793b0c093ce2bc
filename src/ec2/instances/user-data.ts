import { isSealed, type Secrets } from '../../iam/secrets.ts';
import type { InstanceRow } from './model.ts';

/** User data as an instance's row keeps it: people put passwords there. @param base64 canonical */
export function sealUserData(secrets: Secrets, instanceId: string, base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : secrets.seal(base64, instanceId);
}

/** An instance's user data in base64. Earlier versions kept it as it is. */
export function userDataOf(secrets: Secrets, { instanceId, userData }: InstanceRow): string | undefined {
  return userData !== undefined && isSealed(userData) ? secrets.open(userData, instanceId) : userData;
}
