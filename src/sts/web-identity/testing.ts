import { createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Help for tests of web identities: keys, tokens, and a certificate for localhost of an authority that nobody knows. */

export interface TestKey {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  /** As a JWKS lists it. */
  readonly jwk: object;
}

export function newKey(alg: TestKey['alg'], kid: string): TestKey {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of these claims, signed by a key. */
export function token(claims: object, key: TestKey, header: object = {}): string {
  const content = `${encode({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature =
    key.alg === 'RS256'
      ? createSign('sha256').update(content).sign(key.privateKey)
      : sign('sha256', Buffer.from(content), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

/** For tests only: valid for localhost until 2126. */
export const localhostKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtU6jhKVuCgZfR1eg
88aMCwmcAxCv0UYYLiTRedfCdC2hRANCAASmpe6UL/THhzUYc9nBRazj1FRivVMR
cET7rbFG/0wdvqS8GIxt4lSkD5M9KJ0NeEsCCkCch2Iu6Hk3oUzUVdld
-----END PRIVATE KEY-----
`;

export const localhostCertificate = `-----BEGIN CERTIFICATE-----
MIIBnTCCAUKgAwIBAgIUIbii369321auiyL632NAnVBL1oUwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWRm9nYmFuayB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjQyMDEx
MDVaGA8yMTI2MTAzMTIwMTEwNVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEpqXulC/0x4c1GHPZwUWs49RUYr1TEXBE+62x
Rv9MHb6kvBiMbeJUpA+TPSidDXhLAgpAnIdiLuh5N6FM1FXZXaNjMGEwFAYDVR0R
BA0wC4IJbG9jYWxob3N0MAkGA1UdEwQCMAAwHQYDVR0OBBYEFDJnP5Q761pq+LZv
F9z0DRuW6mZHMB8GA1UdIwQYMBaAFEQK9V//juCuGql8UMXJQsSYav2BMAoGCCqG
SM49BAMCA0kAMEYCIQCXMBS1f6gUfkYvLFl3cnWlJH5jO1FMPNrrPdlPzZzPcAIh
AJRS4n5Wr9rto+P5UaayAGL9CmQQrEPkTZaBNfJ+I4Yx
-----END CERTIFICATE-----
`;

export const authorityCertificate = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUTRjA7FDAymwToptV02KpsGQpi/IwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWRm9nYmFuayB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjQyMDEx
MDVaGA8yMTI2MTAzMTIwMTEwNVowITEfMB0GA1UEAwwWRm9nYmFuayB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPawfEAQ/ECj00Vea5Vp
csyiXVZpUYpz8EUTjQa8gwchzyMO4bMTH4AxO8WA3zgkHZv4rYsCYGWai1S4Ywg8
7dujUzBRMB0GA1UdDgQWBBRECvVf/47grhqpfFDFyULEmGr9gTAfBgNVHSMEGDAW
gBRECvVf/47grhqpfFDFyULEmGr9gTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0gAMEUCIQCohkmbQYB2e5ULapKJ9G9eue9n/Agvrmd/kcFCKIhLZwIgZJ8Y
W2cvbMhnZqsJYSCEF+KRInBLLO7WXRvJa4V4Kzg=
-----END CERTIFICATE-----
`;
