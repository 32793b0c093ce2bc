import { SignatureError, type SignedRequest } from './signature-claim.ts';

/** The parts of Signature Version 4's canonical request, in the form that all services but S3 use. */

/** Normalized by RFC 3986 and then encoded once more than on the wire. */
export function canonicalPath(path: string): string {
  if (path === '/' || path === '') return '/';
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(encode(segment));
  }
  const trailing = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.join('/')}${trailing}`;
}

/** Encoded pairs in the order of their bytes, without the signature of a presigned URL. */
export function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs: [string, string][] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = recode(equals < 0 ? pair : pair.slice(0, equals));
    if (name !== 'X-Amz-Signature') pairs.push([name, equals < 0 ? '' : recode(pair.slice(equals + 1))]);
  }
  return pairs
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** `name:value` lines of the signed headers, each with a line end. */
export function canonicalHeaders(request: SignedRequest, signedHeaders: readonly string[]): string {
  let lines = '';
  for (const name of signedHeaders) lines += `${name}:${headerValue(request, name)}\n`;
  return lines;
}

function headerValue({ headers, rawHeaders }: SignedRequest, name: string): string {
  const joined = headers[name];
  // Node joins repeated headers with a comma and a space, AWS with a comma alone.
  const values = typeof joined === 'string' && !joined.includes(', ') ? [joined] : rawValues(rawHeaders, name);
  return values.map(value => value.trim().replace(/ {2,}/g, ' ')).join(',');
}

function rawValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

const unreserved = /^[A-Za-z0-9_.~-]*$/;

function encode(text: string): string {
  if (unreserved.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function recode(text: string): string {
  if (unreserved.test(text)) return text;
  try {
    return encode(decodeURIComponent(text));
  } catch {
    throw new SignatureError('incomplete', 'The query string has a percent sign that begins no encoded character.');
  }
}
