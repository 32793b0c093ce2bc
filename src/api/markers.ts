import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ReadContext } from './operation.ts';

/*
 * Markers of listings that are paged by a key: of IAM (`MaxItems`) and KMS (`Limit`).
 */

const tagLength = 16;

/** A marker that names the last row served. It is bound to the action, the account and the other parameters. */
export function sealMarker(context: ReadContext, key: string): string {
  const head = Buffer.from(key);
  return Buffer.concat([authenticate(context, head), head]).toString('base64url');
}

/** The key in a marker; undefined when it was made for another listing, or by somebody else. */
export function openMarker(context: ReadContext, marker: string): string | undefined {
  const bytes = Buffer.from(marker, 'base64url');
  const head = bytes.subarray(tagLength);
  const whole = bytes.length > tagLength && bytes.toString('base64url') === marker;
  return whole && timingSafeEqual(bytes.subarray(0, tagLength), authenticate(context, head))
    ? head.toString()
    : undefined;
}

function authenticate(context: ReadContext, head: Uint8Array): Buffer {
  const { Marker: _marker, MaxItems: _items, Limit: _limit, ...rest } = context.call.input;
  const bound = createHash('sha256')
    .update(JSON.stringify([context.call.service, context.call.operation, context.account, rest]))
    .digest();
  return createHmac('sha256', context.services.tokenKey).update(head).update(bound).digest().subarray(0, tagLength);
}
