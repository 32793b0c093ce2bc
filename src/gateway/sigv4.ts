import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { AccessKey } from '../api/call.ts';
import {
  algorithm,
  badTimestamp,
  headerText,
  type SignatureClaim,
  SignatureError,
  type SignedRequest,
} from './signature-claim.ts';
import { canonicalHeaders, canonicalPath, canonicalQuery } from './sigv4-canonical.ts';

/**
 * Verification of AWS Signature Version 4.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

/** The key of an id and, for temporary ones, of a session token; undefined when there is none such. */
export type KeyLookup = (accessKeyId: string, sessionToken: string | undefined) => AccessKey | undefined;

export interface VerifyOptions {
  /** Finds a key: a temporary one by the session token that came with it. */
  readonly accessKey: KeyLookup;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The operation may be sent with `x-amz-content-sha256: UNSIGNED-PAYLOAD`. */
  readonly allowUnsignedPayload?: boolean;
}

const maximumSkew = 15 * 60 * 1000;

/**
 * The access key that signed the request, once everything that its claim says has been verified.
 * @throws SignatureError
 */
export function verifySignature(request: SignedRequest, claim: SignatureClaim, options: VerifyOptions): AccessKey {
  const key = options.accessKey(claim.accessKeyId, claim.sessionToken);
  if (!key?.active) throw new SignatureError('unknown-key', 'The security token included in the request is invalid.');
  checkTime(claim, options.now);
  const payloadHash = payloadHashOf(request, options.allowUnsignedPayload ?? false);
  const expected = sign(request, claim, key, payloadHash);
  if (!equal(expected, claim.signature)) {
    throw new SignatureError(
      'mismatch',
      'The request signature we calculated does not match the signature you provided. ' +
        'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  checkToken(key, claim, options.now);
  return key;
}

function checkTime(claim: SignatureClaim, now: number): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(claim.timestamp) ?? [];
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedAt)) throw badTimestamp(claim.timestamp);
  const instant = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
  if (signedAt > now + maximumSkew) {
    const limit = `${instant(now + maximumSkew)} (${instant(now)} + 15 min.)`;
    throw new SignatureError('expired', `Signature not yet current: ${claim.timestamp} is still later than ${limit}`);
  }
  if (claim.expires !== undefined && now > signedAt + claim.expires * 1000) {
    const end = instant(signedAt + claim.expires * 1000);
    throw new SignatureError('expired', `Signature expired: ${end} is now earlier than ${instant(now)}`);
  }
  if (claim.expires === undefined && signedAt < now - maximumSkew) {
    const limit = `${instant(now - maximumSkew)} (${instant(now)} - 15 min.)`;
    throw new SignatureError('expired', `Signature expired: ${claim.timestamp} is now earlier than ${limit}`);
  }
}

function checkToken(key: AccessKey, claim: SignatureClaim, now: number): void {
  const matches =
    key.sessionToken === undefined
      ? claim.sessionToken === undefined
      : claim.sessionToken !== undefined && equal(key.sessionToken, claim.sessionToken);
  if (!matches) throw new SignatureError('bad-token', 'The security token included in the request is invalid.');
  if (key.expiration !== undefined && now >= key.expiration) {
    throw new SignatureError('expired-token', 'The security token included in the request is expired');
  }
}

function payloadHashOf(request: SignedRequest, allowUnsignedPayload: boolean): string {
  const declared = headerText(request.headers['x-amz-content-sha256']);
  if (declared === 'UNSIGNED-PAYLOAD' && allowUnsignedPayload) return declared;
  const computed = hash('sha256', request.body);
  if (declared !== undefined && !equal(computed, declared)) {
    throw new SignatureError(
      'mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed of the request's body.",
    );
  }
  return computed;
}

function sign(request: SignedRequest, claim: SignatureClaim, key: AccessKey, payloadHash: string): string {
  const canonicalRequest = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query),
    canonicalHeaders(request, claim.signedHeaders),
    claim.signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  const stringToSign = `${algorithm}\n${claim.timestamp}\n${scope}\n${hash('sha256', canonicalRequest)}`;
  return createHmac('sha256', signingKey(key, claim)).update(stringToSign).digest('hex');
}

/** Signing keys hold for a day, a region and a service, and take four of the five hash runs of a signature. */
const signingKeys = new Map<string, { readonly secret: string; readonly key: Buffer }>();
const maximumSigningKeys = 1000;

function signingKey({ accessKeyId, secretAccessKey }: AccessKey, { date, region, service }: SignatureClaim): Buffer {
  const id = `${accessKeyId}/${date}/${region}/${service}`;
  const cached = signingKeys.get(id);
  if (cached?.secret === secretAccessKey) return cached.key;
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
  const key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, date), region), service), 'aws4_request');
  if (signingKeys.size >= maximumSigningKeys) signingKeys.clear();
  signingKeys.set(id, { secret: secretAccessKey, key });
  return key;
}

/** In a time that tells nothing of where the texts differ. */
function equal(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}
