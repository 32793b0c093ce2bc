/**
 * Fast starts: which machine may continue from a frozen guest, and the making of frozen guests in the background.
 * A start never depends on it: where anything is missing or fails, the machine boots as always.
 */
import { cpus } from 'node:os';
import type { MachineSpec } from '../../engine.ts';
import type { Accelerator } from '../accelerator.ts';
import type { Occupant } from '../capacity.ts';
import { commandLine } from '../command-line.ts';
import type { QemuDisks } from '../disks.ts';
import { WARM_RAM, warmFolder } from '../paths.ts';
import { findTemplateProcesses, kill } from '../process.ts';
import { findProgram } from '../tools.ts';
import type { MachineUser } from '../user.ts';
import { buildWarmImage } from './build.ts';
import { environmentOf, warmKey } from './environment.ts';
import { PERL } from './guard.ts';
import type { WarmManifest } from './image.ts';
import { WarmStore } from './store.ts';

export interface WarmOptions {
  readonly dataDir: string;
  readonly user: MachineUser;
  readonly groups: readonly number[];
  readonly disks: QemuDisks;
  accelerator(): Promise<Accelerator>;
  /** Bytes that warm images may take. */
  readonly budgetBytes: number;
  /** @throws EngineError `InsufficientCapacity` when there is no memory for one more machine like this. */
  admit(spec: MachineSpec): void;
  readonly log: (line: string) => void;
}

/** How a machine is to start from a frozen guest. */
export interface WarmStart {
  readonly image: WarmManifest;
  readonly rootVolumeId: string;
  /** Bytes of the root disk. */
  readonly diskBytes: number;
  /** QEMU's arguments; it waits for the state in the run folder. */
  readonly arguments: string[];
  /** Probable descriptor of the shared memory in the new QEMU. */
  readonly descriptor: number;
}

/** After a failure a frozen guest is not tried again for so long. */
const RETRY_MS = 3_600_000;
/** Copies of one image that may fail before it is thrown away. */
const FAILURES = 2;
/** How soon a machine that waits for a frozen guest is looked at again. */
const LOOK_AGAIN_MS = 500;

export interface WarmCandidate {
  readonly key: string;
  readonly environment: string;
  readonly snapshot: string;
  readonly rootVolumeId: string;
  readonly diskBytes: number;
}

export class WarmStarts {
  readonly #options: WarmOptions;
  readonly #store: WarmStore;
  readonly #failed = new Map<string, number>();
  readonly #copyFailures = new Map<string, number>();
  /** Machines that boot while their frozen guest is being made. */
  readonly #booting = new Map<string, Set<string>>();
  readonly #stop = new AbortController();
  #building: { readonly key: string; readonly done: Promise<void> } | undefined;
  #descriptor = 13;
  #environment: Promise<string> | undefined;

  constructor(options: WarmOptions) {
    this.#options = options;
    this.#store = new WarmStore(options);
  }

