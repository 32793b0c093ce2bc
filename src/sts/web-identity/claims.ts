import { ApiError } from '../../api/errors.ts';
import { sessionTags } from '../input.ts';
import { invalidToken, type Jwt } from './jwt.ts';

/** What a token says of its bearer. */
export interface Identity {
  readonly issuer: string;
  /** For whom it was made: `azp` where the provider says so, else `aud`. */
  readonly audiences: readonly string[];
  readonly subject: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity: string | undefined;
  /** Claims that conditions may ask for, as texts. */
  readonly claims: ReadonlyMap<string, readonly string[]>;
}

/** Providers' clocks may differ from this one by so many seconds. */
const skew = 300;

/** The issuer that a token claims, which decides whose keys are asked. @throws ApiError `InvalidIdentityToken` */
export function issuerOf({ claims }: Jwt): string {
  const { iss } = claims;
  if (typeof iss === 'string' && URL.canParse(iss)) return iss;
  throw invalidToken('The token lacks the claim iss, or it is not a URL.');
}

/**
 * The claims of a token whose signature was verified.
 * @param now milliseconds since the epoch
 * @throws ApiError `InvalidIdentityToken`, `ExpiredTokenException`, `ValidationError` (tags)
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
 */
export function identityOf(jwt: Jwt, now: number): Identity {
  const { claims } = jwt;
  const { sub, aud, azp, exp, iat, nbf } = claims;
  const seconds = now / 1000;
  if (typeof exp !== 'number' || typeof iat !== 'number') throw invalidToken('Missing a required claim: exp and iat.');
  if (exp <= seconds) {
    throw new ApiError(
      'ExpiredTokenException',
      `Token expired: current date/time ${new Date(now).toISOString()} must be before the expiration date/time ${new Date(exp * 1000).toISOString()}`,
    );
  }
  if (iat > seconds + skew || (typeof nbf === 'number' && nbf > seconds + skew))
    throw invalidToken('The token is not valid yet.');
  if (typeof sub !== 'string' || sub === '') throw invalidToken('Missing a required claim: sub.');
  const audiences = typeof azp === 'string' ? [azp] : textsOf(aud);
  if (audiences.length === 0) throw invalidToken('Missing a required claim: aud.');
  const { tags, transitiveTagKeys } = tagsOf(claims['https://aws.amazon.com/tags']);
  const source = claims['https://aws.amazon.com/source_identity'];
  return {
    issuer: issuerOf(jwt),
    audiences,
    subject: sub,
    tags,
    transitiveTagKeys,
    sourceIdentity: typeof source === 'string' ? source : undefined,
    claims: conditionClaims(claims, audiences),
  };
}

/** Claims of text, numbers and truth values; `aud` is what was said above, and `oaud` the original. */
function conditionClaims(
  claims: Readonly<Record<string, unknown>>,
  audiences: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(claims)) {
    const texts = textsOf(value);
    if (texts.length > 0) found.set(name.toLowerCase(), texts);
  }
  if (found.has('aud')) found.set('oaud', found.get('aud') ?? []);
  found.set('aud', audiences);
  return found;
}

function textsOf(value: unknown): string[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter(one => ['string', 'number', 'boolean'].includes(typeof one)).map(String);
}

function tagsOf(claim: unknown): { tags: Record<string, string>; transitiveTagKeys: string[] } {
  const { principal_tags: given, transitive_tag_keys: keys } = Object(claim) as Record<string, unknown>;
  const pairs = Object.entries(Object(given) as Record<string, unknown>);
  const tags = sessionTags(pairs.map(([Key, value]) => ({ Key, Value: textsOf(value)[0] ?? '' })));
  const transitiveTagKeys = textsOf(keys).filter(key => Object.hasOwn(tags, key));
  return { tags, transitiveTagKeys };
}
