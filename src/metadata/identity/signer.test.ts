import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatIdentityDocument } from './document.ts';
import { createIdentitySigner, type IdentitySigner } from './signer.ts';

const run = promisify(execFile);
const document = formatIdentityDocument({
  accountId: '000000000000',
  architecture: 'x86_64',
  availabilityZone: 'us-east-1a',
  imageId: 'ami-0123456789abcdef0',
  instanceId: 'i-0123456789abcdef0',
  instanceType: 't3.micro',
  pendingTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  privateIp: '172.31.0.4',
  region: 'us-east-1',
});

let root = '';
let dir = '';
let signer: IdentitySigner;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fogbank-identity-'));
  dir = join(root, 'identity');
  signer = createIdentitySigner({ dir });
});
afterEach(() => rm(root, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

test('the document is laid out as EC2 does it', () => {
  expect(document).toBe(`{
  "accountId" : "000000000000",
  "architecture" : "x86_64",
  "availabilityZone" : "us-east-1a",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : null,
  "imageId" : "ami-0123456789abcdef0",
  "instanceId" : "i-0123456789abcdef0",
  "instanceType" : "t3.micro",
  "kernelId" : null,
  "pendingTime" : "2026-01-02T03:04:05Z",
  "privateIp" : "172.31.0.4",
  "ramdiskId" : null,
  "region" : "us-east-1",
  "version" : "2017-09-30"
}`);
});

describe('signatures verify with the commands that EC2 documents', () => {
  test.each([
    ['pkcs7', 'dsa'],
    ['rsa2048', 'rsa2048'],
  ] as const)('%s', async (kind, certificate) => {
    const text = await signer.signAs(kind, document);
    expect(text).not.toMatch(/-----/);
    const signed = await file('signed', `-----BEGIN PKCS7-----\n${text}\n-----END PKCS7-----\n`);
    const trusted = await file('certificate', await signer.certificate(certificate));
    const verify = ['smime', '-verify', '-in', signed, '-inform', 'PEM', '-certfile', trusted, '-noverify'];
    const { stdout } = await run('openssl', verify);
    expect(stdout).toBe(document);
    // And with the certificate as the only trust anchor, which a user may prefer to -noverify.
    await run('openssl', [
      'smime',
      '-verify',
      '-in',
      signed,
      '-inform',
      'PEM',
      '-certfile',
      trusted,
      '-CAfile',
      trusted,
      '-purpose',
      'any',
    ]);

    const other = await file(
      'other',
      await createIdentitySigner({ dir: join(root, 'other-keys') }).certificate(certificate),
    );
    await expect(
      run('openssl', ['smime', '-verify', '-in', signed, '-inform', 'PEM', '-certfile', other, '-noverify']),
    ).rejects.toThrow();
  });

  test('signature', async () => {
    const { signature } = await signer.sign(document);
    expect(signature.split('\n').every(line => line.length <= 76)).toBe(true);
    const bytes = await file('signature', Buffer.from(signature, 'base64'));
    const trusted = await file('certificate', await signer.certificate('rsa'));
    const { stdout: publicKey } = await run('openssl', ['x509', '-pubkey', '-noout', '-in', trusted]);
    const verify = ['dgst', '-sha256', '-verify', await file('key', publicKey), '-signature', bytes];
    const { stdout } = await run('openssl', [...verify, await file('document', document)]);
    expect(stdout).toContain('Verified OK');
    await expect(
      run('openssl', [...verify, await file('forged', document.replace('us-east-1', 'us-east-2'))]),
    ).rejects.toThrow();
  });
});

describe('keys', () => {
  test('nothing is made before it is needed, and DSA only for pkcs7', async () => {
    await expect(readdir(dir)).rejects.toThrow('ENOENT');
    await signer.signAs('signature', document);
    expect(await readdir(dir)).toEqual(['rsa.crt', 'rsa.key']);
    await signer.signAs('pkcs7', document);
    expect((await readdir(dir)).sort()).toEqual(['dsa.crt', 'dsa.key', 'rsa.crt', 'rsa.key']);
  });

  test('private keys are readable by their owner alone', async () => {
    await signer.sign(document);
    for (const name of ['dsa', 'rsa']) expect((await stat(join(dir, `${name}.key`))).mode & 0o777).toBe(0o600);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  test('a restarted server signs with the same keys', async () => {
    const before = await signer.certificate('dsa');
    const restarted = createIdentitySigner({ dir });
    expect(await restarted.certificate('dsa')).toBe(before);
    const text = await restarted.signAs('pkcs7', document);
    const signed = await file('signed', `-----BEGIN PKCS7-----\n${text}\n-----END PKCS7-----\n`);
    const trusted = await file('certificate', before);
    const { stdout } = await run('openssl', [
      'smime',
      '-verify',
      '-in',
      signed,
      '-inform',
      'PEM',
      '-certfile',
      trusted,
      '-noverify',
    ]);
    expect(stdout).toBe(document);
  });

  test('callers at the same time share one key', async () => {
    const certificates = await Promise.all(Array.from({ length: 8 }, () => signer.certificate('rsa')));
    expect(new Set(certificates).size).toBe(1);
  });

  test('a folder that cannot be written is an error that can pass', async () => {
    await writeFile(dir, 'in the way');
    await expect(signer.certificate('rsa')).rejects.toThrow();
    await rm(dir);
    expect(await signer.certificate('rsa')).toContain('BEGIN CERTIFICATE');
  });
});
