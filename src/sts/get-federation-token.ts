import type { GetFederationTokenRequest, GetFederationTokenResponse } from '@aws-sdk/client-sts';
import { ApiError } from '../api/errors.ts';
import { readOperation } from '../api/operation.ts';
import { rootMaximum, userDuration } from './get-session-token.ts';
import { checkDuration, checkName, sessionPolicies, sessionTags } from './input.ts';
import { packedSize } from './packed-size.ts';
import { issue } from './role-session.ts';

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html */
export const getFederationToken = readOperation<GetFederationTokenRequest, GetFederationTokenResponse>({
  service: 'sts',
  name: 'GetFederationToken',
  resources: (input, { account }) => {
    const arn = federatedArn(account, input.Name ?? '*');
    return [{ arn }, ...((input.Tags ?? []).length > 0 ? [{ arn, action: 'sts:TagSession' }] : [])];
  },
  run: (input, context) => {
    const { principal, account, now, db } = context;
    if (principal.type !== 'user' && principal.type !== 'root') {
      throw new ApiError('AccessDenied', 'Cannot call GetFederationToken with session credentials');
    }
    const name = checkName('name', input.Name ?? '', 32);
    const asked = checkDuration(input.DurationSeconds, userDuration.standard, userDuration.maximum);
    const seconds = principal.type === 'root' ? Math.min(asked, rootMaximum) : asked;
    const session = {
      issuedAt: Math.floor(now / 1000) * 1000,
      mfa: false,
      ...sessionPolicies(db, account, input),
      tags: sessionTags(input.Tags),
      transitiveTagKeys: [],
      chained: false,
    };
    const PackedPolicySize = packedSize(session);
    const userId = principal.type === 'user' ? { userId: principal.userId } : {};
    const holder = { type: 'federated-user', account, name, ...userId } as const;
    return {
      Credentials: issue(context, { holder, session, issuerKeyId: principal.accessKeyId }, seconds),
      FederatedUser: { FederatedUserId: `${account}:${name}`, Arn: federatedArn(account, name) },
      PackedPolicySize,
    };
  },
});

function federatedArn(account: string, name: string): string {
  return `arn:aws:sts::${account}:federated-user/${name}`;
}
