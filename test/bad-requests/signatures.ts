import type { SentRequest, Signing } from '../support/raw-request.ts';
import { type BadRequest, ec2 } from './case.ts';

const call = ec2('Action=CreateSecurityGroup&GroupName=never&GroupDescription=never');
const url = { method: 'GET', query: 'Action=DescribeRegions&Version=2016-11-15' };
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);

const signed = (what: string, code: string, status: number, signing: Signing, request = call): BadRequest => ({
  what,
  request,
  signing,
  code,
  status,
});

/** Changes the Authorization header. */
const authorization =
  (change: (header: string) => string) =>
  (sent: SentRequest): SentRequest => ({
    ...sent,
    headers: { ...sent.headers, authorization: change(sent.headers.authorization ?? '') },
  });
const header =
  (name: string, value: string) =>
  (sent: SentRequest): SentRequest => ({
    ...sent,
    headers: { ...sent.headers, [name]: value },
  });
const withoutHeader =
  (name: string) =>
  (sent: SentRequest): SentRequest => ({
    ...sent,
    headers: Object.fromEntries(Object.entries(sent.headers).filter(([one]) => one !== name)),
  });
const query =
  (change: (query: string) => string) =>
  (sent: SentRequest): SentRequest => ({
    ...sent,
    query: change(sent.query),
  });

