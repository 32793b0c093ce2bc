/**
 * One machine. All requests and all that QEMU reports go through one queue, and `machineRules` alone says what is legal when:
 *
 *            start                      QMP: running
 *   absent ─────────▶ (being started) ───────────────▶ running ◀─┐ reset, power button
 *     ▲ ▲                   │ QEMU gives up               │ └────┘
 *     │ └───────────────────┘                             │ power off · the guest powers off · QEMU dies
 *     │                  remove                  start    ▼
 *     └────────────────────────────────────────◀───── stopped
 *
 * What must survive the server is in the machine's records: the cause of an end is written before the end, and a
 * guest that powers off leaves QEMU paused (`-no-shutdown`) until somebody has taken note of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DiskKey, EngineError, type MachineSpec, type MachineStatus, type Screen } from '../engine.ts';
import { type Beginning, copy, discardCopy, resume } from './beginnings.ts';
import { Calmness } from './calmness.ts';
import { ComingUp } from './coming-up.ts';
import { endSignal, memoryPlace, saveToRoot } from './hibernation.ts';
import { limitDisks } from './hot-plug-disks.ts';
import { launchQemu } from './launch.ts';
import { keysOf, type MachineContext, type StartDisks } from './machine-context.ts';
import { MachineDisks } from './machine-disks.ts';
import { MachineFolder } from './machine-folder.ts';
import { type MachineRequest, machineRules } from './machine-requests.ts';
import { vpcNamespace } from './names.ts';
import { runFolder } from './paths.ts';
import { beNice, endLateStart, isAlive, kill, type ProcessId, startedAt, waitForExit } from './process.ts';
import { isObject, type Qmp, type QmpEvent } from './qmp.ts';
import type { ExitRecord } from './records.ts';
import { isImageInUse, startFailure } from './start-failure.ts';
import {
  endInterruptedRelease,
  releaseTranslations,
  releaseWasInterrupted,
  type TranslatingMachine,
  translationBytes,
} from './translations.ts';

const START_TIMEOUT_MS = 120_000;
/** The server and the next start come first. Where machines have control groups, those share the processors out. */
const GUEST_NICENESS = 10;
/** Less translated code than this is not worth a pause. */
const RELEASED_BYTES = 24 * 1024 * 1024;
/** QEMU writes its caches out before it ends. */
const QUIT_TIMEOUT_MS = 10_000;

export class Machine {
  readonly instanceId: string;
  readonly disks: MachineDisks;
  readonly #context: MachineContext;
  readonly #folder: MachineFolder;
  #status: MachineStatus = { state: 'absent' };
  #spec: MachineSpec | undefined;
  #process: ProcessId | undefined;
  #qmp: Qmp | undefined;
  /** Tells how QEMU ended; undefined when an earlier server started it, since only a parent is told. */
  #exit: Promise<string> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #starting = false;
  readonly #comingUp: ComingUp;
  #calmness = new Calmness();
  #stalled = false;
  #released = false;

  constructor(instanceId: string, context: MachineContext) {
    this.instanceId = instanceId;
    this.#context = context;
    this.#folder = new MachineFolder(context.dataDir, instanceId);
    this.#comingUp = new ComingUp(context.turns);
    this.disks = new MachineDisks({
      ask: (request, work) => this.ask(request, work),
      remember: spec => {
        this.#spec = spec;
        return this.#folder.records.write('spec.json', spec);
      },
    });
  }

  get status(): MachineStatus {
    return this.#status;
  }

  /** Whether it was ever given that volume, and runs: QEMU knows whether it still has it. */
  mayHave(volumeId: string): boolean {
    return this.#process !== undefined && (this.#spec?.disks ?? []).some(disk => disk.volumeId === volumeId);
  }

