import { execFile } from 'node:child_process';
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
