/** A bucket folder, an engine and the controllers of imports and exports, for their tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescribeImportSnapshotTasksResult, ImportSnapshotResult } from '@aws-sdk/client-ec2';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { Controllers } from '../../controllers/controllers.ts';
import type { Engine } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { withDiskKeys } from '../ebs-encryption/keyed-engine.ts';
import { exportController } from './export-controller.ts';
import { type ImportController, importController } from './import-controller.ts';

export let folder: string;
export let engine: Engine;
export let api: TestApi;
export let imports: ImportController;
export let controllers: Controllers;

/** Before each test. */
export function begin(): void {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-import-'));
  mkdirSync(join(folder, 'buckets', 'images'), { recursive: true });
  engine = createSimulator();
  api = createTestApi(engine);
  start();
}

/** After each test. */
export async function end(): Promise<void> {
  imports.stop();
  await controllers.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Controllers on the state as it is, as after a start of the server. */
export function start(): void {
  const buckets = join(folder, 'buckets');
  const downloads = join(folder, 'imports');
  const { disks } = withDiskKeys(engine, api.state, api.secrets);
  imports = importController({
    state: api.state,
    disks,
    clock: api.clock,
    buckets,
    downloads,
    localFor: '000000000000',
  });
  const all = [imports, exportController(api.state, disks, buckets)];
  controllers = new Controllers(api.state, all, () => {});
  controllers.start();
}

export function object(key: string, content: Buffer | string, bucket = 'images'): void {
  mkdirSync(join(folder, 'buckets', bucket), { recursive: true });
  writeFileSync(join(folder, 'buckets', bucket, key), content);
}

export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    if (await condition()) return;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  throw new Error('it did not happen');
}

export const bucketDisk = (S3Key: string, more: object = {}) => ({
  UserBucket: { S3Bucket: 'images', S3Key },
  ...more,
});

export async function importSnapshot(DiskContainer: object, more: object = {}): Promise<string> {
  const result = await api.call<ImportSnapshotResult>('ImportSnapshot', { DiskContainer, ...more });
  return result.ImportTaskId ?? '';
}
export async function snapshotTask(id: string) {
  const input = { ImportTaskIds: [id] };
  const result = await api.call<DescribeImportSnapshotTasksResult>('DescribeImportSnapshotTasks', input);
  return result.ImportSnapshotTasks?.[0];
}