  async open(): Promise<void> {
    for (const process of await findTemplateProcesses(this.#options.dataDir)) await kill(process);
    await this.#store.open(await this.#currentEnvironment());
  }

  /** Ends a build that is under way. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('Fogbank ends'));
    await this.#building?.done;
  }

  /** The QEMU of a guest that is being made. The guest's memory is a file, which the host can write out and forget. */
  occupants(): Occupant[] {
    return this.#building ? [{ memoryMib: 0, process: undefined }] : [];
  }

  /**
   * How to start a machine from a frozen guest; milliseconds after which to ask again, where it is worth waiting for
   * one; or undefined: boot it.
   */
  async plan(spec: MachineSpec): Promise<WarmStart | number | undefined> {
    const candidate = await this.candidate(spec);
    if (!candidate) return undefined;
    const image = await this.#store.find(candidate.key);
    if (image) {
      this.#booting.delete(candidate.key);
      const { rootVolumeId, diskBytes } = candidate;
      const argv = await this.#arguments(spec, image);
      return { image, rootVolumeId, diskBytes, arguments: argv, descriptor: this.#descriptor };
    }
    if (!this.#start(spec, candidate)) return undefined;
    // So many at once that booting them all would take longer than to wait for the frozen guest.
    const booting = this.#booting.get(candidate.key) ?? new Set();
    this.#booting.set(candidate.key, booting);
    if (!booting.has(spec.instanceId) && booting.size >= cpus().length) return LOOK_AGAIN_MS;
    booting.add(spec.instanceId);
    return undefined;
  }

  /** Key and disk of a machine that may start from a frozen guest: one that has never run, on an image that can. */
  async candidate(spec: MachineSpec): Promise<WarmCandidate | undefined> {
    const root = spec.disks.find(disk => disk.root);
    // Identities replace those of the frozen guest letter by letter.
    if (!spec.fastStart || !root || spec.bootMode !== 'legacy-bios' || spec.instanceId.length !== 19) return undefined;
    const origin = await this.#options.disks.origin(root.volumeId);
    if (!origin?.untouched || origin.snapshot === undefined || !(await findProgram(PERL))) return undefined;
    const environment = await this.#currentEnvironment();
    const { snapshot, virtualBytes: diskBytes } = origin;
    const key = warmKey(spec, snapshot, await this.#options.accelerator(), environment);
    return { key, environment, snapshot, rootVolumeId: root.volumeId, diskBytes };
  }

  /** A machine continues from this image. */
  async used(image: WarmManifest): Promise<void> {
    this.#copyFailures.delete(image.id);
    await this.#store.touch(image.id);
  }

  /** The descriptor of the shared memory turned out to be another one. */
  learnDescriptor(descriptor: number): void {
    this.#descriptor = descriptor;
  }

  async copyFailed(image: WarmManifest, reason: string): Promise<void> {
    const failures = (this.#copyFailures.get(image.id) ?? 0) + 1;
    this.#copyFailures.set(image.id, failures);
    if (failures >= FAILURES) await this.#store.retire(image.id, `copies of it fail (${reason})`);
  }

  async #arguments(spec: MachineSpec, image: WarmManifest): Promise<string[]> {
    const alone = { ...spec, nics: [], disks: spec.disks.filter(disk => disk.root) };
    return commandLine(alone, {
      accelerator: await this.#options.accelerator(),
      memory: { path: `${warmFolder(image.id)}/${WARM_RAM}`, shared: false },
      incoming: true,
    });
  }

  #currentEnvironment(): Promise<string> {
    this.#environment ??= this.#options.accelerator().then(environmentOf);
    this.#environment.catch(() => {
      this.#environment = undefined;
    });
    return this.#environment;
  }

  /** True when a frozen guest for `candidate` is being made; one at a time. */
  #start(spec: MachineSpec, candidate: WarmCandidate): boolean {
    const { key } = candidate;
    if (this.#building) return this.#building.key === key;
    if (this.#stop.signal.aborted || (this.#failed.get(key) ?? 0) > Date.now() - RETRY_MS) return false;
    try {
      this.#options.admit(spec);
    } catch {
      // No memory for a machine that nobody has asked for.
      return false;
    }
    const done = this.#build(spec, candidate).finally(() => {
      this.#building = undefined;
      this.#booting.delete(key);
    });
    this.#building = { key, done };
    return true;
  }

  async #build(spec: MachineSpec, candidate: WarmCandidate): Promise<void> {
    const { log, dataDir, user, groups, accelerator } = this.#options;
    log(`a guest of ${spec.instanceType} is prepared, from which later launches continue`);
    try {
      const { key, environment, snapshot } = candidate;
      const image = await buildWarmImage(
        { spec, key, environment, snapshot },
        { dataDir, user, groups, accelerator: await accelerator(), signal: this.#stop.signal, onProgress: () => {} },
      );
      log(`launches like ${spec.instanceId} (${spec.instanceType}) continue from the prepared guest ${image.id} now`);
      await this.#store.trim();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed.set(candidate.key, Date.now());
      log(`no prepared guest for ${spec.instanceType}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
