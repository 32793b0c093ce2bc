import type { AnonymousPrincipal, Principal, PrincipalSession } from '../../api/call.ts';
import type { SessionContext, UserIdentity } from './event.ts';
import { eventTime } from './times.ts';

/**
 * Who made a call, as CloudTrail names them.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
 */
export function userIdentity(principal: Exclude<Principal, AnonymousPrincipal>): UserIdentity {
  const { userId: principalId, arn, account: accountId, accessKeyId, session } = principal;
  const common = { principalId, arn, accountId, accessKeyId };
  switch (principal.type) {
    case 'root':
      return { type: 'Root', ...common, ...context(session) };
    case 'user':
      return { type: 'IAMUser', ...common, userName: principal.userName, ...context(session) };
    case 'assumed-role': {
      const { roleId, roleArn, roleName, instanceId } = principal;
      const sessionIssuer = { type: 'Role', principalId: roleId, arn: roleArn, accountId, userName: roleName } as const;
      const delivery = instanceId === undefined ? {} : ({ ec2RoleDelivery: '2.0' } as const);
      return { type: 'AssumedRole', ...common, ...context(session, { sessionIssuer, ...delivery }) };
    }
    case 'federated-user': {
      const { arn: issuerArn, userName } = principal.issuer;
      const type = userName === undefined ? 'Root' : 'IAMUser';
      const sessionIssuer = { type, arn: issuerArn, accountId, ...(userName !== undefined && { userName }) } as const;
      return { type: 'FederatedUser', ...common, ...context(session, { sessionIssuer }) };
    }
  }
}

/** Of a caller from another account, an account's events tell the account and an id, not the name. */
export function foreignIdentity({ account, userId }: Principal): UserIdentity {
  return { type: 'AWSAccount', principalId: userId, accountId: account };
}

/** Whoever traded an OpenID Connect provider's token for a role. @param output of AssumeRoleWithWebIdentity */
export function webIdentity(output: {
  readonly Provider?: string | undefined;
  readonly Audience?: string | undefined;
  readonly SubjectFromWebIdentityToken?: string | undefined;
}): UserIdentity {
  const { Provider: identityProvider = '', Audience = '', SubjectFromWebIdentityToken: userName = '' } = output;
  const principalId = `${identityProvider}:${Audience}:${userName}`;
  return { type: 'WebIdentityUser', principalId, userName, identityProvider };
}

type Details = Pick<SessionContext, 'sessionIssuer' | 'ec2RoleDelivery'>;

function context(
  session: PrincipalSession | undefined,
  { sessionIssuer, ec2RoleDelivery }: Details = {},
): { sessionContext?: SessionContext } {
  if (session === undefined) return {};
  const { federatedProvider, sourceIdentity } = session;
  const sessionContext: SessionContext = {
    ...(sessionIssuer && { sessionIssuer }),
    ...(federatedProvider !== undefined && { webIdFederationData: { federatedProvider, attributes: {} } }),
    attributes: { creationDate: eventTime(session.issuedAt), mfaAuthenticated: session.mfa ? 'true' : 'false' },
    ...(sourceIdentity !== undefined && { sourceIdentity }),
    ...(ec2RoleDelivery && { ec2RoleDelivery }),
  };
  return { sessionContext };
}

/** By whom an event is found under `Username`: users by name, sessions by theirs. */
export function userNameOf(identity: UserIdentity): string | undefined {
  switch (identity.type) {
    case 'Root':
      return 'root';
    case 'IAMUser':
    case 'WebIdentityUser':
      return identity.userName;
    case 'AssumedRole':
    case 'FederatedUser':
      return identity.principalId?.slice(identity.principalId.indexOf(':') + 1);
    default:
      return undefined;
  }
}
