import { type ChildProcess, spawn } from 'node:child_process';
import { type DiskKey, EngineError, type Progress } from '../../engine.ts';
import { openSecrets, secretObject } from '../secrets.ts';
import type { MachineUser } from '../user.ts';

/** Where qemu-img works, and as whom. */
export interface ImageTools {
  readonly dataDir: string;
  readonly user: MachineUser;
  /** Ends what is under way. */
  readonly stopping?: AbortSignal;
}

/** A program of QEMU's with the rights of a machine. */
export function userCommand(user: MachineUser, program: string, argv: readonly string[]): string[] {
  return ['setpriv', ...rights(user), program, ...argv];
}

function rights(user: MachineUser): string[] {
  const drop = user.switchUser
    ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all']
    : [];
  return [...drop, '--no-new-privs'];
}

/**
 * A program of QEMU's with the rights of a machine, since it reads what guests wrote and what people bring along. It ends
 * with this process, so that a successor finds nobody at work.
 */
export function toolCommand(user: MachineUser, program: string, argv: readonly string[]): string[] {
  return ['setpriv', ...rights(user), '--pdeathsig=KILL', program, ...argv];
}

/** Keys by the name under which the arguments speak of them. */
export type NamedKeys = Readonly<Record<string, DiskKey | undefined>>;

/**
 * Runs `qemu-img COMMAND …` in the data folder and answers what it prints.
 * @throws EngineError `Failed` with qemu-img's words; `InsufficientCapacity` when the disk is full
 */
export async function qemuImg(
  tools: ImageTools,
  command: string,
  argv: readonly string[],
  options: { readonly keys?: NamedKeys; readonly progress?: Progress | undefined } = {},
): Promise<string> {
  const keys = Object.entries(options.keys ?? {}).flatMap(([name, key]) => (key ? [{ name, key }] : []));
  const secrets = await openSecrets(
    keys.map(({ key }) => key),
    tools.user,
  );
  try {
    const objects = keys.flatMap(({ name }, index) => ['--object', secretObject(name, index)]);
    const [program = '', ...rest] = toolCommand(tools.user, 'qemu-img', [command, ...objects, ...argv]);
    const child = spawn(program, rest, {
      cwd: tools.dataDir,
      stdio: ['ignore', 'pipe', 'pipe', ...secrets.map(secret => secret.fd)],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      ...(tools.stopping ? { signal: tools.stopping, killSignal: 'SIGKILL' } : {}),
    });
    return await outcome(child, command, options.progress);
  } finally {
    for (const secret of secrets) await secret.close();
  }
}

function outcome(child: ChildProcess, command: string, progress: Progress | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    let complaints = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (!progress) printed += text;
      const percent = progress && [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
      if (percent) progress(Number(percent) / 100);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-4096);
    });
    child.once('error', error => reject(new EngineError('Failed', `qemu-img cannot be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(printed);
      const words = complaints
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^qemu-img: /, '');
      const reason = words || (signal ? `ended by ${signal}` : `ended with status ${code}`);
      const full = /No space left on device/.test(complaints);
      reject(new EngineError(full ? 'InsufficientCapacity' : 'Failed', `qemu-img ${command}: ${reason}`));
    });
  });
}
