import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { expect, test } from 'vitest';
import { signRequest } from './sign.ts';

const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

type Bytes = string | ArrayBuffer | ArrayBufferView;

function bytes(value: Bytes): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** The hash that the SDK's signer wants, made of Node's. */
class Sha256 {
  readonly #hash;
  constructor(secret?: Bytes) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }
  update(data: Bytes): void {
    this.#hash.update(bytes(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {}
}

test('the signature equals the one of the official SDK', async () => {
  const now = new Date('2026-02-03T04:05:06.789Z');
  const body = 'Action=DescribeInstances&Version=2016-11-15&Filter.1.Value.1=a%20b';
  const url = new URL('http://127.0.0.1:4566/');
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const ours = signRequest({ method: 'POST', url, body, headers }, key, { service: 'ec2', region: 'eu-west-1' }, now);
  const signer = new SignatureV4({
    credentials: key,
    region: 'eu-west-1',
    service: 'ec2',
    sha256: Sha256,
    applyChecksum: false,
  });
  const theirs = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: 4566,
      path: '/',
      query: {},
      headers: { ...headers, host: url.host },
      body,
    },
    { signingDate: now },
  );
  expect(ours['x-amz-date']).toBe('20260203T040506Z');
  expect(ours.authorization).toBe(theirs.headers.authorization);
});
