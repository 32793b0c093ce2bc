import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCredentials } from '../../src/cli/server-files.ts';
import type { SigningKey } from '../../src/cli/sign.ts';
import { writeEmptyImage } from './empty-image.ts';
import { output } from './process.ts';
import { QueryClient } from './query-client.ts';

const nodeFlags = ['--disable-warning=ExperimentalWarning'];
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface KillableServerOptions {
  /** The simulator unless given, with an image cache of its own; QEMU uses the machine's. */
  readonly engine?: 'simulator' | 'qemu';
  readonly publicPool?: string;
}

/** A real server with a data folder of its own, which can be killed and started again. */
export class KillableServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'fogbank-server-'));
  readonly dataDir = join(this.folder, 'data');
  readonly #words: readonly string[];
  #child: ChildProcess | undefined;
  #log = '';

  /** Milliseconds that each start took until the server accepted calls. */
  readonly starts: number[] = [];

  constructor({ engine = 'simulator', publicPool = '198.19.0.0/16' }: KillableServerOptions = {}) {
    const images = join(this.folder, 'images');
    if (engine === 'simulator') writeEmptyImage(images);
    const cache = engine === 'simulator' ? ['--image-cache', images] : [];
    this.#words = ['--engine', engine, '--data', this.dataDir, '--public-pool', publicPool, ...cache];
  }

  /** What the server of the latest start has said. */
  get log(): string {
    return this.#log;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process and does not wait. */
  spawn(): ChildProcess {
    this.#log = '';
    const words = ['up', '--listen', '127.0.0.1:0', ...this.#words];
    const child = spawn(process.execPath, [...nodeFlags, main, ...words], {
      env: environment(this.folder),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const note = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000);
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    this.#child = child;
    return child;
  }

  /** Starts it and waits until it accepts calls. @throws Error with its log when it ends instead. */
  async start(): Promise<QueryClient> {
    const began = performance.now();
    const child = this.spawn();
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout?.on('data', () => {
        const ready = /^fogbank is ready on (\S+)/m.exec(this.#log)?.[1];
        if (ready !== undefined) resolve(ready);
      });
      child.on('exit', code => reject(new Error(`the server ended with code ${code} at its start:\n${this.#log}`)));
    });
    this.starts.push(performance.now() - began);
    return new QueryClient(url, this.credentials);
  }

  /** The root key of the first account. @throws Error before the first start */
  get credentials(): SigningKey {
    const credentials = readCredentials(this.dataDir);
    if (credentials === undefined) throw new Error('the server wrote no credentials');
    return credentials;
  }

  /** As a power cut to the process: nothing of it runs any more when this resolves. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the server had already ended:\n${this.#log}`);
    }
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends the server as its user does, and tells its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return 0;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await gone;
    this.#child = undefined;
    return code as number | null;
  }

  /** Runs `fogbank down`: nothing of this server is left on the machine afterwards. */
  async down(): Promise<void> {
    await output(process.execPath, [...nodeFlags, main, 'down', ...this.#words], { env: environment(this.folder) });
    this.#child = undefined;
  }

  remove(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Nothing of the one who runs the tests but where AMIs are and how processors are emulated. */
function environment(folder: string): NodeJS.ProcessEnv {
  const { PATH, FOGBANK_IMAGE_CACHE, FOGBANK_ACCEL } = process.env;
  const machine = { ...(FOGBANK_IMAGE_CACHE && { FOGBANK_IMAGE_CACHE }), ...(FOGBANK_ACCEL && { FOGBANK_ACCEL }) };
  return { PATH, HOME: folder, NODE_COMPILE_CACHE: join(tmpdir(), 'fogbank-compile-cache'), ...machine };
}
