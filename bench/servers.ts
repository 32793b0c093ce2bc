import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCredentials } from '../src/cli/server-files.ts';
import { writeEmptyImage } from '../test/support/empty-image.ts';
import { QueryClient } from '../test/support/query-client.ts';
import { end, outputOf, residentMiB } from './process.ts';

export const launcher = fileURLToPath(new URL('../fogbank', import.meta.url));

/** A server that is measured. */
export interface Subject {
  readonly name: string;
  readonly endpoint: string;
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Milliseconds from the start of its process to the answer to a first call. */
  readonly firstAnswer: number;
  /** Resident memory in MiB. */
  memory(): number;
  client(region?: string): QueryClient;
  /** Ends it and removes what it has stored. */
  stop(): Promise<void>;
}

/** Starts `fogbank up` as a person does, on the simulator. A given folder is kept when it stops. */
export async function startFogbank(kept?: string): Promise<Subject> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'fogbank-bench-'));
  const images = join(folder, 'images');
  writeEmptyImage(images);
  const data = join(folder, 'data');
  const began = performance.now();
  const where = ['--data', data, '--listen', '127.0.0.1:0', '--image-cache', images, '--public-pool', '10.0.0.0/8'];
  // The log goes to a file: to read it from a pipe would cost the machine that is measured.
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(launcher, ['up', '--engine', 'simulator', ...where], { stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  const [, endpoint = ''] = await outputOf(child, /^fogbank is ready on (\S+) in/m);
  const key = readCredentials(data);
  if (key === undefined) throw new Error('the server wrote no credentials');
  const remove = (): void => {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return subject('Fogbank', child, endpoint, key, began, remove);
}

/** Starts moto's server. @throws Error when it is not installed */
export async function startMoto(): Promise<Subject> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  await outputOf(child, /Running on http/);
  const key = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  return subject('moto', child, `http://127.0.0.1:${port}`, key, began, () => {});
}

async function subject(
  name: string,
  child: ChildProcess,
  endpoint: string,
  key: Subject['key'],
  began: number,
  remove: () => void,
): Promise<Subject> {
  const client = (region?: string): QueryClient => new QueryClient(endpoint, key, region);
  const first = client();
  await first.ok('DescribeRegions');
  const firstAnswer = performance.now() - began;
  first.close();
  return {
    name,
    endpoint,
    key,
    firstAnswer,
    memory: () => residentMiB(child.pid),
    client,
    stop: async () => {
      await end(child);
      remove();
    },
  };
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
