import { readdir, readFile, readlink } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isInstanceId } from './paths.ts';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the process's start (proc(5), stat, field 22). */
  readonly startTicks: number;
}

/** USER_HZ: 100 on every architecture that Linux has QEMU for. */
const TICKS_PER_SECOND = 100;

let bootSeconds: number | undefined;

/** What the kernel tells of a process that lives, from its state on; undefined for one that is gone or a zombie. */
async function statFields(pid: number): Promise<readonly string[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the program's name in parentheses and may contain anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return !fields || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields;
}

async function startTicks(pid: number): Promise<number | undefined> {
  const fields = await statFields(pid);
  return fields && Number(fields[19]);
}

/** Processor time that a process has used, in seconds; undefined for one that is gone. */
export async function processorSeconds(id: ProcessId): Promise<number | undefined> {
  const fields = await statFields(id.pid);
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export async function identify(pid: number): Promise<ProcessId | undefined> {
  const ticks = await startTicks(pid);
  return ticks === undefined ? undefined : { pid, startTicks: ticks };
}

export async function isAlive(id: ProcessId): Promise<boolean> {
  return (await startTicks(id.pid)) === id.startTicks;
}

/** Milliseconds since the epoch. */
export async function startedAt(id: ProcessId): Promise<number> {
  bootSeconds ??= Number(/^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1] ?? 0);
  return Math.round((bootSeconds + id.startTicks / TICKS_PER_SECOND) * 1000);
}

/**
 * Makes all threads of a process wait for others that want the processors too, 0 to 19 as nice(1): on Linux each thread
 * has a niceness of its own. Threads that end meanwhile do not matter.
 */
export async function beNice(id: ProcessId, niceness: number): Promise<void> {
  for (const thread of await readdir(`/proc/${id.pid}/task`).catch(() => [])) {
    try {
      setPriority(Number(thread), niceness);
    } catch {
      // It has ended, or a limit of ours forbids it.
    }
  }
}

/** True once the process is gone, false after `timeoutMs`. */
export async function waitForExit(id: ProcessId, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  for (let pause = 5; await isAlive(id); pause = Math.min(pause * 2, 250)) {
    if (Date.now() >= end) return false;
    await sleep(pause);
  }
  return true;
}

/** SIGKILL, and wait until the process is gone. */
export async function kill(id: ProcessId): Promise<void> {
  if (!(await isAlive(id))) return;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    // Gone by itself in between.
  }
  await waitForExit(id, 10_000);
}

/** Every process of this data folder whose command line matches. */
async function findProcesses(dataDir: string, pattern: RegExp): Promise<{ match: RegExpExecArray; id: ProcessId }[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async name => {
      const match = pattern.exec(await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => ''));
      if (!match || (await readlink(`/proc/${name}/cwd`).catch(() => '')) !== dataDir) return [];
      const id = await identify(Number(name));
      return id ? [{ match, id }] : [];
    }),
  );
  return found.flat();
}

/**
 * Ends a machine that a killed server had begun to start and that came up only after its successor looked: between
 * fork and exec a process does not show yet what it will be.
 * @returns whether there was one
 */
export async function endLateStart(dataDir: string, instanceId: string): Promise<boolean> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const late = (await findMachineProcesses(dataDir)).get(instanceId);
    if (late !== undefined) {
      await kill(late);
      return true;
    }
    await sleep(50);
  }
  return false;
}

/** Storage daemons of shared volumes, by volume. */
export async function findSharedDisks(dataDir: string): Promise<Map<string, ProcessId>> {
  const found = await findProcesses(dataDir, /\0addr\.type=unix,addr\.path=shared\/(vol-[0-9a-f]+)\/nbd\.sock/);
  return new Map(found.flatMap(({ match, id }) => (match[1] ? [[match[1], id] as const] : [])));
}

/** What works on disks for a server that has gone: it ends with its server, unless that was killed while starting it. */
export async function findDiskTools(dataDir: string): Promise<ProcessId[]> {
  const found = await findProcesses(dataDir, /(?:^|\0)qemu-img\0|\0addr\.type=unix,addr\.path=disk-servers\//);
  return found.map(({ id }) => id);
}

/** Guests that are being frozen, whose maker has gone. */
export async function findTemplateProcesses(dataDir: string): Promise<ProcessId[]> {
  const found = await findProcesses(dataDir, /\0guest=i-w[0-9a-f]+\0.*\.new-(\d+)-/s);
  const makers = await Promise.all(found.map(({ match }) => identify(Number(match[1]))));
  return found.filter((_, index) => !makers[index]).map(({ id }) => id);
}

/**
 * The machines of this data folder that run, whoever started them: processes whose working directory is the folder
 * and whose arguments name an instance. This needs no file of ours, so it finds what a killed server had just
 * started too.
 */
export async function findMachineProcesses(dataDir: string): Promise<Map<string, ProcessId>> {
  const found = await findProcesses(dataDir, /\0guest=(i-[0-9a-f]+)\0/);
  return new Map(
    found.flatMap(({ match, id }) => (match[1] && isInstanceId(match[1]) ? [[match[1], id] as const] : [])),
  );
}
