import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import type { AccessKey } from '../api/call.ts';
import { readSignature, type SignatureError, type SignedRequest } from './signature-claim.ts';
import { verifySignature } from './sigv4.ts';
import { Sha256, testKey } from './testing.ts';

const now = Date.UTC(2015, 7, 30, 12, 36, 0);

interface Plain {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  rawHeaders?: string[];
  body?: string;
}

function request({ method = 'GET', url = '/', headers = {}, rawHeaders, body = '' }: Plain): SignedRequest {
  const [path = '', query = ''] = url.split('?');
  const raw = rawHeaders ?? Object.entries(headers).flat();
  return { method, path, query, headers, rawHeaders: raw, body: Buffer.from(body) };
}

function verify(signed: SignedRequest, key: AccessKey = testKey, at = now, allowUnsignedPayload = false): AccessKey {
  const accessKey = (id: string) => (id === key.accessKeyId ? key : undefined);
  return verifySignature(signed, readSignature(signed), { accessKey, now: at, allowUnsignedPayload });
}

function fault(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as SignatureError).fault;
  }
  return 'accepted';
}

describe("AWS's published signatures", () => {
  const key: AccessKey = {
    ...testKey,
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  };
  const scope = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request';
  const host = 'example.amazonaws.com';
  const date = '20150830T123600Z';
  const form = 'application/x-www-form-urlencoded';

  it.each<[string, string, Plain, string]>([
    ['get-vanilla', 'host;x-amz-date', {}, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'post-vanilla',
      'host;x-amz-date',
      { method: 'POST' },
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
    [
      'get-vanilla-query-order-key-case',
      'host;x-amz-date',
      { url: '/?Param2=value2&Param1=value1' },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-unreserved',
      'host;x-amz-date',
      { url: '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz' },
      '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
    ],
    [
      'get-header-value-trim',
      'host;my-header1;my-header2;x-amz-date',
      { headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' } },
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ],
    [
      'get-header-key-duplicate',
      'host;my-header1;x-amz-date',
      {
        headers: { 'my-header1': 'value2, value2, value1' },
        rawHeaders: ['My-Header1', 'value2', 'My-Header1', 'value2', 'My-Header1', 'value1'],
      },
      'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
    ],
    [
      'post-x-www-form-urlencoded',
      'content-type;host;x-amz-date',
      { method: 'POST', headers: { 'content-type': form }, body: 'Param1=value1' },
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'get-slashes',
      'host;x-amz-date',
      { url: '//' },
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-relative-relative',
      'host;x-amz-date',
      { url: '/example1/example2/../..' },
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
  ])('accepts %s', (_name, signedHeaders, plain, signature) => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    const headers = { host, 'x-amz-date': date, authorization, ...plain.headers };
    expect(verify(request({ ...plain, headers }), key)).toBe(key);
    expect(fault(() => verify(request({ ...plain, headers, body: 'x' }), key))).toBe('mismatch');
  });

  it("accepts the ListUsers call of IAM's guide", () => {
    const headers = {
      host: 'iam.amazonaws.com',
      'content-type': `${form}; charset=utf-8`,
      'x-amz-date': date,
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, ' +
        'SignedHeaders=content-type;host;x-amz-date, ' +
        'Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    };
    expect(verify(request({ url: '/?Action=ListUsers&Version=2010-05-08', headers }), key)).toBe(key);
  });
});

describe('signatures made by the SDK', () => {
  const session: AccessKey = {
    ...testKey,
    accessKeyId: 'ASIAEXAMPLE',
    sessionToken: 'tok/en+=&',
    expiration: now + 1000,
  };

  function signer(key: AccessKey): SignatureV4 {
    const { accessKeyId, secretAccessKey, sessionToken } = key;
    const credentials = { accessKeyId, secretAccessKey, sessionToken };
    return new SignatureV4({ credentials, region: 'us-east-1', service: 'ec2', sha256: Sha256 });
  }

  const unsigned = (path: string, query: Record<string, string | string[]>, body?: string) => ({
    method: body === undefined ? 'GET' : 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: 4566,
    path,
    query,
    headers: { host: '127.0.0.1:4566' },
    body,
  });

  interface Signed {
    method: string;
    path: string;
    query?: Record<string, string | string[] | null>;
    headers: Record<string, string>;
    body?: string;
  }

  function received({ method, path, query = {}, headers, body }: Signed): SignedRequest {
    const encode = (text: string): string =>
      encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16)}`);
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      [value ?? ''].flat().map(item => `${encode(name)}=${encode(item)}`),
    );
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return request({ method, url: `${path}?${pairs.join('&')}`, headers: lower, body: body ?? '' });
  }

  const paths = ['/', '/snapshots/snap-1/blocks/0', '/a%20b/ü/./c//d/', "/a(b)'c*!~"];
  const queries: Record<string, string | string[]>[] = [
    {},
    { Action: 'X', 'a b': ['2', '1', "ü~*()!'"], B: '', b: '%+&=/?' },
  ];
  const at = { signingDate: new Date(now) };

  it.each(paths)('are accepted for %s', async path => {
    for (const query of queries) {
      for (const key of [testKey, session]) {
        for (const body of [undefined, 'Action=DescribeInstances&x=ü']) {
          const signed = received((await signer(key).sign(unsigned(path, query, body), at)) as Signed);
          expect(verify(signed, key)).toBe(key);
          const presigned = received(
            (await signer(key).presign(unsigned(path, query), { ...at, expiresIn: 60 })) as Signed,
          );
          expect(verify(presigned, key)).toBe(key);
        }
      }
    }
  });

  it('are refused when anything signed is changed', async () => {
    const original = received((await signer(session).sign(unsigned('/p', { a: '1' }, 'Action=A'), at)) as Signed);
    const { authorization = '' } = original.headers;
    const tampered: [string, string, Partial<SignedRequest>][] = [
      ['method', 'mismatch', { method: 'PUT' }],
      ['path', 'mismatch', { path: '/q' }],
      ['query', 'mismatch', { query: 'a=2' }],
      ['added query', 'mismatch', { query: 'a=1&b=1' }],
      ['host', 'mismatch', { headers: { ...original.headers, host: 'other' } }],
      ['body with the hash sent', 'mismatch', { body: Buffer.from('Action=B') }],
      ['date', 'mismatch', { headers: { ...original.headers, 'x-amz-date': '20150830T123601Z' } }],
      ['day', 'scope', { headers: { ...original.headers, 'x-amz-date': '20150831T123600Z' } }],
      ['token', 'mismatch', { headers: { ...original.headers, 'x-amz-security-token': 'x' } }],
      ['added x-amz header', 'incomplete', { headers: { ...original.headers, 'x-amz-target': 'X' } }],
      [
        'region',
        'mismatch',
        { headers: { ...original.headers, authorization: String(authorization).replace('us-east-1', 'us-west-2') } },
      ],
      [
        'service',
        'mismatch',
        { headers: { ...original.headers, authorization: String(authorization).replace('/ec2/', '/iam/') } },
      ],
      [
        'signature',
        'mismatch',
        { headers: { ...original.headers, authorization: String(authorization).replace(/.$/, '') } },
      ],
      [
        'key',
        'unknown-key',
        { headers: { ...original.headers, authorization: String(authorization).replace('ASIAEXAMPLE', 'ASIAOTHER') } },
      ],
    ];
    for (const [what, expected, change] of tampered) {
      const signed = { ...original, ...change };
      const raw = Object.entries(signed.headers).flat() as string[];
      expect(
        fault(() => verify({ ...signed, rawHeaders: raw }, session)),
        what,
      ).toBe(expected);
    }
  });

  it('are refused with another secret, an inactive key and the wrong session token', async () => {
    const sign = async (key: AccessKey) => received((await signer(key).sign(unsigned('/', {}, 'x'), at)) as Signed);
    const temporary = await sign(session);
    expect(fault(() => verify(temporary, { ...session, secretAccessKey: 'other' }))).toBe('mismatch');
    expect(fault(() => verify(temporary, { ...session, active: false }))).toBe('unknown-key');
    expect(fault(() => verify(temporary, { ...session, sessionToken: 'other' }))).toBe('bad-token');
    expect(fault(() => verify(temporary, { ...session, sessionToken: undefined }))).toBe('bad-token');
    expect(fault(() => verify(temporary, session, now + 1000))).toBe('expired-token');
    const withoutToken = await sign({ ...session, sessionToken: undefined });
    expect(fault(() => verify(withoutToken, session))).toBe('bad-token');
  });

  it('hold for fifteen minutes either way, presigned for as long as they say', async () => {
    const minute = 60_000;
    const signed = received((await signer(testKey).sign(unsigned('/', {}, 'x'), at)) as Signed);
    const hour = { ...at, expiresIn: 3600 };
    const presigned = received((await signer(testKey).presign(unsigned('/', {}), hour)) as Signed);
    const cases: [SignedRequest, number, string][] = [
      [signed, 15 * minute, 'accepted'],
      [signed, 15 * minute + 1, 'expired'],
      [signed, -15 * minute, 'accepted'],
      [signed, -15 * minute - 1, 'expired'],
      [presigned, 60 * minute, 'accepted'],
      [presigned, 60 * minute + 1, 'expired'],
      [presigned, -15 * minute - 1, 'expired'],
    ];
    for (const [which, shift, expected] of cases) {
      expect(
        fault(() => verify(which, testKey, now + shift)),
        String(shift),
      ).toBe(expected);
    }
  });

  it('may leave out the hash of the body only where that is allowed', async () => {
    const plain = { ...unsigned('/', {}, 'x'), headers: { host: 'h', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } };
    const signed = received((await signer(testKey).sign(plain, at)) as Signed);
    expect(fault(() => verify(signed, testKey, now, true))).toBe('accepted');
    expect(fault(() => verify(signed, testKey, now, false))).toBe('mismatch');
  });
});

describe('claims that are not well formed', () => {
  const good = {
    Credential: 'AKID/20150830/us-east-1/ec2/aws4_request',
    SignedHeaders: 'host;x-amz-date',
    Signature: 'a'.repeat(64),
  };
  const authorization = (parts: Partial<typeof good>): string =>
    `AWS4-HMAC-SHA256 ${Object.entries({ ...good, ...parts })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')}`;
  const header = (value: string, others: Record<string, string> = {}) =>
    request({ headers: { host: 'h', 'x-amz-date': '20150830T123600Z', authorization: value, ...others } });
  const presigned = (parameters: Record<string, string>) => {
    const defaults = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': good.Credential,
      'X-Amz-Date': '20150830T123600Z',
      'X-Amz-Expires': '60',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': good.Signature,
    };
    const query = new URLSearchParams({ ...defaults, ...parameters }).toString();
    return request({ url: `/?${query}`, headers: { host: 'h' } });
  };

  it.each<[string, SignedRequest, string]>([
    ['no signature', request({ headers: { host: 'h' } }), 'missing'],
    ['an empty header', header(''), 'incomplete'],
    ['Basic', header('Basic dXNlcjpwYXNz'), 'incomplete'],
    ['another algorithm', header(authorization({}).replace('HMAC', 'ECDSA-P256')), 'incomplete'],
    ['no credential', header(authorization({ Credential: '' })), 'incomplete'],
    ['no signed headers', header(authorization({ SignedHeaders: '' })), 'incomplete'],
    ['no signature part', header(authorization({ Signature: '' })), 'incomplete'],
    ['a part twice', header(`${authorization({})}, Signature=b`), 'incomplete'],
    ['four scope elements', header(authorization({ Credential: 'AKID/20150830/us-east-1/ec2' })), 'incomplete'],
    ['an empty region', header(authorization({ Credential: 'AKID/20150830//ec2/aws4_request' })), 'incomplete'],
    ['another terminator', header(authorization({ Credential: 'AKID/20150830/us-east-1/ec2/aws5' })), 'scope'],
    ['another day', header(authorization({ Credential: 'AKID/20150829/us-east-1/ec2/aws4_request' })), 'scope'],
    ['host not signed', header(authorization({ SignedHeaders: 'x-amz-date' })), 'incomplete'],
    ['date not signed', header(authorization({ SignedHeaders: 'host' })), 'incomplete'],
    ['absent header signed', header(authorization({ SignedHeaders: 'host;other;x-amz-date' })), 'incomplete'],
    ['headers not sorted', header(authorization({ SignedHeaders: 'x-amz-date;host' })), 'incomplete'],
    ['no date', request({ headers: { host: 'h', authorization: authorization({}) } }), 'incomplete'],
    ['a date of another form', header(authorization({}), { 'x-amz-date': '2015-08-30T12:36:00Z' }), 'incomplete'],
    ['a presigned URL without a part', presigned({ 'X-Amz-Date': '' }), 'incomplete'],
    ['a presigned URL for eight days', presigned({ 'X-Amz-Expires': '691200' }), 'incomplete'],
    ['a presigned URL for no time', presigned({ 'X-Amz-Expires': '0' }), 'incomplete'],
    ['a presigned URL for half a second', presigned({ 'X-Amz-Expires': '0.5' }), 'incomplete'],
    ['a presigned URL and a header', { ...presigned({}), headers: { host: 'h', authorization: 'x' } }, 'incomplete'],
    ['broken percent-encoding', request({ url: '/?X-Amz-Signature=%', headers: { host: 'h' } }), 'incomplete'],
    ['a day that does not exist', presigned({ 'X-Amz-Date': '20159930T123600Z' }), 'scope'],
  ])('%s', (_what, signed, expected) => {
    expect(fault(() => verify(signed, { ...testKey, accessKeyId: 'AKID' }))).toBe(expected);
  });
});
