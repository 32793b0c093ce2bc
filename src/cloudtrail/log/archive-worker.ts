import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { Archive } from './archive.ts';
import type { ArchiveJob, ArchiveReport } from './archive-thread.ts';

/* Does one job after the other, in a thread of its own. */
const report = (message: ArchiveReport) => parentPort?.postMessage(message);

parentPort?.on('message', ({ archive: path, segments, oldest, maximumBytes }: ArchiveJob) => {
  try {
    const archive = new Archive(path);
    try {
      for (const segment of segments) {
        archive.add(segment.first, readFileSync(segment.path, 'utf8').trimEnd().split('\n'));
        report({ archived: segment.first });
      }
      archive.trim(oldest, maximumBytes);
    } finally {
      archive.close();
    }
    report({ done: true });
  } catch (error) {
    report({ failed: error instanceof Error ? error.message : String(error) });
  }
});
