import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { type EngineCapacity, EngineError, type MachineSpec } from '../engine.ts';
import { type MemoryUse, memoryUse } from './memory-use.ts';
import type { ProcessId } from './process.ts';

/** Memory that stays free for the host itself. */
export const MEMORY_RESERVE_MIB = 512;

/** No machine lives in less, however much is overcommitted. */
export const MACHINE_FLOOR_MIB = 64;

/**
 * How many times over memory is promised, unless configured. With 1 GiB, an idle guest of the micro image holds 80 MiB as
 * a copy of a frozen one and 240 MiB after a boot, Debian 490 MiB, QEMU included; a busy one fills its memory with its
 * page cache, and nothing takes that back. So a high ratio is for those who know that their guests stay small.
 */
export const DEFAULT_OVERCOMMIT = 2;

/**
 * How many virtual processors one machine may have for each processor of the host. Sharing processors makes machines
 * slow, not wrong, so machines together have no limit; but one with dozens of processors on a host with two spends
 * its time waiting for locks that a descheduled processor of its own holds.
 */
export const VCPUS_PER_PROCESSOR = 8;
/** What QEMU's q35 machine supports without interrupt remapping. */
const MAX_VCPUS = 255;

/** Figures are looked at anew when they are older: launches of many machines share one look. */
const MAX_AGE_MS = 1_000;

/** A machine that runs or starts. */
export interface Occupant {
  readonly memoryMib: number;
  readonly process: ProcessId | undefined;
}

/** Machines that are not there yet. */
export interface Promised {
  /** Of all of them together. */
  readonly memoryMib: number;
  readonly machines: number;
}

export interface CapacityOptions {
  freeDiskBytes(): Promise<number>;
  occupants(): Iterable<Occupant>;
  /** What QEMU takes besides the guest's memory at most, in MiB. */
  overheadMib(): number;
  /** How many times over memory is promised: 1 sets all of it aside. */
  readonly overcommit?: number | undefined;
  /** For tests. */
  readonly processors?: number;
  readonly availableMib?: () => Promise<number>;
  readonly memoryUse?: (process: ProcessId) => Promise<MemoryUse>;
  readonly now?: () => number;
}

/** Available memory by the kernel's own estimate. https://man7.org/linux/man-pages/man5/proc_meminfo.5.html */
async function availableMib(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Math.floor(Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024);
}

/** One look at the host. */
interface Look {
  readonly at: number;
  readonly availableMib: number;
  /** Pages of files in use, each once: the kernel counts them as available, as it could read them again. */
  readonly fileMib: number;
  readonly ownMib: ReadonlyMap<ProcessId, number>;
  readonly diskBytes: number;
}

