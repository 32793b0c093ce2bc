import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from './eventually.ts';

/** An SSH session in which a guest counts aloud; it tells whether the session ever broke or missed a number. */
export class CountingSession {
  readonly #child: ChildProcess;
  #text = '';
  #ended: string | undefined;

  constructor(options: { user: string; address: string; keyFile: string }) {
    const settings = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const words = [
      ...settings.flatMap(one => ['-o', one]),
      '-i',
      options.keyFile,
      `${options.user}@${options.address}`,
    ];
    const count = 'n=0; while :; do n=$((n + 1)); echo $n; sleep 0.2; done';
    this.#child = spawn('ssh', [...words, count], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', chunk => {
      this.#text += chunk;
    });
    this.#child.stderr?.on('data', chunk => {
      this.#ended ??= String(chunk);
    });
    this.#child.on('exit', code => {
      this.#ended ??= `ssh ended with code ${code}`;
    });
  }

  /** The last number heard. */
  get last(): number {
    return this.#numbers().at(-1) ?? 0;
  }

  /** Waits until the guest has counted on. @throws Error when the session broke or a number was skipped */
  async goesOn(seconds: number): Promise<void> {
    const from = this.last;
    await eventually('counting guest', seconds, async () => {
      if (this.#ended !== undefined) throw new Error(`the session broke: ${this.#ended}`);
      return this.last >= from + 2 ? true : undefined;
    });
    if (this.#ended !== undefined) throw new Error(`the session broke: ${this.#ended}`);
    const numbers = this.#numbers();
    const skipped = numbers.findIndex((number, at) => number !== at + 1);
    if (skipped >= 0) throw new Error(`after ${skipped} the session said ${numbers[skipped]}`);
  }

  close(): void {
    this.#child.kill();
  }

  #numbers(): number[] {
    return this.#text.split('\n').slice(0, -1).map(Number);
  }
}