const stranger = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Signatures that do not hold. Only time may be told of why; everything else is `AuthFailure`, as on EC2. */
export const signatures: readonly BadRequest[] = [
  { what: 'no signature', request: call, unsigned: true, code: 'MissingParameter', status: 400 },
  { what: 'no signature, by GET', request: url, unsigned: true, code: 'MissingParameter', status: 400 },
  { what: 'no signature and no parameters', request: {}, unsigned: true, code: 'MissingParameter', status: 400 },
  signed('a key that does not exist', 'AuthFailure', 401, { key: stranger }),
  signed('another secret', 'AuthFailure', 401, { tamper: authorization(text => text.replace(/.{8}$/, '00000000')) }),
  signed('a body that was changed', 'AuthFailure', 401, {
    tamper: sent => ({ ...sent, body: `${sent.body}&DryRun=true` }),
  }),
  signed('a body that was cut', 'AuthFailure', 401, {
    tamper: sent => ({ ...sent, body: String(sent.body).slice(0, -1) }),
  }),
  signed('a body that was not there', 'AuthFailure', 401, { payloadHash: empty }),
  signed('a path that was changed', 'AuthFailure', 401, { tamper: sent => ({ ...sent, path: '/other' }) }),
  signed('a query that was added', 'AuthFailure', 401, { tamper: query(() => 'DryRun=true') }),
  signed('a signed header that was changed', 'AuthFailure', 401, { tamper: header('content-type', 'text/plain') }),
  signed('the date of a moment later', 'AuthFailure', 401, {
    tamper: header(
      'x-amz-date',
      minutes(1)
        .toISOString()
        .replace(/[-:]|\.\d{3}/g, ''),
    ),
  }),
  signed('a method that was changed', 'AuthFailure', 401, { tamper: sent => ({ ...sent, method: 'POST' }) }, url),
  signed('a signature of 20 minutes ago', 'RequestExpired', 400, { date: minutes(-20) }),
  signed('a signature of yesterday', 'RequestExpired', 400, { date: minutes(-1440) }),
  signed('a signature of the year 1970', 'RequestExpired', 400, { date: new Date(0) }),
  signed('a signature of 20 minutes ahead', 'RequestExpired', 400, { date: minutes(20) }),
  signed('a scope of another day', 'AuthFailure', 401, { scopeDay: '20200101' }),
  signed('a scope of an unknown service', 'AuthFailure', 401, { service: 's3' }),
  signed('a scope of an unknown Region', 'AuthFailure', 401, { region: 'mars-north-1' }),
  signed('a scope with another end', 'AuthFailure', 401, { terminator: 'aws5_request' }),
  signed('a credential of four parts', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace('/ec2/', '/')),
  }),
  signed('no Credential', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace(/Credential=\S+ /, '')),
  }),
  signed('no SignedHeaders', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace(/SignedHeaders=\S+ /, '')),
  }),
  signed('no Signature', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace(/, Signature=.*/, '')),
  }),
  signed('two Signatures', 'IncompleteSignature', 400, { tamper: authorization(text => `${text}, Signature=00`) }),
  signed('an empty signature', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace(/Signature=\w+$/, 'Signature=')),
  }),
  signed('a signature in capitals', 'AuthFailure', 401, {
    tamper: authorization(text => text.replace(/\w{64}$/, hex => hex.toUpperCase())),
  }),
  signed('another algorithm', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace('SHA256', 'SHA1')),
  }),
  signed('a password', 'IncompleteSignature', 400, { tamper: authorization(() => 'Basic cm9vdDpyb290') }),
  signed('an empty Authorization header', 'IncompleteSignature', 400, { tamper: authorization(() => ' ') }),
  signed('a host that is not signed', 'IncompleteSignature', 400, {
    tamper: authorization(text => text.replace(';host;', ';')),
  }),
  signed('a signed header that is not sent', 'IncompleteSignature', 400, { tamper: withoutHeader('content-type') }),
  signed('an AWS header that is not signed', 'IncompleteSignature', 400, {
    tamper: header('x-amz-target', 'EC2.Other'),
  }),
  signed('no date', 'IncompleteSignature', 400, { tamper: withoutHeader('x-amz-date') }),
  signed('a date that is none', 'IncompleteSignature', 400, { tamper: header('x-amz-date', 'yesterday') }),
  signed('a month that is none', 'IncompleteSignature', 400, {
    scopeDay: '20261301',
    tamper: header('x-amz-date', '20261301T000000Z'),
  }),
  signed(
    'a session token with a key that has none',
    'AuthFailure',
    401,
    {},
    {
      ...call,
      headers: { ...call.headers, 'x-amz-security-token': 'token' },
    },
  ),
  signed(
    'another hash of the body',
    'AuthFailure',
    401,
    {},
    { ...call, headers: { ...call.headers, 'x-amz-content-sha256': empty } },
  ),
  signed(
    'a body said to be unsigned',
    'AuthFailure',
    401,
    { payloadHash: 'UNSIGNED-PAYLOAD' },
    {
      ...call,
      headers: { ...call.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
  ),
  signed('a presigned URL that has expired', 'RequestExpired', 400, { presign: 60, date: minutes(-2) }, url),
  signed('a presigned URL of the future', 'RequestExpired', 400, { presign: 60, date: minutes(30) }, url),
  signed('a presigned URL for eight days', 'IncompleteSignature', 400, { presign: 691_200 }, url),
  signed('a presigned URL for no time', 'IncompleteSignature', 400, { presign: 0 }, url),
  signed('a presigned URL for a negative time', 'IncompleteSignature', 400, { presign: -60 }, url),
  signed('a presigned URL for a word', 'IncompleteSignature', 400, { presign: 'forever' }, url),
  signed(
    'a presigned URL with a changed action',
    'AuthFailure',
    401,
    {
      presign: 60,
      tamper: query(text => text.replace('DescribeRegions', 'DescribeVpcs')),
    },
    url,
  ),
  signed(
    'a presigned URL with a longer time',
    'AuthFailure',
    401,
    {
      presign: 60,
      tamper: query(text => text.replace('Expires=60', 'Expires=600')),
    },
    url,
  ),
  signed(
    'a presigned URL with a parameter more',
    'AuthFailure',
    401,
    { presign: 60, tamper: query(text => `${text}&DryRun=true`) },
    url,
  ),
  signed(
    'a presigned URL with two signatures',
    'IncompleteSignature',
    400,
    {
      presign: 60,
      tamper: query(text => `${text}&X-Amz-Signature=00`),
    },
    url,
  ),
  signed(
    'a presigned URL without a signature',
    'IncompleteSignature',
    400,
    {
      presign: 60,
      tamper: query(text => text.replace(/&X-Amz-Signature=\w+/, '')),
    },
    url,
  ),
  signed(
    'a presigned URL with a broken escape',
    'IncompleteSignature',
    400,
    { presign: 60, tamper: query(text => `${text}&A=%zz`) },
    url,
  ),
  signed(
    'a signature in both places',
    'IncompleteSignature',
    400,
    {
      presign: 60,
      tamper: header(
        'authorization',
        'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00',
      ),
    },
    url,
  ),
];
