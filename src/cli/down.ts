import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveConfiguration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import type { Command } from './command.ts';
import { destroyMachines } from './destroy.ts';
import { isRunning, runningServer, type ServerRecord } from './server-files.ts';

/** Milliseconds that the server gets to finish its calls before it is killed. */
const patience = 20_000;

export const command: Command = {
  name: 'down',
  summary: 'stops the server and every machine, and removes their networks',
  description:
    'Stops the server of a data folder, ends its machines as by pulling their plug, and removes namespaces, interfaces, routes and rules. Volumes, AMIs and the state stay. Does nothing where nothing runs.',
  settings: ['data', 'engine', 'publicPool', 'uplink'],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const server = runningServer(configuration.dataDir);
    if (server !== undefined) await stopServer(server);
    await rm(join(configuration.dataDir, 'server.json'), { force: true });
    const destroyed = await destroyMachines(configuration);
    const what = server === undefined ? 'no server was running' : 'the server has stopped';
    process.stdout.write(`${what}${destroyed ? '; no machine and no network is left' : ''}\n`);
    return 0;
  },
};

async function stopServer(server: ServerRecord): Promise<void> {
  process.stderr.write(`stopping the server on ${server.url} (process ${server.pid})\n`);
  try {
    process.kill(server.pid, 'SIGTERM');
    if (await hasEnded(server, patience)) return;
    // The state is safe against this: what was answered is on disk.
    process.stderr.write(`it did not stop in ${patience / 1000} s: killing it\n`);
    process.kill(server.pid, 'SIGKILL');
    if (await hasEnded(server, patience)) return;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ESRCH') return;
    if (code === 'EPERM') throw new UserError(`process ${server.pid} belongs to another user`, 'Run this with sudo.');
    throw error;
  }
  throw new UserError(`process ${server.pid} cannot be ended`);
}

async function hasEnded(server: ServerRecord, milliseconds: number): Promise<boolean> {
  const until = performance.now() + milliseconds;
  while (isRunning(server)) {
    if (performance.now() > until) return false;
    await sleep(50);
  }
  return true;
}
