import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { type EngineCapacity, EngineError, type MachineSpec } from '../engine.ts';
import { type ProcessId, residentMib } from './process.ts';

/** Memory that stays free for the host itself. */
export const MEMORY_RESERVE_MIB = 512;

/**
 * How many virtual processors one machine may have for each processor of the host. Sharing processors makes machines
 * slow, not wrong, so machines together have no limit; but one with dozens of processors on a host with two spends
 * its time waiting for locks that a descheduled processor of its own holds.
 */
export const VCPUS_PER_PROCESSOR = 8;
/** What QEMU's q35 machine supports without interrupt remapping. */
const MAX_VCPUS = 255;

/** A machine that runs or starts. */
export interface Occupant {
  readonly memoryMib: number;
  readonly process: ProcessId | undefined;
}

export interface CapacityOptions {
  freeDiskBytes(): Promise<number>;
  occupants(): Iterable<Occupant>;
  /** For tests. */
  readonly processors?: number;
  readonly availableMib?: () => Promise<number>;
}

/** Available memory by the kernel's own estimate. https://man7.org/linux/man-pages/man5/proc_meminfo.5.html */
async function availableMib(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Math.floor(Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024);
}

/** What is free here: looked at every few seconds, asked synchronously. */
export class Capacity {
  readonly #options: CapacityOptions;
  readonly #processors: number;
  #availableMib = 0;
  #touchedMib = 0;
  #diskBytes = 0;

  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#processors = options.processors ?? cpus().length;
  }

  async refresh(): Promise<void> {
    const touched = [...this.#options.occupants()].map(async ({ memoryMib, process }) =>
      process ? Math.min(memoryMib, await residentMib(process)) : 0,
    );
    this.#touchedMib = Math.floor((await Promise.all(touched)).reduce((sum, mib) => sum + mib, 0));
    this.#availableMib = await (this.#options.availableMib ?? availableMib)();
    this.#diskBytes = await this.#options.freeDiskBytes();
  }

  get diskIsFull(): boolean {
    return this.#diskBytes === 0;
  }

  /** `memoryMibFree` counts what running machines have not touched yet as taken. */
  figures(): EngineCapacity {
    let promised = 0;
    for (const { memoryMib } of this.#options.occupants()) promised += memoryMib;
    return {
      memoryMibFree: Math.max(0, this.#freeMib(promised)),
      diskGibFree: Math.floor(this.#diskBytes / 1024 ** 3),
      vcpus: this.#processors,
    };
  }

  /**
   * True, or why not, in words for people. `promisedMemoryMib` is the memory of all instances that run or are about
   * to; what they have touched is no longer available anyway, so only the rest is subtracted.
   */
  admit(request: {
    readonly memoryMib: number;
    readonly diskGib: number;
    readonly promisedMemoryMib: number;
  }): true | string {
    const memory = this.#freeMib(request.promisedMemoryMib);
    if (request.memoryMib > memory) {
      return `Not enough memory on this machine: ${request.memoryMib} MiB wanted, ${Math.max(0, memory)} MiB free.`;
    }
    const disk = Math.floor(this.#diskBytes / 1024 ** 3);
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
    let promised = 0;
    for (const { memoryMib } of this.#options.occupants()) promised += memoryMib;
    const answer = this.admit({ memoryMib: spec.memoryMib, diskGib: 0, promisedMemoryMib: promised });
    if (answer !== true) throw new EngineError('InsufficientCapacity', answer);
  }

  #freeMib(promisedMib: number): number {
    return this.#availableMib - Math.max(0, promisedMib - this.#touchedMib) - MEMORY_RESERVE_MIB;
  }
}
