import type { AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse } from '@aws-sdk/client-sts';
import { parseArn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { type OidcProviderRow, oidcProviderArn, oidcProviders } from '../../iam/oidc/model.ts';
import { decide } from '../../iam/policy/decide.ts';
import type { RoleRow } from '../../iam/roles/model.ts';
import { compiledTrust } from '../../iam/roles/trust.ts';
import { checkName, sessionPolicies, validationError } from '../input.ts';
import { assume, roleDuration } from '../role-session.ts';
import { roleOfArn } from '../trust.ts';
import { type Identity, identityOf, issuerOf } from './claims.ts';
import { invalidToken, isSignedBy, parseJwt } from './jwt.ts';

/**
 * Called without AWS credentials: the token of an OpenID Connect provider, which the role's account registered with
 * IAM, says who calls, and the role's trust policy decides.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export const assumeRoleWithWebIdentity = readOperation<
  AssumeRoleWithWebIdentityRequest,
  AssumeRoleWithWebIdentityResponse
>({
  service: 'sts',
  name: 'AssumeRoleWithWebIdentity',
  permission: 'none',
  resources: input => [input.RoleArn ?? '*'],
  run: async (input, context) => {
    const sessionName = checkName('roleSessionName', input.RoleSessionName ?? '');
    if (input.ProviderId !== undefined)
      throw validationError('ProviderId is for OAuth 2.0 access tokens, which are not taken. Give an ID token alone.');
    const account = parseArn(input.RoleArn ?? '')?.account ?? '';
    const { identity, provider } = await authenticate(context, account, input.WebIdentityToken ?? '');
    const role = roleOfArn(context.db, input.RoleArn ?? '');
    if (role === undefined || !trusts(context, role, provider, identity, sessionName)) {
      throw new ApiError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
    }
    const seconds = roleDuration(role, input.DurationSeconds, false);
    const { tags, transitiveTagKeys, sourceIdentity } = identity;
    if (sourceIdentity !== undefined) checkName('sourceIdentity', sourceIdentity);
    const session = {
      issuedAt: Math.floor(context.now / 1000) * 1000,
      mfa: false,
      ...sessionPolicies(context.db, account, input),
      tags,
      transitiveTagKeys,
      ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
      chained: false,
      federatedProvider: provider.arn,
    };
    return {
      ...assume(context, role, sessionName, session, seconds),
      SubjectFromWebIdentityToken: identity.subject,
      Provider: identity.issuer,
      Audience: identity.audiences[0],
    };
  },
});

/**
 * Verifies the token.
 * @throws ApiError `InvalidIdentityToken`, `ExpiredTokenException`, `IDPCommunicationError`
 */
async function authenticate(
  { db, now, services }: ReadContext,
  account: string,
  token: string,
): Promise<{ identity: Identity; provider: OidcProviderRow }> {
  const jwt = parseJwt(token);
  const issuer = issuerOf(jwt);
  const url = issuer.replace(/^https:\/\//, '').replace(/\/+$/, '');
  const provider = issuer.startsWith('https://') ? db.get(oidcProviders, oidcProviderArn(account, url)) : undefined;
  if (provider === undefined) throw invalidToken(`No OpenIDConnect provider found in your account for ${issuer}`);
  const keys = await services.providerKeys.of(issuer, provider.thumbprints, jwt.keyId, now);
  if (!isSignedBy(jwt, keys))
    throw invalidToken("Couldn't verify the signature of the token with the provider's keys.");
  const identity = identityOf(jwt, now);
  if (!identity.audiences.some(one => provider.clientIds.includes(one))) throw invalidToken('Incorrect token audience');
  return { identity, provider };
}

/** Whether the role's trust policy lets the bearer in, with the tags and the source identity that the token gives. */
function trusts(
  { now, call }: ReadContext,
  role: RoleRow,
  provider: OidcProviderRow,
  identity: Identity,
  sessionName: string,
): boolean {
  const keys = new Map<string, readonly string[]>([
    ['aws:federatedprovider', [provider.arn]],
    ['aws:currenttime', [new Date(now).toISOString()]],
    ['aws:epochtime', [String(Math.floor(now / 1000))]],
    ['aws:sourceip', [call.sourceAddress]],
    ['aws:useragent', [call.userAgent]],
    ['sts:rolesessionname', [sessionName]],
    ...[...identity.claims].map(([name, values]) => [`${provider.url}:${name}`.toLowerCase(), values] as const),
    ...Object.entries(identity.tags).map(([key, value]) => [`aws:requesttag/${key}`.toLowerCase(), [value]] as const),
  ]);
  const tagKeys = Object.keys(identity.tags);
  if (tagKeys.length > 0) keys.set('aws:tagkeys', tagKeys);
  if (identity.transitiveTagKeys.length > 0) keys.set('sts:transitivetagkeys', identity.transitiveTagKeys);
  if (identity.sourceIdentity !== undefined) keys.set('sts:sourceidentity', [identity.sourceIdentity]);
  const set = {
    principal: { account: '', arns: [provider.arn], isRoot: false },
    identity: [],
    resource: { policy: compiledTrust(role), account: role.account },
  };
  const needed = [
    'sts:AssumeRoleWithWebIdentity',
    ...(tagKeys.length > 0 ? ['sts:TagSession'] : []),
    ...(identity.sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
  ];
  return needed.every(action => decide(set, { action, resource: '*', keys }).effect === 'allowed');
}
