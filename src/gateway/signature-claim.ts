/**
 * What a request says about its AWS Signature Version 4, in the Authorization header or in a presigned URL.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
 */

/** A request as it came over the wire. */
export interface SignedRequest {
  readonly method: string;
  /** Path of the URL, percent-encoded as sent. */
  readonly path: string;
  /** What follows the question mark, as sent; empty if nothing does. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

/** What a request says about its signature, before anything of it is believed. */
export interface SignatureClaim {
  readonly accessKeyId: string;
  /** Of the credential scope, YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** YYYYMMDDTHHMMSSZ */
  readonly timestamp: string;
  /** In lower case, as listed. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  /** Lifetime in seconds of a presigned URL; undefined for a signature in the header. */
  readonly expires: number | undefined;
}

/** Why a signature is refused. Each service family has its own error code for each of them. */
export type SignatureFault =
  | 'missing'
  | 'incomplete'
  | 'unknown-key'
  | 'bad-token'
  | 'expired-token'
  | 'expired'
  | 'scope'
  | 'disabled-region'
  | 'mismatch';

export class SignatureError extends Error {
  readonly fault: SignatureFault;
  constructor(fault: SignatureFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

export const algorithm = 'AWS4-HMAC-SHA256';
const maximumExpires = 7 * 24 * 3600;

const presignedForm = /(?:^|&)X-Amz-(?:Algorithm|Signature|Credential)=/;

/** Whether a request claims to be signed, well or badly. */
export function isSigned(request: Pick<SignedRequest, 'headers' | 'query'>): boolean {
  return request.headers.authorization !== undefined || presignedForm.test(request.query);
}

export const missingSignature = (): SignatureError =>
  new SignatureError('missing', 'Request is missing Authentication Token');

/** The claim of a request's signature. @throws SignatureError `missing` or `incomplete` */
export function readSignature(request: SignedRequest): SignatureClaim {
  const authorization = headerText(request.headers.authorization);
  const presigned = presignedForm.test(request.query);
  if (authorization !== undefined && presigned) {
    throw incomplete('A request may be signed in the Authorization header or in the query string, not in both.');
  }
  if (authorization !== undefined) return readHeader(request, authorization);
  if (presigned) return readPresigned(request);
  throw missingSignature();
}

function readHeader(request: SignedRequest, authorization: string): SignatureClaim {
  const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(authorization.trim()) ?? [];
  if (name !== algorithm) throw incomplete(`Unsupported AWS 'algorithm': '${name.slice(0, 50)}'. Use ${algorithm}.`);
  const parts = new Map<string, string>();
  for (const part of rest.split(',')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, equals).trim();
    if (equals < 0 || parts.has(key)) throw incomplete(`Authorization header has a part that is not valid: '${key}'.`);
    parts.set(key, part.slice(equals + 1).trim());
  }
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter(part => !parts.get(part));
  const timestamp = readTimestamp(request);
  if (missing.length) {
    throw incomplete(missing.map(part => `Authorization header requires '${part}' parameter.`).join(' '));
  }
  return claim(request, {
    credential: parts.get('Credential') ?? '',
    signedHeaders: parts.get('SignedHeaders') ?? '',
    signature: parts.get('Signature') ?? '',
    timestamp,
    sessionToken: headerText(request.headers['x-amz-security-token']),
    expires: undefined,
  });
}

function readTimestamp(request: SignedRequest): string {
  const date = headerText(request.headers['x-amz-date']) ?? headerText(request.headers.date);
  if (!date) {
    throw incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  if (timestampForm.test(date)) return date;
  const parsed = new Date(date);
  const isHeaderDate = request.headers['x-amz-date'] === undefined && !Number.isNaN(parsed.getTime());
  if (!isHeaderDate) throw badTimestamp(date);
  return parsed.toISOString().replace(/[-:]|\.\d+/g, '');
}

const timestampForm = /^\d{8}T\d{6}Z$/;
export const badTimestamp = (date: string): SignatureError =>
  incomplete(`Date must be in ISO-8601 'basic format'. Got '${date.slice(0, 50)}'. See ISO 8601.`);

function readPresigned(request: SignedRequest): SignatureClaim {
  const parameters = new Map<string, string>();
  for (const pair of request.query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (!name.startsWith('X-Amz-')) continue;
    if (parameters.has(name)) throw incomplete(`The query string has '${name}' more than once.`);
    parameters.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)));
  }
  const required = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'];
  const missing = required.filter(name => !parameters.get(`X-Amz-${name}`));
  if (missing.length) {
    throw incomplete(missing.map(name => `AWS query-string parameters must include 'X-Amz-${name}'.`).join(' '));
  }
  const get = (name: string): string => parameters.get(`X-Amz-${name}`) ?? '';
  if (get('Algorithm') !== algorithm) throw incomplete(`Unsupported AWS 'algorithm'. Use ${algorithm}.`);
  const expires = /^\d{1,7}$/.test(get('Expires')) ? Number(get('Expires')) : 0;
  if (expires < 1 || expires > maximumExpires) {
    throw incomplete(`X-Amz-Expires must be a number of seconds from 1 to ${maximumExpires}.`);
  }
  if (!timestampForm.test(get('Date'))) throw badTimestamp(get('Date'));
  return claim(request, {
    credential: get('Credential'),
    signedHeaders: get('SignedHeaders'),
    signature: get('Signature'),
    timestamp: get('Date'),
    sessionToken: parameters.get('X-Amz-Security-Token'),
    expires,
  });
}

interface Parts {
  credential: string;
  signedHeaders: string;
  signature: string;
  timestamp: string;
  sessionToken: string | undefined;
  expires: number | undefined;
}

function claim(request: SignedRequest, parts: Parts): SignatureClaim {
  const scope = parts.credential.split('/');
  const [accessKeyId = '', date = '', region = '', service = '', terminator] = scope;
  if (scope.length !== 5 || scope.includes('')) {
    throw incomplete(
      'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, ' +
        `got '${parts.credential.slice(0, 200)}'`,
    );
  }
  if (terminator !== 'aws4_request') {
    throw new SignatureError('scope', `Credential should be scoped with a valid terminator: 'aws4_request'.`);
  }
  if (date !== parts.timestamp.slice(0, 8)) {
    throw new SignatureError(
      'scope',
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
        `'${date}' != '${parts.timestamp.slice(0, 8)}', from '${parts.timestamp}'.`,
    );
  }
  const signedHeaders = parts.signedHeaders.split(';');
  checkSignedHeaders(request, signedHeaders);
  const { signature, timestamp, sessionToken, expires } = parts;
  return { accessKeyId, date, region, service, timestamp, signedHeaders, signature, sessionToken, expires };
}

function checkSignedHeaders(request: SignedRequest, signedHeaders: readonly string[]): void {
  const isSorted = signedHeaders.every((name, at) => at === 0 || name > (signedHeaders[at - 1] ?? ''));
  if (!isSorted || signedHeaders.some(name => name !== name.toLowerCase() || request.headers[name] === undefined)) {
    throw incomplete('SignedHeaders must name headers of the request, in lower case, sorted, each once.');
  }
  if (!signedHeaders.includes('host')) {
    throw incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
  // Otherwise what they say could be exchanged on the way.
  for (const name of Object.keys(request.headers)) {
    if (name.startsWith('x-amz-') && !signedHeaders.includes(name)) {
      throw incomplete(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
    }
  }
}

const incomplete = (message: string): SignatureError => new SignatureError('incomplete', message);
/** A header's value, whether it came once or more often. */
export const headerText = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header;

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw incomplete('The query string has a percent sign that begins no encoded UTF-8 character.');
  }
}
