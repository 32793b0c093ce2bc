import { execFile } from 'node:child_process';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EngineError } from '../engine.ts';

const run = promisify(execFile);

/** Whom machines run as. */
export interface MachineUser {
  readonly uid: number;
  readonly gid: number;
  /** The server is root and gives its rights up for the machine. */
  readonly switchUser: boolean;
}

const NAME = 'fogbank';

async function lookUp(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find(entry => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid !== undefined && gid !== undefined ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/**
 * The system user `fogbank`, made when root asks for the first time; anybody else is their own machine user.
 * @throws EngineError `Failed` when the user cannot be made.
 */
export async function machineUser(): Promise<MachineUser> {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? uid, switchUser: false };
  let user = await lookUp(NAME);
  if (!user) {
    const home = '/nonexistent';
    const options = [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      home,
      '--shell',
      '/usr/sbin/nologin',
    ];
    // Two servers may start at once: only that the user exists afterwards counts.
    const failure = await run('useradd', [...options, NAME]).then(() => undefined, String);
    user = await lookUp(NAME);
    if (!user) throw new EngineError('Failed', `the system user ${NAME} could not be made: ${failure}`);
  }
  return { ...user, switchUser: true };
}

/**
 * Supplementary groups with which `user` may read and write `device`; makes the device accessible to the user's own
 * group where only root could use it (as on machines without udev, which would have made it 0666).
 */
export async function deviceGroups(device: string, user: MachineUser): Promise<number[]> {
  const { mode, uid, gid } = await stat(device);
  if ((mode & 0o006) === 0o006 || (uid === user.uid && (mode & 0o600) === 0o600)) return [];
  if (gid === user.gid && (mode & 0o060) === 0o060) return [];
  if (gid !== 0 && (mode & 0o060) === 0o060) return [gid];
  if (!user.switchUser) throw new EngineError('Failed', `${device} cannot be opened by user ${user.uid}`);
  await chown(device, uid, user.gid);
  await chmod(device, mode | 0o060);
  return [];
}
