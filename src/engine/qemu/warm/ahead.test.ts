import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { warmAhead } from './ahead.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fogbank-ahead-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const ahead = () =>
  warmAhead({
    dataDir,
    instanceType: 't3.micro',
    vcpus: 2,
    memoryMib: 1024,
    rootDeviceName: '/dev/xvda',
    snapshotId: 'snap-0123456789abcdef0',
    sourceFile: undefined,
    accelerator: { name: 'tcg', arguments: [], reason: 'test' },
    signal: AbortSignal.timeout(10_000),
    onProgress: () => {},
  });

test('a folder without machines gets none', async () => {
  await expect(ahead()).rejects.toMatchObject({ code: 'Invalid', message: expect.stringContaining('has no machines') });
});

test('an AMI whose disk is neither there nor in the cache must be launched once', async () => {
  await mkdir(join(dataDir, 'warm'));
  await expect(ahead()).rejects.toMatchObject({ code: 'NotFound', message: expect.stringContaining('launch the AMI') });
});
