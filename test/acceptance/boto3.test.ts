import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { run, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* boto3: the tests are in boto3_session.py, in Python; here each of them is run against a server. */

const folder = dirname(fileURLToPath(import.meta.url));
const source = await readFile(join(folder, 'boto3_session.py'), 'utf8');
const names = [...source.matchAll(/def test_(\w+)/g)].map(match => match[1]);
const skip = skipped('tests with boto3', await clientProblem('boto3'));

describe.skipIf(skip)('boto3', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.boto3 });
  });
  afterAll(() => server?.stop());

  test.each(names)('%s', async name => {
    const words = ['-m', 'unittest', `boto3_session.Session.test_${name}`];
    // No compiled file beside the source.
    const result = await run('python3', words, { cwd: folder, env: { ...server.env, PYTHONDONTWRITEBYTECODE: '1' } });
    expect(result.code, result.stderr).toBe(0);
  });
});
