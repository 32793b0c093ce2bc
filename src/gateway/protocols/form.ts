import { isUtf8 } from 'node:buffer';
import type { Parameter } from './protocol.ts';

/** A query string or form body that breaks the rules of URL encoding. */
export class FormError extends Error {}

/**
 * Pairs of an `application/x-www-form-urlencoded` text, in order.
 * @throws FormError on broken percent-encoding or bytes that are not UTF-8
 * @see https://url.spec.whatwg.org/#application/x-www-form-urlencoded
 */
export function parseForm(text: string): Parameter[] {
  const pairs: Parameter[] = [];
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('&', start);
    if (end < 0) end = text.length;
    if (end > start) {
      const equals = text.indexOf('=', start);
      const split = equals < 0 || equals > end ? end : equals;
      pairs.push([decode(text.slice(start, split)), decode(text.slice(split + 1, end))]);
    }
    start = end + 1;
  }
  return pairs;
}

/** @throws FormError */
export function parseFormBody(body: Buffer): Parameter[] {
  if (!isUtf8(body)) throw new FormError('The query string is not encoded in UTF-8');
  return parseForm(body.toString());
}

const special = /[%+]/;

function decode(text: string): string {
  if (!special.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new FormError('The query string has a percent sign that begins no encoded UTF-8 character');
  }
}
