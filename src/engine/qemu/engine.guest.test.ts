import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { describeEngineContract } from '../contract.ts';
import { createQemuEngine } from './engine.ts';

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fogbank-qemu-'));
});

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

describeEngineContract('the qemu engine', () => ({
  make: () => createQemuEngine({ dataDir, publicPool: '198.19.77.0/24' }),
  publicIpAddress: '198.19.77.10',
}));
