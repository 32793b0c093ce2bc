import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ReadContext } from '../api/operation.ts';
import { validation } from './errors.ts';

type Signing = Pick<ReadContext, 'now'> & { readonly services: Pick<ReadContext['services'], 'tokenKey'> };

const day = 86_400_000;

/** How long tokens hold, in milliseconds. @see https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html */
export const blockTokenLifetime = 7 * day;
const pageTokenLifetime = 3_600_000;

const version = 1;

/**
 * Layout of both kinds: version, milliseconds of the expiry (6 bytes), a number (6 bytes), HMAC-SHA-256 of these and of what
 * the token is for, cut to 16 bytes. Base64, which these APIs ask for.
 */
function sealToken({ services }: Signing, purpose: string, expires: number, value: number): string {
  const head = Buffer.alloc(13);
  head.writeUInt8(version, 0);
  head.writeUIntBE(expires, 1, 6);
  head.writeUIntBE(value, 7, 6);
  return Buffer.concat([head, authenticate(services.tokenKey, purpose, head)]).toString('base64');
}

function openToken({ services, now }: Signing, purpose: string, token: string): number | undefined {
  const bytes = Buffer.from(token, 'base64');
  if (bytes.length !== 29 || bytes.toString('base64') !== token) return undefined;
  const head = bytes.subarray(0, 13);
  if (!timingSafeEqual(bytes.subarray(13), authenticate(services.tokenKey, purpose, head))) return undefined;
  return head.readUIntBE(1, 6) > now ? head.readUIntBE(7, 6) : undefined;
}

function authenticate(key: Uint8Array, purpose: string, head: Uint8Array): Buffer {
  return createHmac('sha256', key).update(head).update(`ebs\0${purpose}`).digest().subarray(0, 16);
}

/** Makes the tokens of one answer's blocks, which expire together. */
export function blockTokens(context: Signing): {
  readonly expires: number;
  readonly of: (snapshotId: string, index: number) => string;
} {
  const expires = context.now + blockTokenLifetime;
  return { expires, of: (snapshotId, index) => sealToken(context, `block ${snapshotId}`, expires, index) };
}

/** @throws ApiError `ValidationException`: it expired, or is another block's */
export function checkBlockToken(context: Signing, snapshotId: string, index: number, token: string): void {
  if (openToken(context, `block ${snapshotId}`, token) === index) return;
  throw validation(
    'INVALID_BLOCK_TOKEN',
    'The block token is not valid for this block, or has expired. List the blocks again.',
  );
}

/** @param list what is listed: the ids of the snapshots */
export function pageToken(context: Signing, list: string, next: number): string {
  return sealToken(context, `page ${list}`, context.now + pageTokenLifetime, next);
}

/** The block to go on with. @throws ApiError `ValidationException` */
export function openPageToken(context: Signing, list: string, token: string): number {
  const next = openToken(context, `page ${list}`, token);
  if (next !== undefined) return next;
  throw validation('INVALID_PAGE_TOKEN', 'The page token is not valid for this list, or has expired.');
}
