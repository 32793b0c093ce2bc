import { execFile } from 'node:child_process';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What GetConsoleOutput shows. */
export const CONSOLE_BYTES = 64 * 1024;

/** A log that takes more room than this loses its beginning. */
const TRIM_ABOVE = 1024 * 1024;
const KEEP = 256 * 1024;

/** The folder belongs to the machine's user: no links, nothing that blocks (a pipe), nothing but a file. */
async function openLog(file: string, flags: number): Promise<FileHandle | undefined> {
  const handle = await open(file, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (!handle) return undefined;
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/** The end of a console log; empty when there is none. */
export async function readConsole(file: string, bytes = CONSOLE_BYTES): Promise<Uint8Array> {
  const handle = await openLog(file, constants.O_RDONLY);
  if (!handle) return new Uint8Array();
  try {
    const { size } = await handle.stat();
    const buffer = new Uint8Array(Math.min(size, bytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * Bounds the disk space of a log that QEMU appends to. The beginning is punched out and the file keeps its length:
 * nothing moves, so nothing that is written meanwhile is lost or reordered.
 */
export async function trimConsole(file: string): Promise<void> {
  const handle = await openLog(file, constants.O_RDWR);
  if (!handle) return;
  try {
    const { size, blocks } = await handle.stat();
    if (blocks * 512 <= TRIM_ABOVE) return;
    const length = String(Math.floor((size - KEEP) / 4096) * 4096);
    // The open file and not its name, which the machine's user could have replaced by now.
    const own = `/proc/${process.pid}/fd/${handle.fd}`;
    const punched = await run('fallocate', ['--punch-hole', '--offset', '0', '--length', length, own]).then(
      () => true,
      () => false,
    );
    if (!punched) await handle.truncate(0);
  } finally {
    await handle.close();
  }
}
