import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { EngineError } from '../engine.ts';

const run = promisify(execFile);

export const QEMU = 'qemu-system-x86_64';

/** QEMU's version line. @throws EngineError `Failed` when QEMU is not installed. */
export async function qemuVersion(): Promise<string> {
  try {
    return (await run(QEMU, ['--version'])).stdout.split('\n', 1)[0] ?? '';
  } catch (error) {
    throw new EngineError('Failed', `${QEMU} cannot be run; install QEMU (Debian: qemu-system-x86)`, { cause: error });
  }
}

/** Where a program lies on PATH; undefined when it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}
