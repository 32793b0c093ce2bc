import { rm } from 'node:fs/promises';
import type { Controller } from '../../controllers/controllers.ts';
import { type DiskDriver, EngineError } from '../../engine/engine.ts';
import { newObjectFile, ObjectError } from '../../images/buckets.ts';
import type { State } from '../../state/state.ts';
import { exportKey } from './export-image.ts';
import { type ExportTaskRow, exportTasks } from './model.ts';

const attempts = 3;

/** Writes the disks of export tasks into their buckets. @param folder of all buckets */
export function exportController(state: State, disks: DiskDriver, folder: string): Controller {
  const update = (taskId: string, from: ExportTaskRow['state'], change: Partial<ExportTaskRow>) =>
    state.write(tx => {
      const row = tx.get(exportTasks, taskId);
      if (row?.state === from) tx.put(exportTasks, { ...row, ...change });
    });
  const fail = (taskId: string, message: string) =>
    update(taskId, 'active', { state: 'deleted', message, progress: undefined });

  async function write(row: ExportTaskRow): Promise<void> {
    const { taskId, snapshotId, format } = row;
    const file = await newObjectFile(folder, row.bucket, exportKey(row));
    update(taskId, 'active', { message: 'converting' });
    let told = -1;
    const progress = (done: number) => {
      const percent = Math.min(99, Math.floor(done * 100));
      if (percent > told) update(taskId, 'active', { progress: percent });
      told = Math.max(told, percent);
    };
    await disks.exportSnapshot({ snapshotId }, { file, format, progress });
    update(taskId, 'active', { state: 'completed', message: undefined, progress: undefined });
    // It was cancelled meanwhile.
    if (state.get(exportTasks, taskId)?.state !== 'completed') await rm(file, { force: true });
  }

  return {
    name: 'exports',
    watch: change => {
      if (change.table !== exportTasks.name) return [];
      const [before, after] = [change.before, change.after] as (ExportTaskRow | undefined)[];
      return before?.state === after?.state ? [] : [change.key];
    },
    initial: function* () {
      for (const row of state.by(exportTasks, 'open', 'yes')) yield row.taskId;
    },
    reconcile: async taskId => {
      const row = state.get(exportTasks, taskId);
      if (row?.state === 'deleting') {
        const file = await newObjectFile(folder, row.bucket, exportKey(row));
        await rm(file, { force: true });
        update(taskId, 'deleting', { state: 'deleted', progress: undefined });
      }
      if (row?.state !== 'active') return undefined;
      try {
        await write(row);
      } catch (error) {
        const final = error instanceof ObjectError || (error instanceof EngineError && error.code !== 'Failed');
        if (!final) throw error;
        fail(taskId, `${error instanceof ObjectError ? 'ClientError' : 'ServerError'}: ${error.message}`);
      }
      return undefined;
    },
    failed: (taskId, error, attempt) => {
      if (attempt >= attempts) fail(taskId, `ServerError: ${error instanceof Error ? error.message : error}`);
    },
    concurrency: 2,
  };
}
