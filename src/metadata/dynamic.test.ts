import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createIdentitySigner, type IdentitySigner } from './identity/signer.ts';
import { createTestMetadata, type TestMetadata } from './testing.ts';

let dir: string;
let signer: IdentitySigner;
let signatures: number;
let metadata: TestMetadata;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fogbank-metadata-'));
  signer = createIdentitySigner({ dir: join(dir, 'identity') });
  signatures = 0;
  metadata = await createTestMetadata({
    identity: {
      signAs: (kind, document) => {
        signatures++;
        return signer.signAs(kind, document);
      },
    },
  });
});
afterEach(async () => {
  await metadata.close();
  rmSync(dir, { recursive: true });
});

const identity = '/latest/dynamic/instance-identity';
const get = async (path: string) => (await metadata.send('GET', path)).body;

test('the document says what the instance is, in the layout of EC2', async () => {
  expect(await get(`${identity}/document`)).toBe(
    [
      '{',
      '  "accountId" : "123456789012",',
      '  "architecture" : "x86_64",',
      '  "availabilityZone" : "eu-west-1a",',
      '  "billingProducts" : null,',
      '  "devpayProductCodes" : null,',
      '  "marketplaceProductCodes" : null,',
      '  "imageId" : "ami-0123456789abcdef0",',
      '  "instanceId" : "i-0123456789abcdef0",',
      '  "instanceType" : "t3.micro",',
      '  "kernelId" : null,',
      '  "pendingTime" : "2026-01-31T10:00:00Z",',
      '  "privateIp" : "127.0.0.10",',
      '  "ramdiskId" : null,',
      '  "region" : "eu-west-1",',
      '  "version" : "2017-09-30"',
      '}',
    ].join('\n'),
  );
});

test.each([
  ['pkcs7', 'dsa'],
  ['rsa2048', 'rsa2048'],
] as const)('openssl verifies %s and finds the document in it', async (kind, certificate) => {
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const proof = file('proof', `-----BEGIN PKCS7-----\n${await get(`${identity}/${kind}`)}\n-----END PKCS7-----\n`);
  const certificateFile = file('certificate', await signer.certificate(certificate));
  const verified = execFileSync(
    'openssl',
    ['smime', '-verify', '-in', proof, '-inform', 'PEM', '-certfile', certificateFile, '-noverify', '-nointern'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  expect(verified).toBe(await get(`${identity}/document`));
});

test('a proof is made once until the document changes', async () => {
  const first = await get(`${identity}/pkcs7`);
  expect(await get(`${identity}/pkcs7`)).toBe(first);
  expect(signatures).toBe(1);
  metadata.change({ launchTime: metadata.clock.now() + 60_000 });
  expect(await get(`${identity}/pkcs7`)).not.toBe(first);
  expect(signatures).toBe(2);
});

test('monitoring is told', async () => {
  expect(await get('/latest/dynamic/fws/instance-monitoring')).toBe('disabled');
  metadata.change({ monitoring: 'enabled' });
  expect(await get('/latest/dynamic/fws/instance-monitoring')).toBe('enabled');
});
