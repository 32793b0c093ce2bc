import type { Principal } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';

const ofSessions = new Set(['AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity']);
const withoutAssumeRole = new Set([...ofSessions].filter(name => name !== 'AssumeRole'));

/** Operations of STS that a session may call. */
function mayCall(type: Principal['type'], operation: string): boolean {
  if (type === 'assumed-role') return operation !== 'GetSessionToken' && operation !== 'GetFederationToken';
  return (type === 'federated-user' ? withoutAssumeRole : ofSessions).has(operation);
}

/**
 * What temporary credentials cannot do, whatever policies say: those of GetFederationToken cannot call IAM, those of
 * GetSessionToken only if they were got with MFA; of STS, they can call little.
 * @throws ApiError `InvalidClientTokenId` (IAM), `AccessDenied` (STS)
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
 */
export function checkSession(principal: Principal, service: string, operation: string): void {
  const { session, type } = principal;
  if (session === undefined) return;
  if (service === 'iam' && type !== 'assumed-role' && (type === 'federated-user' || !session.mfa)) {
    throw new ApiError('InvalidClientTokenId', 'The security token included in the request is invalid');
  }
  if (service === 'sts' && !mayCall(type, operation)) {
    throw new ApiError('AccessDenied', `Cannot call ${operation} with session credentials`);
  }
}
