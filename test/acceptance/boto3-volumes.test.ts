import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { replaceRootVolumeOperations } from '../../src/ec2/replace-root-volume/operations.ts';
import { volumeOperations } from '../../src/ec2/volumes/operations.ts';
import { run, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* boto3 walks through every action of volumes. The walk is boto3_volumes.py; here it is run against a server. */

const walked = [...volumeOperations, ...replaceRootVolumeOperations].map(operation => operation.name);
const folder = dirname(fileURLToPath(import.meta.url));
const skip = skipped('tests of volumes with boto3', await clientProblem('boto3'));

describe.skipIf(skip)('boto3', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.boto3Volumes });
  });
  afterAll(() => server?.stop());

  test('walks every action of volumes', async () => {
    expect(walked.length).toBeGreaterThan(11);
    // No compiled file beside the source.
    const env = { ...server.env, WALK: walked.join(' '), PYTHONDONTWRITEBYTECODE: '1' };
    const result = await run('python3', ['-m', 'unittest', '-v', 'boto3_volumes'], { cwd: folder, env });
    expect(result.code, result.stderr).toBe(0);
  });
});
