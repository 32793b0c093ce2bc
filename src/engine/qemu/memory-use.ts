import { readFile } from 'node:fs/promises';
import type { ProcessId } from './process.ts';

/** What QEMU takes itself besides the guest's memory and its translation cache, in MiB: 40 to 60 were measured. */
export const QEMU_MIB = 60;

/** Memory of a process that is in the host's memory now, in MiB. */
export interface MemoryUse {
  /** Its own alone, which no other process uses and the host cannot get back from a file. */
  readonly ownMib: number;
  /** Pages of files: programs, and the memory of a frozen guest as far as the machine has not changed it. */
  readonly fileMib: number;
  /** The frozen guest that it continues from; machines with the same one share its pages. */
  readonly sharedFile: string | undefined;
}

const none: MemoryUse = { ownMib: 0, fileMib: 0, sharedFile: undefined };

/**
 * Reads `/proc/PID/status`, a few microseconds, where `smaps_rollup` would walk the page tables: milliseconds for each
 * machine. Nothing for a process that is gone. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */
export async function memoryUse(id: ProcessId): Promise<MemoryUse> {
  const status = await readFile(`/proc/${id.pid}/status`, 'latin1').catch(() => '');
  if (status === '') return none;
  const mib = new Map<string | undefined, number>();
  for (const [, kind, kib] of status.matchAll(/^Rss(Anon|File|Shmem):\s+(\d+) kB$/gm))
    mib.set(kind, Number(kib) / 1024);
  const shared = await sharedFile(id);
  const shmem = mib.get('Shmem') ?? 0;
  return {
    // All that a copy shares with itself is its translated code, which is there twice: to be written and to be run.
    ownMib: (mib.get('Anon') ?? 0) + (shared === undefined ? shmem : shmem / 2),
    fileMib: mib.get('File') ?? 0,
    sharedFile: shared,
  };
}

/** A command line does not change, so it is read once for each process. */
const sharedFiles = new WeakMap<ProcessId, Promise<string | undefined>>();

function sharedFile(id: ProcessId): Promise<string | undefined> {
  const known = sharedFiles.get(id);
  if (known) return known;
  const found = readFile(`/proc/${id.pid}/cmdline`, 'utf8').then(
    words => /\0memory-backend-file,[^\0]*\bmem-path=([^\0,]+),share=off\0/.exec(words)?.[1],
    () => undefined,
  );
  sharedFiles.set(id, found);
  return found;
}
