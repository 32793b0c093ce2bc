/**
 * The state of a machine's devices as QEMU streams it. QEMU's sandbox lets it start no program and open no file, so the
 * stream goes through a unix socket in a folder of its own, named through that folder's descriptor, as the whole path
 * may be longer than a socket's address.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { chown, open } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Qmp } from '../qmp.ts';
import type { MachineUser } from '../user.ts';

const STREAM_TIMEOUT_MS = 60_000;

/** Where QEMU listens for the state, in its run folder. */
const INCOMING_SOCKET = 'incoming.sock';
const OUTGOING_SOCKET = 'outgoing.sock';

export interface StreamFolder {
  readonly run: string;
  /** The same as QEMU sees it. */
  readonly relative: string;
}

/** Whether memory that is in a file already is left out of streams. */
async function leaveMemoryOut(qmp: Qmp, state: boolean): Promise<void> {
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state }] });
}

/** Sends a file to a QEMU that waits for it (`-incoming defer`), until its machine could run. */
export async function sendState(qmp: Qmp, { run, relative }: StreamFolder, file: string): Promise<void> {
  const folder = await open(run);
  try {
    await leaveMemoryOut(qmp, true);
    await qmp.execute('migrate-incoming', { uri: `unix:${join(relative, INCOMING_SOCKET)}` });
    const socket = createConnection(`/proc/self/fd/${folder.fd}/${INCOMING_SOCKET}`);
    await once(socket, 'connect');
    // QEMU closes the connection as soon as it has what it needs, which may be before all was sent: it is the judge.
    pipeline(createReadStream(file), socket).catch(() => {});
    await migrationEnd(qmp);
    // What is saved of the machine later has its memory in it, and no reader expects it otherwise.
    await leaveMemoryOut(qmp, false);
  } finally {
    await folder.close();
  }
}

/** Writes the state of a stopped machine into a file. */
export async function receiveState(
  qmp: Qmp,
  { run, relative }: StreamFolder,
  user: MachineUser,
  file: string,
): Promise<void> {
  const folder = await open(run);
  const server = createServer();
  try {
    server.listen(`/proc/self/fd/${folder.fd}/${OUTGOING_SOCKET}`);
    await once(server, 'listening');
    if (user.switchUser) await chown(join(run, OUTGOING_SOCKET), user.uid, user.gid);
    await leaveMemoryOut(qmp, true);
    const connected = once(server, 'connection', { signal: AbortSignal.timeout(STREAM_TIMEOUT_MS) });
    await qmp.execute('migrate', { uri: `unix:${join(relative, OUTGOING_SOCKET)}` });
    const [socket]: Socket[] = await connected;
    if (!socket) throw new Error('QEMU did not connect');
    await Promise.all([pipeline(socket, createWriteStream(file, { mode: 0o600, flush: true })), migrationEnd(qmp)]);
  } finally {
    server.close();
    await folder.close();
  }
}

async function migrationEnd(qmp: Qmp): Promise<void> {
  const deadline = Date.now() + STREAM_TIMEOUT_MS;
  for (;;) {
    const answer = await qmp.execute('query-migrate');
    const status = isObject(answer) ? answer.status : undefined;
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled') {
      const reason = isObject(answer) && typeof answer['error-desc'] === 'string' ? answer['error-desc'] : status;
      throw new Error(`the state of the machine could not be transferred: ${reason}`);
    }
    if (Date.now() > deadline) throw new Error('the state of the machine was not transferred in time');
    await sleep(2);
  }
}
