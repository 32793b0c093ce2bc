import { spawn } from 'node:child_process';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import type { DiskKey } from '../engine.ts';
import { identify, type ProcessId } from './process.ts';
import { openSecrets } from './secrets.ts';
import { QEMU } from './tools.ts';
import type { MachineUser } from './user.ts';
import { guarded } from './warm/guard.ts';

export interface Launch {
  /** Becomes the working directory: QEMU's file names are relative to it. */
  readonly dataDir: string;
  /** Network namespace in which the TAPs are; undefined for a machine without a network interface. */
  readonly namespace?: string;
  readonly user: MachineUser;
  /** Supplementary groups, e.g. that of `/dev/kvm`. */
  readonly groups: readonly number[];
  /** QEMU's own arguments. */
  readonly arguments: readonly string[];
  /** Keys of encrypted disks, which the arguments name by their descriptors. */
  readonly keys?: readonly DiskKey[];
  /** A descriptor on which QEMU's `fallocate` is not to be done, see `warm/guard.ts`. */
  readonly guard?: number;
  /** How much less than others it may use the processors, 0 to 19 as nice(1). */
  readonly niceness?: number;
  /** Receives what QEMU prints. */
  readonly logFile: string;
}

/** The whole command: into the namespace, out of root's rights for good, then QEMU, all in one process. */
export function launchCommand(launch: Omit<Launch, 'dataDir' | 'logFile'>): string[] {
  const { user, groups, namespace } = launch;
  const enter = namespace ? ['nsenter', `--net=/run/netns/${namespace}`] : [];
  const drop = user.switchUser
    ? [
        'setpriv',
        `--reuid=${user.uid}`,
        `--regid=${user.gid}`,
        groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
        '--inh-caps=-all',
        '--bounding-set=-all',
        '--no-new-privs',
      ]
    : [];
  const nice = launch.niceness ? ['nice', '-n', String(launch.niceness)] : [];
  const qemu = [QEMU, ...launch.arguments];
  return [...enter, ...drop, ...nice, ...(launch.guard === undefined ? qemu : guarded(qemu, launch.guard))];
}

/**
 * What QEMU frees goes back to the host: lists keep no pool of their own (GLib's slices would, for good), and what is
 * large is mapped by itself. https://docs.gtk.org/glib/running.html, mallopt(3)
 */
const thrift = { G_SLICE: 'always-malloc', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

export interface LaunchedQemu {
  /** Undefined when it has ended already, or could not be started at all. */
  readonly process: ProcessId | undefined;
  /** How it ended, once it has. */
  readonly exit: Promise<string>;
}

/**
 * Starts QEMU in a session of its own, so that neither the end of the server nor a Ctrl-C at its terminal reaches it.
 */
export async function launchQemu(launch: Launch): Promise<LaunchedQemu> {
  const [program = QEMU, ...argv] = launchCommand(launch);
  const log: FileHandle = await open(launch.logFile, 'w', 0o600);
  const secrets = await openSecrets(launch.keys ?? [], launch.user);
  try {
    const child = spawn(program, argv, {
      cwd: launch.dataDir,
      detached: true,
      stdio: ['ignore', log.fd, log.fd, ...secrets.map(secret => secret.fd)],
      env: { PATH: process.env.PATH, LC_ALL: 'C', ...thrift },
    });
    child.unref();
    if (child.pid !== undefined) await preferForKilling(child.pid, launch.niceness ? 900 : 500);
    const exit = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`QEMU ended ${signal ? `by ${signal}` : `with status ${code}`}`));
    });
    return { process: child.pid === undefined ? undefined : await identify(child.pid), exit };
  } finally {
    await log.close();
    for (const secret of secrets) await secret.close();
  }
}

/**
 * When the host has no memory left, the kernel ends a machine rather than the server or another program: first what
 * nobody waits for. QEMU inherits this. https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
 */
async function preferForKilling(pid: number, points: number): Promise<void> {
  // It may have ended already.
  await writeFile(`/proc/${pid}/oom_score_adj`, String(points)).catch(() => {});
}
