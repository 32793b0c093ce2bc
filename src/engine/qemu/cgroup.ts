import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CONTROLLERS = ['memory', 'cpu', 'pids'];

/** Besides the guest's memory: QEMU itself, its translation cache, disk caches, the screen. */
const OVERHEAD_MIB = 512;

/** Threads of QEMU itself; its workers for disks come and go. */
const THREADS = 256;

export interface MachineLimits {
  readonly vcpus: number;
  readonly memoryMib: number;
}

/**
 * One control group (v2) for each machine, so that a machine cannot take more than its share. Where the host has no
 * such hierarchy, or it is not ours to use, machines run without.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class Cgroups {
  readonly #folder: string | undefined;

  private constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  get available(): boolean {
    return this.#folder !== undefined;
  }

  /** `name` tells servers on one machine apart. `root` is a parameter for tests. */
  static async open(name: string, root = '/sys/fs/cgroup'): Promise<Cgroups> {
    const offered = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => '');
    if (!CONTROLLERS.every(controller => offered.split(/\s+/).includes(controller))) return new Cgroups(undefined);
    const enable = CONTROLLERS.map(controller => `+${controller}`).join(' ');
    const middle = join(root, 'fogbank');
    const folder = join(middle, name);
    try {
      await mkdir(folder, { recursive: true });
      // A group that has processes of its own cannot hand controllers down (as in most containers).
      for (const level of [root, middle, folder]) await writeFile(join(level, 'cgroup.subtree_control'), enable);
      return new Cgroups(folder);
    } catch {
      return new Cgroups(undefined);
    }
  }

  /** Puts a process, and all it starts, under its machine's limits. */
  async add(instanceId: string, pid: number, limits: MachineLimits): Promise<void> {
    if (!this.#folder) return;
    const group = join(this.#folder, instanceId);
    await mkdir(group, { recursive: true });
    const bytes = (limits.memoryMib + OVERHEAD_MIB) * 1024 * 1024;
    await writeFile(join(group, 'memory.max'), String(bytes));
    await writeFile(join(group, 'memory.oom.group'), '1');
    // Twice the processors, twice the share; 100 is everybody else's.
    await writeFile(join(group, 'cpu.weight'), String(Math.min(10_000, 50 * limits.vcpus)));
    await writeFile(join(group, 'pids.max'), String(THREADS + 4 * limits.vcpus));
    await writeFile(join(group, 'cgroup.procs'), String(pid));
  }

  /** The group of a machine that has ended. */
  async remove(instanceId: string): Promise<void> {
    if (!this.#folder) return;
    for (let attempt = 0; attempt < 10; attempt++) {
      const error = await rmdir(join(this.#folder, instanceId)).then(
        () => undefined,
        (cause: NodeJS.ErrnoException) => cause,
      );
      // The kernel needs a moment to empty the group after the last process has gone.
      if (error?.code !== 'EBUSY') return;
      await sleep(20);
    }
  }

  /** The group of all machines of this server, once it is empty. */
  async close(): Promise<void> {
    if (this.#folder) await rmdir(this.#folder).catch(() => {});
  }
}