/**
 * What is free here: looked at now and then, asked synchronously.
 *
 * A machine is expected to grow to its share: its memory and QEMU's own, divided by the overcommit ratio. What machines
 * use already is no longer available; what they lack to their shares is set aside. So a machine that uses more than its
 * share counts as what it uses.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  readonly #processors: number;
  readonly #overcommit: number;
  readonly #now: () => number;
  #look: Look = { at: Number.NEGATIVE_INFINITY, availableMib: 0, fileMib: 0, ownMib: new Map(), diskBytes: 0 };
  #looking: Promise<void> | undefined;

  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#processors = options.processors ?? cpus().length;
    this.#overcommit = options.overcommit ?? DEFAULT_OVERCOMMIT;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Looks at the host unless somebody just did; calls that come together share one look. */
  async refresh(): Promise<void> {
    if (this.#now() - this.#look.at < MAX_AGE_MS) return;
    this.#looking ??= this.#lookAround().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #lookAround(): Promise<void> {
    const { occupants, freeDiskBytes } = this.#options;
    const use = this.#options.memoryUse ?? memoryUse;
    const at = this.#now();
    const processes = [...occupants()].flatMap(({ process }) => (process ? [process] : []));
    const uses = await Promise.all(processes.map(process => use(process)));
    // After the machines: what one takes meanwhile is counted twice rather than not at all.
    const available = await (this.#options.availableMib ?? availableMib)();
    const ownMib = new Map(processes.map((process, index) => [process, uses[index]?.ownMib ?? 0]));
    this.#look = { at, availableMib: available, fileMib: filesOnce(uses), ownMib, diskBytes: await freeDiskBytes() };
  }

  get diskIsFull(): boolean {
    return this.#look.diskBytes === 0;
  }

  /** `memoryMibFree` counts what running machines may still grow by as taken. */
  figures(): EngineCapacity {
    return {
      memoryMibFree: Math.max(0, Math.floor(this.#freeMib())),
      diskGibFree: Math.floor(this.#look.diskBytes / 1024 ** 3),
      vcpus: this.#processors,
    };
  }

  /**
   * True, or why not, in words for people. What is promised is the memory of all instances that run or are about to;
   * machines of the engine are part of that.
   */
  admit(request: {
    readonly memoryMib: number;
    readonly machines?: number;
    readonly diskGib: number;
    readonly promisedMemoryMib: number;
    readonly promisedMachines?: number;
  }): true | string {
    const wanted = this.#shareMib({ memoryMib: request.memoryMib, machines: request.machines ?? 1 });
    const free = this.#freeMib({
      memoryMib: request.promisedMemoryMib,
      machines: request.promisedMachines ?? 0,
    });
    if (wanted > free) {
      const counted = Math.ceil(wanted) === request.memoryMib ? '' : ` (which count as ${Math.ceil(wanted)} MiB)`;
      return `Not enough memory on this machine: ${request.memoryMib} MiB wanted${counted}, ${Math.max(0, Math.floor(free))} MiB free.`;
    }
    const disk = Math.floor(this.#look.diskBytes / 1024 ** 3);
    if (request.diskGib > disk) {
      return `Not enough disk space on this machine: ${request.diskGib} GiB wanted, ${disk} GiB free.`;
    }
    return true;
  }

  /** @throws EngineError `InsufficientCapacity` when this machine cannot start beside those that run. */
  admitMachine(spec: MachineSpec): void {
    const most = Math.min(MAX_VCPUS, this.#processors * VCPUS_PER_PROCESSOR);
    if (spec.vcpus > most) {
      throw new EngineError(
        'InsufficientCapacity',
        `an instance of type ${spec.instanceType} has ${spec.vcpus} vCPUs; this machine has ${this.#processors} processors and runs up to ${most} vCPUs in one instance`,
      );
    }
    const answer = this.admit({ memoryMib: spec.memoryMib, diskGib: 0, promisedMemoryMib: 0 });
    if (answer !== true) throw new EngineError('InsufficientCapacity', answer);
  }

  /** What machines of the same size are expected to grow to, together. */
  #shareMib({ memoryMib, machines }: Promised): number {
    const expected = (memoryMib + machines * this.#options.overheadMib()) / this.#overcommit;
    return Math.max(expected, machines * MACHINE_FLOOR_MIB);
  }

  /** What is free when machines have grown to their shares, those that are promised and not there yet too. */
  #freeMib(promised: Promised = { memoryMib: 0, machines: 0 }): number {
    let growth = 0;
    let memoryMib = 0;
    let machines = 0;
    for (const occupant of this.#options.occupants()) {
      const used = occupant.process ? (this.#look.ownMib.get(occupant.process) ?? 0) : 0;
      growth += Math.max(0, this.#shareMib({ memoryMib: occupant.memoryMib, machines: 1 }) - used);
      memoryMib += occupant.memoryMib;
      machines += 1;
    }
    const missing = {
      memoryMib: Math.max(0, promised.memoryMib - memoryMib),
      machines: Math.max(0, promised.machines - machines),
    };
    return this.#look.availableMib - this.#look.fileMib - growth - this.#shareMib(missing) - MEMORY_RESERVE_MIB;
  }
}

/** Of machines that share a file's pages, the one that uses most of them counts. */
function filesOnce(uses: readonly MemoryUse[]): number {
  const most = new Map<string | undefined, number>();
  for (const { sharedFile, fileMib } of uses) most.set(sharedFile, Math.max(fileMib, most.get(sharedFile) ?? 0));
  return [...most.values()].reduce((sum, mib) => sum + mib, 0);
}
