import { createPublicKey, type KeyObject, verify, type webcrypto } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';

/** A public key of an identity provider, as its JWKS lists it (RFC 7517). */
export interface Jwk extends webcrypto.JsonWebKey {
  readonly kid?: string;
  readonly use?: string;
  readonly alg?: string;
}

/** A JSON Web Token taken apart; nothing of it is believed before its signature is verified. */
export interface Jwt {
  readonly algorithm: Algorithm;
  readonly keyId: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What is signed. */
  readonly content: string;
  readonly signature: Buffer;
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html */
const algorithms = {
  RS256: { hash: 'sha256', type: 'rsa' },
  RS384: { hash: 'sha384', type: 'rsa' },
  RS512: { hash: 'sha512', type: 'rsa' },
  ES256: { hash: 'sha256', type: 'ec', curve: 'prime256v1' },
  ES384: { hash: 'sha384', type: 'ec', curve: 'secp384r1' },
  ES512: { hash: 'sha512', type: 'ec', curve: 'secp521r1' },
} as const;
type Algorithm = keyof typeof algorithms;

export function invalidToken(message: string): ApiError {
  return new ApiError('InvalidIdentityToken', message);
}

/** Takes a token apart (RFC 7519, RFC 7515 compact form). @throws ApiError `InvalidIdentityToken` */
export function parseJwt(token: string): Jwt {
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every(part => /^[\w-]+$/.test(part)))
    throw invalidToken('The ID Token provided is not a valid JWT.');
  const { alg, kid, crit } = jsonOf(header);
  const algorithm = Object.keys(algorithms).find(name => name === alg) as Algorithm | undefined;
  // Extensions that must be understood are not.
  if (algorithm === undefined || crit !== undefined)
    throw invalidToken(`The token is signed by ${String(alg)}. Use one of ${Object.keys(algorithms).join(', ')}.`);
  return {
    algorithm,
    keyId: typeof kid === 'string' ? kid : undefined,
    claims: jsonOf(payload),
    content: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

function jsonOf(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the message below.
  }
  throw invalidToken('The ID Token provided is not a valid JWT.');
}

/** Whether one of the keys that the token may be signed with did sign it. */
export function isSignedBy(jwt: Jwt, keys: readonly Jwk[]): boolean {
  return keys.some(jwk => {
    if (jwt.keyId !== undefined && jwk.kid !== undefined && jwk.kid !== jwt.keyId) return false;
    if (jwk.use !== undefined && jwk.use !== 'sig') return false;
    if (jwk.alg !== undefined && jwk.alg !== jwt.algorithm) return false;
    const key = publicKey(jwk);
    return key !== undefined && fits(key, jwt.algorithm) && holds(jwt, key);
  });
}

function publicKey(jwk: Jwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** A key must be of the algorithm's own kind, and an RSA key of 2048 bits at least. */
function fits(key: KeyObject, name: Algorithm): boolean {
  const algorithm = algorithms[name];
  if (key.asymmetricKeyType !== algorithm.type) return false;
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  return 'curve' in algorithm ? namedCurve === algorithm.curve : modulusLength >= 2048;
}

function holds({ algorithm, content, signature }: Jwt, key: KeyObject): boolean {
  // JWS has ECDSA signatures as two numbers side by side, not in DER.
  return verify(algorithms[algorithm].hash, Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }, signature);
}
