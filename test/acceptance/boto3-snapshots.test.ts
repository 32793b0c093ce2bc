import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { ebsOperations } from '../../src/ebs/operations.ts';
import { fastSnapshotRestoreOperations } from '../../src/ec2/fast-snapshot-restores/operations.ts';
import { snapshotOperations } from '../../src/ec2/snapshots/operations.ts';
import { recycleBinOperations } from '../../src/rbin/operations.ts';
import { run, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* boto3 walks through every action of snapshots. The walk is boto3_snapshots.py; here it is run against a server. */

const walked = [ebsOperations, fastSnapshotRestoreOperations, recycleBinOperations, snapshotOperations].flatMap(list =>
  list.map(operation => `${operation.service}:${operation.name}`),
);

const folder = dirname(fileURLToPath(import.meta.url));
const skip = skipped('tests of snapshots with boto3', await clientProblem('boto3'));
const otherAccount = '222222222222';

describe.skipIf(skip)('boto3', () => {
  let server: TestServer;
  let otherKeys = '';

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.boto3Snapshots });
    const made = JSON.parse(await server.fogbank('account', 'create', 'second', '--id', otherAccount, '--json'));
    otherKeys = `${made.AWS_ACCESS_KEY_ID} ${made.AWS_SECRET_ACCESS_KEY}`;
  });
  afterAll(() => server?.stop());

  test('walks every action of snapshots, the EBS direct APIs and the Recycle Bin', async () => {
    expect(walked.length).toBeGreaterThan(35);
    const names = { OTHER_ACCOUNT: otherAccount, OTHER_KEYS: otherKeys, WALK: walked.join(' ') };
    // No compiled file beside the source.
    const env = { ...server.env, ...names, PYTHONDONTWRITEBYTECODE: '1' };
    const result = await run('python3', ['-m', 'unittest', '-v', 'boto3_snapshots'], { cwd: folder, env });
    expect(result.code, result.stderr).toBe(0);
  });
});
