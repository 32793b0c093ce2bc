import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { validation } from '../errors.ts';

/*
 * Tokens of grants. On AWS one lets a grant be used before every part of KMS knows of it; here that is at once.
 * https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#grant_token
 */

const about = 'kms/grant-token';

export function grantToken(context: ReadContext, grantId: string): string {
  return context.services.secrets.seal(grantId, about);
}

/** @returns undefined for a text that is no token */
export function grantOfToken(context: ReadContext, token: string): string | undefined {
  try {
    return context.services.secrets.open(token, about);
  } catch {
    return undefined;
  }
}

/** @throws ApiError `InvalidGrantTokenException`, `ValidationException` */
export function checkGrantTokens(context: ReadContext, tokens: readonly string[] = []): void {
  if (tokens.length > 10) throw validation('At most 10 grant tokens can be given.');
  if (tokens.every(token => grantOfToken(context, token) !== undefined)) return;
  throw new ApiError('InvalidGrantTokenException', 'A grant token is not valid.');
}
