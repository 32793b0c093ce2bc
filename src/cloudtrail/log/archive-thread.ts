import { Worker } from 'node:worker_threads';

export interface ArchiveJob {
  /** Path of the archive. */
  readonly archive: string;
  /** Whole segments, oldest first. */
  readonly segments: readonly { readonly path: string; readonly first: number }[];
  /** Milliseconds since the epoch: events before that are forgotten. */
  readonly oldest: number;
  readonly maximumBytes: number;
}

export type ArchiveReport = { readonly archived: number } | { readonly done: true } | { readonly failed: string };

/** Milliseconds that the thread is kept without work. */
const patience = 30_000;

/**
 * Compressing and indexing takes longer than making an event; a thread of its own keeps it from the calls. There is
 * none while there is nothing to do.
 */
export class ArchiveThread {
  #worker: Worker | undefined;
  #leaving: NodeJS.Timeout | undefined;

  /**
   * One job at a time.
   * @param archived told of each segment that has been taken
   */
  run(job: ArchiveJob, archived: (first: number) => void): Promise<void> {
    clearTimeout(this.#leaving);
    this.#worker ??= new Worker(new URL('./archive-worker.ts', import.meta.url));
    const worker = this.#worker;
    worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const ended = (error?: Error) => {
      this.#worker = undefined;
      reject(error ?? new Error('the thread has ended'));
    };
    worker.on('message', (report: ArchiveReport) => {
      if ('archived' in report) archived(report.archived);
      else if ('done' in report) resolve();
      else reject(new Error(report.failed));
    });
    worker.on('error', ended);
    worker.on('exit', () => ended());
    worker.postMessage(job);
    return promise.finally(() => {
      worker.removeAllListeners();
      worker.unref();
      this.#leaving = setTimeout(() => this.close(), patience);
      this.#leaving.unref();
    });
  }

  close(): void {
    clearTimeout(this.#leaving);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
