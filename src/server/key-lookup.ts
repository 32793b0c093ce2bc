import type { KeyLookup } from '../gateway/sigv4.ts';
import { accessKeyOf } from '../iam/access-keys.ts';
import { uniqueIdPrefixes } from '../iam/ids.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { State } from '../state/state.ts';
import { SessionTokens } from '../sts/session-tokens.ts';

/** How the gateway finds keys: those of users and roots in the state, temporary ones in their session tokens. */
export function keyLookup(state: State, secrets: Secrets): KeyLookup {
  const sessions = new SessionTokens(secrets);
  return (accessKeyId, sessionToken) =>
    sessionToken !== undefined && accessKeyId.startsWith(uniqueIdPrefixes.temporaryKey)
      ? sessions.keyOf(state, accessKeyId, sessionToken)
      : accessKeyOf(state, secrets, accessKeyId);
}
