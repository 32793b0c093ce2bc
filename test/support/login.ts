import { eventually } from './eventually.ts';
import { type RunResult, run } from './process.ts';

/** Somebody who logs in to an instance with an SSH key and runs commands there. */
export class Login {
  readonly address: string;
  readonly #words: readonly string[];

  constructor(options: { user: string; address: string; keyFile: string }) {
    this.address = options.address;
    const settings = [
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      // A test address belongs to another instance, with another host key, every time.
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ConnectTimeout=10',
      'ServerAliveInterval=5',
    ];
    this.#words = [
      ...settings.flatMap(setting => ['-o', setting]),
      ...['-i', options.keyFile, `${options.user}@${options.address}`, '--'],
    ];
  }

  /** Runs a command line in the guest's shell, whatever comes of it. */
  attempt(command: string, input?: string | Uint8Array): Promise<RunResult> {
    return run('ssh', [...this.#words, command], { input });
  }

  /** What a command printed, without the last line end. @throws Error with its complaint when it fails. */
  async run(command: string, input?: string | Uint8Array): Promise<string> {
    const result = await this.attempt(command, input);
    if (result.code === 0) return result.stdout.trimEnd();
    throw new Error(
      `in the guest: ${command}\nended with code ${result.code}: ${result.stderr.trim() || result.stdout}`,
    );
  }

  /** Runs a command as soon as it succeeds: a guest that boots refuses connections, and then has not done everything. */
  until(command: string, seconds: number): Promise<string> {
    return eventually(`success of '${command}' at ${this.address}`, seconds, () => this.run(command));
  }
}

/**
 * Does a TCP connection from this guest to there open? Needs bash there, and tells a refusal from a silent drop.
 * @returns `open`, `refused` (the packet got there) or `filtered` (nothing came back in 3 seconds)
 */
export async function connects(from: Login, address: string, port: number): Promise<'open' | 'refused' | 'filtered'> {
  const { code, stderr } = await from.attempt(`timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port}'`);
  if (code === 0) return 'open';
  return stderr.includes('refused') ? 'refused' : 'filtered';
}
