import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { ebsEncryptionOperations } from '../../src/ec2/ebs-encryption/operations.ts';
import { kmsOperations } from '../../src/kms/operations.ts';
import { run, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* boto3 walks through every action of KMS and of EBS encryption. The walk is boto3_kms.py; here it is run. */

const walked = [...kmsOperations, ...ebsEncryptionOperations].map(({ service, name }) => `${service}:${name}`);

const folder = dirname(fileURLToPath(import.meta.url));
const skip = skipped('tests of KMS with boto3', await clientProblem('boto3'));
const otherAccount = '222222222222';

describe.skipIf(skip)('boto3', () => {
  let server: TestServer;
  let otherKeys = '';

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.boto3Kms });
    const made = JSON.parse(await server.fogbank('account', 'create', 'second', '--id', otherAccount, '--json'));
    otherKeys = `${made.AWS_ACCESS_KEY_ID} ${made.AWS_SECRET_ACCESS_KEY}`;
  });
  afterAll(() => server?.stop());

  test('walks every action of KMS and of encryption by EBS', async () => {
    expect(walked.length).toBeGreaterThan(35);
    const names = { OTHER_ACCOUNT: otherAccount, OTHER_KEYS: otherKeys, WALK: walked.join(' ') };
    // No compiled file beside the source.
    const env = { ...server.env, ...names, PYTHONDONTWRITEBYTECODE: '1' };
    const result = await run('python3', ['-m', 'unittest', '-v', 'boto3_kms'], { cwd: folder, env });
    expect(result.code, result.stderr).toBe(0);
  });
});
