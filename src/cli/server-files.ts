import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../config/user-error.ts';

/** `<data>/credentials.json`: the root access key, written by the server at its first start. */
export interface ServerCredentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** `<data>/server.json`: the server that runs on this data folder, or ran until it was killed. */
export interface ServerRecord {
  readonly pid: number;
  readonly url: string;
  /** When it began to accept calls, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly host: string;
  readonly port: number;
}

/** @throws UserError when the file is there but may not be read. */
function readRecord(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES') {
      throw new UserError(`${path} belongs to another user`, 'Run this as the user who runs the server, or with sudo.');
    }
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The root access key of a data folder; undefined before the server's first start. */
export function readCredentials(dataDir: string): ServerCredentials | undefined {
  const record = readRecord(join(dataDir, 'credentials.json'));
  const { accountId, accessKeyId, secretAccessKey } = record ?? {};
  if (typeof accountId !== 'string' || typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
    return undefined;
  return { accountId, accessKeyId, secretAccessKey };
}

/** The record of a server, running or not: see `isRunning`. */
export function readServerRecord(dataDir: string): ServerRecord | undefined {
  const { pid, url, startedAt, host, port } = readRecord(join(dataDir, 'server.json')) ?? {};
  const started = typeof startedAt === 'string' ? Date.parse(startedAt) : startedAt;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 2 || typeof started !== 'number') return undefined;
  if (typeof url !== 'string' || typeof host !== 'string' || typeof port !== 'number') return undefined;
  return { pid, url, startedAt: started, host, port };
}

/**
 * Is the process of this record still that server, and not another one that got its number later? A process that
 * began after the server had started cannot be it, nor one that is not this program.
 */
export function isRunning(record: ServerRecord): boolean {
  try {
    const command = readFileSync(`/proc/${record.pid}/cmdline`, 'utf8').split('\0');
    if (!command.some(word => word.endsWith('.ts') || word.endsWith('.js'))) return false;
    const stat = readFileSync(`/proc/${record.pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; state is the first field after it, the start time the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return false;
    const ticks = Number(fields[19]);
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    // 100 ticks a second wherever Linux runs; the boot time has whole seconds.
    return boot * 1000 + ticks * 10 <= record.startedAt + 2000;
  } catch {
    return false;
  }
}

/** The server that runs on this data folder now. */
export function runningServer(dataDir: string): ServerRecord | undefined {
  const record = readServerRecord(dataDir);
  return record !== undefined && isRunning(record) ? record : undefined;
}
