import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DiskKey, EngineError } from '../../engine.ts';
import type { QmpObject } from '../qmp.ts';
import { openSecrets, secretObject } from '../secrets.ts';
import { NbdClient } from './nbd.ts';
import { type ImageTools, toolCommand } from './qemu-img.ts';

/** Sockets lie here, below the data folder. */
export const SERVER_FOLDER = 'disk-servers';
const START_TIMEOUT_MS = 20_000;
const EXPORT = 'disk';

export interface OpenDisk {
  readonly nbd: NbdClient;
  close(): Promise<void>;
}

/**
 * Opens an image through a storage daemon of QEMU's, which knows the format, what is below it, and the encryption.
 * @param node with the key's secret named `secret`
 * @throws EngineError `Failed`
 */
export async function openDisk(
  tools: ImageTools,
  node: QmpObject,
  options: { readonly key?: DiskKey | undefined; readonly secret: string; readonly writable: boolean },
): Promise<OpenDisk> {
  const folder = join(tools.dataDir, SERVER_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  if (tools.user.switchUser) await chown(folder, tools.user.uid, tools.user.gid);
  const socket = join(SERVER_FOLDER, `${randomBytes(8).toString('hex')}.sock`);
  const secrets = await openSecrets(options.key ? [options.key] : [], tools.user);
  const [program = '', ...argv] = toolCommand(tools.user, 'qemu-storage-daemon', [
    ...(options.key ? ['--object', secretObject(options.secret, 0)] : []),
    ...['--blockdev', JSON.stringify({ ...node, 'node-name': EXPORT })],
    ...['--nbd-server', `addr.type=unix,addr.path=${socket},max-connections=1`],
    ...[
      '--export',
      `type=nbd,id=${EXPORT},node-name=${EXPORT},name=${EXPORT},writable=${options.writable ? 'on' : 'off'}`,
    ],
  ]);
  const child = spawn(program, argv, {
    cwd: tools.dataDir,
    stdio: ['ignore', 'ignore', 'pipe', ...secrets.map(secret => secret.fd)],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2048);
  });
  let ended: string | undefined;
  const exit = new Promise<void>(resolve => {
    child.once('error', error => {
      ended = error.message;
      resolve();
    });
    child.once('close', () => {
      ended ??= words.trim().split('\n').at(-1) || 'the storage daemon ended';
      resolve();
    });
  });
  const end = async () => {
    child.kill('SIGTERM');
    await exit;
    for (const secret of secrets) await secret.close();
    await rm(join(tools.dataDir, socket), { force: true });
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (ended === undefined && Date.now() < deadline) {
    const nbd = await connect(folder, socket).catch(() => undefined);
    if (nbd) {
      return {
        nbd,
        async close() {
          nbd.close();
          await end();
        },
      };
    }
    await sleep(5);
  }
  await end();
  throw new EngineError('Failed', `the disk cannot be opened: ${ended ?? 'no answer in time'}`);
}

/** The socket is named through its folder's descriptor: a unix socket's address has 108 bytes only. */
async function connect(folder: string, socket: string): Promise<NbdClient> {
  const handle = await open(folder);
  try {
    return await NbdClient.connect(`/proc/self/fd/${handle.fd}/${socket.slice(SERVER_FOLDER.length + 1)}`, EXPORT);
  } finally {
    await handle.close();
  }
}
