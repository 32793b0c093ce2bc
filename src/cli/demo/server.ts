import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '../../config/resolve.ts';
import { UserError } from '../../config/user-error.ts';
import { runningServer } from '../server-files.ts';

export interface DemoServer {
  readonly url: string;
  /** Ends a server that was started for the demonstration; leaves one that ran before. */
  stop(): Promise<void>;
}

/** The server of the data folder, when it runs. */
export function existingServer(configuration: Configuration): DemoServer | undefined {
  const running = runningServer(configuration.dataDir);
  return running === undefined ? undefined : { url: running.url, stop: async () => {} };
}

/**
 * Starts `fogbank up` in the background; what it logs goes to `<data>/demo-server.log`.
 * @throws UserError with the end of that log when it does not come up.
 */
export async function startBackgroundServer(configuration: Configuration): Promise<DemoServer> {
  mkdirSync(configuration.dataDir, { recursive: true, mode: 0o700 });
  const logFile = join(configuration.dataDir, 'demo-server.log');
  const log = openSync(logFile, 'w', 0o600);
  // A process group of its own: Ctrl-C is for the demonstration, which still needs the server to clean up.
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL('../main.ts', import.meta.url)),
      'up',
      ...flags(configuration),
    ],
    { stdio: ['ignore', 'pipe', log], detached: true },
  );
  closeSync(log);
  const url = await firstLine(child).catch(() => undefined);
  const address = /^fogbank is ready on (\S+) in /.exec(url ?? '')?.[1];
  if (address === undefined) {
    await end(child);
    throw new UserError(`the server did not start: ${lastLine(logFile)}`, `See ${logFile}`);
  }
  return { url: address, stop: () => end(child) };
}

function flags(configuration: Configuration): string[] {
  const host = configuration.host.includes(':') ? `[${configuration.host}]` : configuration.host;
  return [
    ...['--engine', configuration.engine, '--listen', `${host}:${configuration.port}`, '--data', configuration.dataDir],
    ...['--public-pool', configuration.publicPool],
    ...(configuration.uplink === undefined ? [] : ['--uplink', configuration.uplink]),
    ...(configuration.accel === undefined ? [] : ['--accel', configuration.accel]),
    ...(configuration.imageCacheDir === undefined ? [] : ['--image-cache', configuration.imageCacheDir]),
  ];
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', chunk => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error('it ended')));
  });
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  child.kill('SIGTERM');
  const late = sleep(20_000, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  await ended;
}

function lastLine(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' / ');
}