  /** What this machine is entitled to, and the process that uses it: undefined when it neither runs nor starts. */
  get occupied(): { readonly memoryMib: number; readonly process: ProcessId | undefined } | undefined {
    if (!this.#spec || (this.#status.state !== 'running' && !this.#starting)) return undefined;
    return { memoryMib: this.#spec.memoryMib, process: this.#process };
  }

  /** @returns milliseconds after which to ask again, when the start waits for something. */
  start(spec: MachineSpec, disks: StartDisks): Promise<number | undefined> {
    return this.#request('start', () => this.#start(spec, disks));
  }

  pressPowerButton(): Promise<void> {
    return this.#request('powerButton', async () => {
      // Nobody would hear the button.
      if (this.#comingUp.neverRan) return this.#end({ cause: 'host-request' });
      await this.#run();
      await (await this.#connection()).execute('system_powerdown');
    });
  }

  hibernate(): Promise<void> {
    return this.#request('hibernate', () => this.#hibernate());
  }

  powerOff(message?: string): Promise<void> {
    return this.#request('powerOff', () => this.#end({ cause: 'host-request', ...(message ? { message } : {}) }));
  }

  reset(): Promise<void> {
    return this.#request('reset', async () => void (await (await this.#connection()).execute('system_reset')));
  }

  /**
   * Does something with a machine that runs, and answers the result; undefined when there is nothing to do.
   * @throws EngineError
   */
  ask<T>(request: MachineRequest, work: (qmp: Qmp, spec: MachineSpec) => Promise<T>): Promise<T | undefined> {
    return this.#request(request, async () =>
      this.#spec ? await work(await this.#connection(), this.#spec) : undefined,
    );
  }

  async screenshot(): Promise<Screen> {
    const screen = await this.ask('screenshot', qmp => this.#folder.screenshot(qmp));
    if (!screen) throw new EngineError('Failed', 'QEMU wrote no picture of the screen');
    return screen;
  }

  /** Ends the machine and forgets it, with all its files. */
  remove(): Promise<void> {
    return this.#request('remove', async () => {
      if (this.#process) await this.#end({ cause: 'host-request' });
      await this.#folder.remove();
      this.#status = { state: 'absent' };
      this.#spec = undefined;
    });
  }

  consoleOutput(): Promise<Uint8Array> {
    return this.#folder.console();
  }

  /**
   * Finds the machine as an earlier server left it; `process` is its QEMU, if one lives. Talking to that one goes on
   * in the background: a QEMU that hangs must not hold the server's start up.
   */
  adopt(process: ProcessId | undefined): Promise<void> {
    return this.#enqueue(async () => {
      const { records } = this.#folder;
      const [spec, started, exit, copy, resume, hibernated] = await Promise.all([
        records.read('spec.json'),
        records.read('process.json'),
        records.read('exit.json'),
        records.read('copy.json'),
        records.read('resume.json'),
        records.read('hibernated.json'),
      ]);
      this.#spec = spec;
      if (copy) {
        // It was not whole yet, and nobody was told that it runs.
        if (process) await kill(process);
        await this.#abandon();
        await discardCopy({ context: this.#context, folder: this.#folder }, copy.rootVolumeId);
      } else if (resume && hibernated) {
        if (process) await kill(process);
        await records.delete('process.json');
        await records.delete('resume.json');
        this.#status = { state: 'stopped', cause: 'host-request', hibernated: true };
      } else if (process) {
        this.#process = process;
        this.#status = { state: 'running', since: await startedAt(process) };
        // The earlier server may have been killed right after it started QEMU,
        if (spec && !started) await this.#register(process, spec);
        // or between the decision to end it and the deed.
        const next = () => (exit ? this.#end(exit) : this.#goOn());
        this.#enqueue(next).catch(error => this.#complain(error));
      } else if (exit) {
        this.#status = { state: 'stopped', ...exit, ...(hibernated ? { hibernated: true } : {}) };
      } else if (started) {
        const message = 'the machine ended while Fogbank was not watching';
        await this.#ended({ cause: 'crash', message: (await this.#folder.lastWords()) ?? message });
      }
    });
  }

  /** Called every few seconds: what no event tells. */
  async tend(diskIsFull: boolean): Promise<void> {
    if (this.#status.state !== 'running') return;
    await this.#folder.trimConsole().catch(() => {});
    if (this.#stalled && !diskIsFull) {
      this.#stalled = false;
      await this.#qmp?.execute('cont').catch(() => {});
    }
    if (!this.#qmp) await this.#enqueue(() => this.#reconnect());
    const process = this.#process;
    if (process && !this.#comingUp.underWay && (await this.#calmness.cameToRest(process)))
      await this.#enqueue(() => this.#releaseTranslations(process));
  }

  /** Lets go of the machine, which goes on. Requests that are under way are finished first. */
  async release(): Promise<void> {
    this.#released = true;
    await this.#queue;
    this.#qmp?.close();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #request<T>(request: MachineRequest, work: () => Promise<T>): Promise<T | undefined> {
    return this.#enqueue(async () => {
      const rule = machineRules[request][this.#status.state];
      if (rule === 'refuse') throw new EngineError('Invalid', `the machine ${this.instanceId} is not running`);
      if (rule !== 'do') return undefined;
      try {
        return await work();
      } catch (error) {
        if (error instanceof EngineError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new EngineError('Failed', `${this.instanceId}: ${reason}`, { cause: error });
      }
    });
  }

  async #start(spec: MachineSpec, disks: StartDisks): Promise<number | undefined> {
    const argv = await this.#context.arguments(spec, disks);
    this.#context.admit(spec);
    this.#starting = true;
    this.#spec = spec;
    try {
      const warm = await this.#context.warm?.plan(spec);
      if (typeof warm === 'number') return warm;
      await this.#folder.prepare(spec, this.#context.user);
      await this.#context.prepare(spec, this.#folder.run);
      this.#comingUp.begin();
      const beginning = this.#beginning(spec, disks);
      if (await resume(beginning, argv)) this.#comingUp.runs();
      else if (!(warm && (await copy(beginning, warm, !this.#comingUp.waits)))) {
        await beginning.launch(this.#comingUp.waits ? [...argv, '-S'] : argv);
        await beginning.runs();
      }
      if (this.#qmp) await limitDisks(this.#qmp, spec);
      this.#follow();
    } catch (error) {
      this.#comingUp.end();
      throw error;
    } finally {
      this.#starting = false;
    }
    this.#context.changed(this.instanceId);
    return undefined;
  }

  #beginning(spec: MachineSpec, disks: StartDisks): Beginning {
    return {
      context: this.#context,
      folder: this.#folder,
      spec,
      disks,
      launch: (argv, guard) => this.#launch(spec, argv, guard, guard === undefined ? keysOf(disks) : []),
      connection: () => this.#connection(),
      runs: () => this.#runs(),
      abandon: () => this.#abandon(),
      complain: error => this.#complain(error),
    };
  }

  /** Lets the guest run when its turn has come, and the next one when it has come up. */
  #follow(): void {
    const process = this.#process;
    if (!process) return;
    const still = (work: () => Promise<void>) => () =>
      this.#enqueue(async () => {
        if (this.#process === process && !this.#released) await work();
      });
    const run = still(() => this.#run());
    const rest = still(() => this.#releaseTranslations(process));
    this.#comingUp.follow(process, run, rest).catch(error => this.#complain(error));
  }

  /** Lets the guest run, if it waits. */
  async #run(): Promise<void> {
    if (!this.#comingUp.waits) return;
    await (await this.#connection()).execute('cont');
    this.#comingUp.runs();
  }

  /** A machine of an earlier server, which may have left it before it ran, or while it was being looked into. */
  async #goOn(): Promise<void> {
    await this.#reconnect();
    const process = this.#process;
    if (!this.#qmp || !process) return;
    const translating = this.#translating(this.#qmp, process);
    if (await releaseWasInterrupted(translating)) return endInterruptedRelease(translating);
    const state = await this.#state();
    if (state !== 'prelaunch' && state !== 'paused') return;
    this.#comingUp.beginAgain();
    this.#follow();
  }

  async #releaseTranslations(process: ProcessId): Promise<void> {
    const qmp = this.#qmp;
    if (this.#process !== process || !qmp || this.#status.state !== 'running' || this.#stalled) return;
    if ((await translationBytes(process.pid)) < RELEASED_BYTES) return;
    await releaseTranslations(this.#translating(qmp, process));
  }

  #translating(qmp: Qmp, process: ProcessId): TranslatingMachine {
    return { qmp, pid: process.pid, run: this.#folder.run, relative: runFolder(this.instanceId) };
  }

  async #hibernate(): Promise<void> {
    const spec = this.#spec;
    const qmp = await this.#connection();
    const rootVolumeId = spec?.disks.find(disk => disk.root)?.volumeId;
    if (!spec || !rootVolumeId) throw new EngineError('Failed', 'the machine has no root disk');
    await endSignal(qmp);
    await qmp.execute('stop');
    try {
      await saveToRoot(qmp, rootVolumeId, memoryPlace(spec, this.#folder.run, this.#context.user));
    } catch (error) {
      await qmp.execute('cont').catch(() => {});
      throw error;
    }
    await this.#folder.records.write('hibernated.json', { rootVolumeId });
    await this.#end({ cause: 'host-request' });
    this.#status = { state: 'stopped', cause: 'host-request', hibernated: true };
  }

  /** Starts QEMU and connects to it. @throws EngineError when it does not come up; nothing is left of it then. */
  async #launch(
    spec: MachineSpec,
    argv: string[],
    guard: number | undefined,
    keys: readonly DiskKey[],
    again = false,
  ): Promise<ProcessId> {
    const [nic] = spec.nics;
    const { process, exit } = await launchQemu({
      dataDir: this.#context.dataDir,
      ...(nic ? { namespace: vpcNamespace(nic.vpcId) } : {}),
      user: this.#context.user,
      groups: this.#context.groups,
      arguments: argv,
      keys,
      ...(guard === undefined ? {} : { guard }),
      logFile: this.#folder.logFile,
    });
    let exited: string | undefined;
    exit.then(message => {
      exited = message;
    });
    this.#exit = exit;
    this.#process = process;
    if (process) await this.#register(process, spec);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (exited === undefined && !this.#qmp) {
      await sleep(5);
      if (Date.now() > deadline) break;
      this.#qmp = await this.#connect().catch(() => undefined);
    }
    if (!this.#qmp || !process) {
      await this.#abandon();
      const reason = (await this.#folder.lastWords()) ?? exited ?? 'QEMU did not answer in time';
      if (!again && isImageInUse(reason) && (await endLateStart(this.#context.dataDir, this.instanceId)))
        return this.#launch(spec, argv, guard, keys, true);
      throw startFailure(reason);
    }
    await beNice(process, GUEST_NICENESS);
    return process;
  }

  async #runs(): Promise<void> {
    if (!this.#process) return;
    this.#status = { state: 'running', since: await startedAt(this.#process) };
    await this.#look();
  }

  /** Ends a QEMU that has not become a machine: it is as if it had never been. */
  async #abandon(): Promise<void> {
    const qmp = this.#qmp;
    const process = this.#process;
    this.#qmp = undefined;
    this.#process = undefined;
    qmp?.close();
    if (process) await kill(process);
    await this.#folder.records.delete('process.json');
    await this.#context.cgroups.remove(this.instanceId);
    this.#status = { state: 'absent' };
  }

  /** From here on it is known that the machine ran. */
  async #register(process: ProcessId, spec: MachineSpec): Promise<void> {
    await this.#folder.records.write('process.json', process);
    await this.#context.cgroups
      .add(this.instanceId, process.pid, spec)
      .catch(error => this.#context.log(`${this.instanceId}: no control group: ${error}`));
  }

  async #connect(): Promise<Qmp> {
    const qmp = await this.#folder.connect();
    qmp.on('event', event => this.#event(event));
    qmp.on('close', () => {
      if (this.#qmp !== qmp) return;
      this.#qmp = undefined;
      if (!this.#released) this.#enqueue(() => this.#disconnected()).catch(error => this.#complain(error));
    });
    return qmp;
  }

  async #connection(): Promise<Qmp> {
    if (!this.#qmp) await this.#reconnect();
    if (!this.#qmp) throw new EngineError('Failed', `QEMU of ${this.instanceId} does not answer`);
    return this.#qmp;
  }

  async #reconnect(): Promise<void> {
    if (this.#qmp || !this.#process || this.#released) return;
    this.#qmp = await this.#connect().catch(() => undefined);
    if (this.#qmp) await this.#look();
    else await this.#disconnected();
  }

  /** QMP has gone: either QEMU is dead, or only the connection is (then `tend` opens it again). */
  async #disconnected(): Promise<void> {
    if (!this.#process || !(await waitForExit(this.#process, 2_000))) return;
    // The news of a child's end comes a moment after the end itself.
    const exit = await Promise.race([this.#exit, sleep(1_000, undefined)]);
    const message = (await this.#folder.lastWords()) ?? exit ?? 'QEMU ended unexpectedly';
    await this.#ended({ cause: 'crash', message });
  }

  #event(event: QmpEvent): void {
    if (event.event === 'BLOCK_IO_ERROR' && event.data.action === 'stop') {
      this.#stalled = true;
      this.#context.log(`${this.instanceId} is paused: a disk cannot be written (${String(event.data.reason)})`);
    } else if (event.event === 'SHUTDOWN' || event.event === 'STOP') {
      this.#enqueue(() => this.#look()).catch(error => this.#complain(error));
    }
  }

  /** Acts on what QEMU says of the machine. https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#enum-RunState */
  async #look(): Promise<void> {
    if (!this.#qmp || !this.#process) return;
    const state = await this.#state();
    if (state === 'shutdown') await this.#end({ cause: 'guest-shutdown' });
    else if (state === 'guest-panicked') await this.#end({ cause: 'crash', message: 'the guest panicked' });
    else if (state === 'internal-error')
      await this.#end({ cause: 'crash', message: 'the processor stopped (internal error)' });
    else if (state === 'io-error') this.#stalled = true;
  }

  async #state(): Promise<unknown> {
    const answer = await this.#qmp?.execute('query-status').catch(() => undefined);
    return isObject(answer) ? answer.status : undefined;
  }

  async #end(exit: ExitRecord): Promise<void> {
    const process = this.#process;
    if (!process) return;
    await this.#folder.records.write('exit.json', exit);
    const qmp = this.#qmp ?? (await this.#connect().catch(() => undefined));
    this.#qmp = undefined;
    await qmp?.execute('quit').catch(() => {});
    if (!qmp || !(await waitForExit(process, QUIT_TIMEOUT_MS))) await kill(process);
    qmp?.close();
    await this.#ended(exit);
  }

  async #ended(exit: ExitRecord): Promise<void> {
    if (this.#process && (await isAlive(this.#process))) await kill(this.#process);
    await this.#folder.records.write('exit.json', exit);
    await this.#context.cgroups.remove(this.instanceId);
    this.#qmp?.close();
    this.#qmp = undefined;
    this.#process = undefined;
    this.#stalled = false;
    this.#calmness = new Calmness();
    this.#comingUp.end();
    this.#status = { state: 'stopped', ...exit };
    this.#context.changed(this.instanceId);
  }

  #complain(error: unknown): void {
    this.#context.log(`${this.instanceId}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
