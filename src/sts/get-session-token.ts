import type { GetSessionTokenRequest, GetSessionTokenResponse } from '@aws-sdk/client-sts';
import type { Principal } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';
import { writeOperation } from '../api/operation.ts';
import { checkDuration, checkMfa } from './input.ts';
import { issue } from './role-session.ts';
import { plainSession, type SessionHolder } from './session-tokens.ts';

/** Seconds that sessions of users last, and those of root at most. */
export const userDuration = { standard: 43_200, maximum: 129_600 } as const;
export const rootMaximum = 3_600;

/**
 * No permission is needed, as with AWS: the session can do no more than its user.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export const getSessionToken = writeOperation<GetSessionTokenRequest, GetSessionTokenResponse>({
  service: 'sts',
  name: 'GetSessionToken',
  permission: 'none',
  resources: () => ['*'],
  run: (input, context) => {
    const { principal, now } = context;
    const { standard, maximum } = userDuration;
    const asked = checkDuration(input.DurationSeconds, standard, maximum);
    const mfa = checkMfa(context, input);
    const seconds = principal.type === 'root' ? Math.min(asked, rootMaximum) : asked;
    const session = { ...plainSession(Math.floor(now / 1000) * 1000), mfa };
    const issuerKeyId = principal.accessKeyId;
    return { Credentials: issue(context, { holder: holderOf(principal), session, issuerKeyId }, seconds) };
  },
});

function holderOf(principal: Principal): SessionHolder {
  const { account, type } = principal;
  if (type === 'root') return { type, account };
  if (type === 'user') return { type, account, userId: principal.userId };
  throw new ApiError('AccessDenied', 'Cannot call GetSessionToken with session credentials');
}
