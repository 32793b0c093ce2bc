import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Qmp, type QmpObject } from './qmp.ts';

/** A large memory on a slow disk takes its time. */
const JOB_TIMEOUT_MS = 30 * 60_000;

/** Runs a command of QEMU's that is a job, until its end. @throws Error with QEMU's reason. */
export async function job(qmp: Qmp, command: string, properties: QmpObject): Promise<void> {
  const id = `fogbank-${command}`;
  await qmp.execute(command, { 'job-id': id, ...properties });
  const deadline = Date.now() + JOB_TIMEOUT_MS;
  for (;;) {
    const jobs = await qmp.execute('query-jobs');
    const found = Array.isArray(jobs) ? jobs.find(entry => isObject(entry) && entry.id === id) : undefined;
    if (!isObject(found)) throw new Error(`QEMU forgot ${command}`);
    if (found.status === 'concluded') {
      await qmp.execute('job-dismiss', { id });
      if (typeof found.error === 'string') throw new Error(`${command}: ${found.error}`);
      return;
    }
    if (Date.now() > deadline) throw new Error(`${command} did not end in time`);
    await sleep(10);
  }
}
