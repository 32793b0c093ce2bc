import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../config/user-error.ts';
import { isOpen } from '../port.ts';

const unreachable = { code: 255, output: '', error: 'its SSH port does not answer' };

/** Runs commands in an instance by ssh, without ever asking anything of the terminal. */
export class Guest {
  readonly #arguments: readonly string[];
  readonly #address: string;
  readonly #interrupted: AbortSignal;

  constructor(sshArguments: readonly string[], interrupted: AbortSignal) {
    this.#arguments = ['-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', ...sshArguments];
    this.#address = sshArguments.at(-1)?.split('@').at(-1) ?? '';
    this.#interrupted = interrupted;
  }

  /** What the command printed. @throws UserError with what it complained about. */
  async run(command: string): Promise<string> {
    const result = await this.#ssh(command);
    if (result.code === 0) return result.output;
    throw new UserError(`in the instance, '${command}' failed: ${result.error.trim() || `exit code ${result.code}`}`);
  }

  /**
   * Tries again until the command succeeds there. A guest that still boots answers nothing or refuses: its port is
   * asked in short intervals, since ssh itself would wait seconds for each try.
   */
  async waitFor(command: string, seconds: number): Promise<string> {
    const until = performance.now() + seconds * 1000;
    for (;;) {
      const result = (await isOpen(this.#address, 22)) ? await this.#ssh(command) : unreachable;
      if (result.code === 0) return result.output;
      this.#interrupted.throwIfAborted();
      if (performance.now() > until) {
        throw new UserError(
          `no answer by ssh within ${seconds} s: ${result.error.trim() || `exit code ${result.code}`}`,
        );
      }
      await sleep(50, undefined, { signal: this.#interrupted });
    }
  }

  #ssh(command: string): Promise<{ code: number; output: string; error: string }> {
    const words = [
      ...this.#arguments.slice(0, -1),
      '-o',
      'ConnectTimeout=2',
      ...this.#arguments.slice(-1),
      '--',
      command,
    ];
    const child = spawn('ssh', words, { stdio: ['ignore', 'pipe', 'pipe'], signal: this.#interrupted, detached: true });
    let output = '';
    let error = '';
    child.stdout.on('data', chunk => {
      output += chunk;
    });
    child.stderr.on('data', chunk => {
      error += chunk;
    });
    return new Promise((resolve, reject) => {
      child.on('error', reason => {
        reject(this.#interrupted.aborted ? this.#interrupted.reason : new UserError(`ssh: ${reason.message}`));
      });
      child.on('close', code => resolve({ code: code ?? 1, output, error }));
    });
  }
}
