/**
 * Makes a warm image: boots a machine without an identity, waits until its guest says that it may be frozen, keeps its
 * memory, the state of its devices and its disk, and tries a copy of it once.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, type MachineSpec } from '../../engine.ts';
import type { Accelerator } from '../accelerator.ts';
import { commandLine } from '../command-line.ts';
import { readConsole } from '../console-log.ts';
import { launchQemu } from '../launch.ts';
import { WARM_CONSOLE, WARM_DISK, WARM_FOLDER, WARM_MANIFEST, WARM_RAM, WARM_STATE, warmFolder } from '../paths.ts';
import { kill, type ProcessId, waitForExit } from '../process.ts';
import { createEmptyQcow2, readImageHeader } from '../qcow2.ts';
import { isObject, Qmp } from '../qmp.ts';
import type { MachineUser } from '../user.ts';
import { templateOf } from './environment.ts';
import { dataExtents } from './extents.ts';
import { digestAll, type WarmManifest } from './image.ts';
import { receiveState } from './stream.ts';
import { findPlaces, formsOf, type Identity, type Place, templateIdentity } from './tokens.ts';

export interface BuildRequest {
  /** A machine of the kind that is to start fast. */
  readonly spec: MachineSpec;
  readonly key: string;
  readonly environment: string;
  /** File of the root disk's snapshot, relative to the data folder. */
  readonly snapshot: string;
}

export interface BuildContext {
  readonly dataDir: string;
  readonly user: MachineUser;
  readonly groups: readonly number[];
  readonly accelerator: Accelerator;
  readonly signal: AbortSignal;
  /** What is being done, and how much of all is done (0 to 1). */
  readonly onProgress: (line: string, fraction: number) => void;
}

/** Guests that know of this are ready within a minute; without hardware virtualization on a busy machine in a few. */
const READY_TIMEOUT_MS = { kvm: 120_000, tcg: 600_000 };
/** After the guest said that it is ready, for what it still has under way. */
const SETTLE_MS = 700;
/** Only what nobody else uses: somebody may be waiting for an instance that starts meanwhile. */
const NICENESS = 19;

const READY_LINE = /^ec2-warm: ready boot_id=([0-9a-f-]{36})(?: machine_id=([0-9a-f]{32}))?\s*$/m;

/** @throws EngineError `Failed` with the reason; nothing is left then. */
export async function buildWarmImage(request: BuildRequest, context: BuildContext): Promise<WarmManifest> {
  const id = `${request.key}${randomBytes(4).toString('hex')}`;
  const staging = join(WARM_FOLDER, `.new-${process.pid}-${id}`);
  const folder = join(context.dataDir, staging);
  try {
    const manifest = await new Build(request, context, id, staging).run();
    await rename(folder, join(context.dataDir, warmFolder(id)));
    return manifest;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (error instanceof EngineError) throw error;
    throw new EngineError('Failed', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

class Build {
  readonly #request: BuildRequest;
  readonly #context: BuildContext;
  readonly #id: string;
  /** Relative to the data folder, as QEMU sees it. */
  readonly #staging: string;
  readonly #folder: string;

  constructor(request: BuildRequest, context: BuildContext, id: string, staging: string) {
    this.#request = request;
    this.#context = context;
    this.#id = id;
    this.#staging = staging;
    this.#folder = join(context.dataDir, staging);
  }

  async run(): Promise<WarmManifest> {
    const { spec, key, environment, snapshot } = this.#request;
    const { onProgress } = this.#context;
    const began = Date.now();
    const diskBytes = await this.#prepare();
    const own = templateIdentity();
    onProgress('booting a guest without an identity', 0.05);
    const { identity, bootMs } = await this.#boot(templateOf(spec, own), own);
    onProgress('looking through its memory', 0.85);
    const places = await this.#search(identity);
    await this.#settle();
    onProgress('computing checksums', 0.95);
    const manifest: WarmManifest = {
      id: this.#id,
      key,
      environment,
      snapshot,
      instanceType: spec.instanceType,
      memoryMib: spec.memoryMib,
      diskBytes,
      createdAt: began,
      bootMs,
      identity,
      places,
      digests: await digestAll(this.#folder),
    };
    await writeFile(join(this.#folder, WARM_MANIFEST), JSON.stringify(manifest), { mode: 0o600, flush: true });
    return manifest;
  }

  async #prepare(): Promise<number> {
    const { dataDir, user } = this.#context;
    await mkdir(this.#folder, { mode: 0o700 });
    const { format, virtualBytes } = await readImageHeader(join(dataDir, this.#request.snapshot));
    const backing = { file: join('..', '..', this.#request.snapshot), format };
    await createEmptyQcow2(join(this.#folder, WARM_DISK), virtualBytes, backing);
    await writeFile(join(this.#folder, WARM_RAM), '', { mode: 0o600 });
    await truncate(join(this.#folder, WARM_RAM), this.#request.spec.memoryMib * 1024 * 1024);
    if (user.switchUser) {
      for (const name of ['.', WARM_DISK, WARM_RAM]) await chown(join(this.#folder, name), user.uid, user.gid);
    }
    return virtualBytes;
  }

  async #boot(
    template: MachineSpec,
    own: { instanceId: string; uuid: string },
  ): Promise<{ identity: Identity; bootMs: number }> {
    const { accelerator, dataDir, groups, user } = this.#context;
    const began = performance.now();
    const { process, exit } = await launchQemu({
      dataDir,
      user,
      groups,
      niceness: NICENESS,
      arguments: commandLine(template, {
        accelerator,
        run: this.#staging,
        rootFile: join(this.#staging, WARM_DISK),
        memory: { path: join(this.#staging, WARM_RAM), shared: true },
      }),
      logFile: join(this.#folder, 'qemu.log'),
    });
    let ended: string | undefined;
    exit.then(message => {
      ended = message;
    });
    if (!process) throw new EngineError('Failed', `QEMU did not start: ${await exit}`);
    try {
      const identity = await this.#ready(own, () => ended);
      const bootMs = Math.round(performance.now() - began);
      await this.#freeze(process);
      return { identity, bootMs };
    } finally {
      await kill(process);
    }
  }

  /** Waits for the guest's word. */
  async #ready(own: { instanceId: string; uuid: string }, ended: () => string | undefined): Promise<Identity> {
    const { accelerator, onProgress, signal } = this.#context;
    const timeout = READY_TIMEOUT_MS[accelerator.name];
    const deadline = Date.now() + timeout;
    for (let round = 0; ; round++) {
      signal.throwIfAborted();
      const text = Buffer.from(await readConsole(join(this.#folder, WARM_CONSOLE))).toString('latin1');
      const match = READY_LINE.exec(text);
      if (match) return { ...own, bootId: match[1] ?? '', ...(match[2] ? { machineId: match[2] } : {}) };
      const end = ended();
      if (end) throw new EngineError('Failed', `the guest ended before it was ready: ${end}`);
      if (Date.now() > deadline) {
        throw new EngineError('Failed', `the guest did not say within ${timeout / 1000} s that it may be frozen`);
      }
      const line = text.trimEnd().split('\n').at(-1)?.trim();
      if (round % 20 === 0 && line) onProgress(`booting: ${line.slice(0, 100)}`, 0.1);
      await sleep(50);
    }
  }

  async #freeze(process: ProcessId): Promise<void> {
    await sleep(SETTLE_MS, undefined, { signal: this.#context.signal });
    const folder = await open(this.#folder);
    let qmp: Qmp;
    try {
      qmp = await Qmp.connect(`/proc/self/fd/${folder.fd}/qmp.sock`);
    } finally {
      await folder.close();
    }
    try {
      await qmp.execute('stop');
      const folders = { run: this.#folder, relative: this.#staging };
      await receiveState(qmp, folders, this.#context.user, join(this.#folder, WARM_STATE));
      const status = await qmp.execute('query-status');
      if (isObject(status) && status.status === 'shutdown') throw new Error('the guest powered off');
      await qmp.execute('quit').catch(() => {});
      if (!(await waitForExit(process, 10_000))) throw new Error('QEMU did not end');
    } finally {
      qmp.close();
    }
  }

  async #search(identity: Identity): Promise<Place[]> {
    const path = join(this.#folder, WARM_RAM);
    const file = await open(path);
    try {
      const places = await findPlaces(file, await dataExtents(path), identity);
      // The kernel's copies of these must be there, or copies would share them.
      const found = new Set(places.map(place => place.form));
      const forms = formsOf(identity);
      const missing = [identity.instanceId, identity.uuid].find(
        text => !forms.some((form, index) => found.has(index) && form.toString('latin1') === text),
      );
      const bootId = Buffer.from(identity.bootId.replaceAll('-', ''), 'hex');
      if (missing ?? !forms.some((form, index) => found.has(index) && form.equals(bootId))) {
        throw new Error(`the guest's memory does not hold ${missing ?? 'its boot id'}`);
      }
      return places;
    } finally {
      await file.close();
    }
  }

  /** What copies need, readable by machines and written by nobody; all of it on the disk. */
  async #settle(): Promise<void> {
    const { user } = this.#context;
    const console = Buffer.from(await readConsole(join(this.#folder, WARM_CONSOLE), Number.MAX_SAFE_INTEGER));
    await rm(join(this.#folder, WARM_CONSOLE));
    await writeFile(join(this.#folder, WARM_CONSOLE), withoutReadyLine(console), { mode: 0o600 });
    for (const name of ['qmp.sock', 'serial.sock', 'vnc.sock', 'outgoing.sock', 'qemu.log']) {
      await rm(join(this.#folder, name), { force: true });
    }
    // QEMU opens the memory for writing, though it maps it privately.
    const modes = { '.': 0o750, [WARM_DISK]: 0o440, [WARM_RAM]: 0o660 };
    for (const [name, mode] of Object.entries(modes)) {
      const path = join(this.#folder, name);
      if (user.switchUser) await chown(path, 0, user.gid);
      await chmod(path, mode);
    }
    for (const name of [WARM_RAM, WARM_DISK, WARM_STATE]) {
      const file = await open(join(this.#folder, name));
      await file.sync();
      await file.close();
    }
  }
}

/** The guest's word to us is none of the user's business. */
function withoutReadyLine(console: Buffer): Buffer {
  return Buffer.from(console.toString('latin1').replace(new RegExp(`${READY_LINE.source}\n?`, 'm'), ''), 'latin1');
}
