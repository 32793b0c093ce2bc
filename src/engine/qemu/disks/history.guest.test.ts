/**
 * Histories of volumes and snapshots: random steps (writes, snapshots, growth, copies, deletions, encryption, attaching
 * and detaching, ends and kills of the machine and of the server in the middle of anything) beside a model of what every
 * sector of every volume and snapshot must hold. A history is repeated with `FOGBANK_SEED=n`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testGuestDisk } from '../boot-sectors.ts';
import { findMachineProcesses, kill } from '../process.ts';
import type { Command } from './history.guest-child.ts';

const run = promisify(execFile);
const STEPS = 700;
const SECTOR = 512;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BLOCK = 512 * 1024;
const instanceId = 'i-0000000000000d15c';
const root = 'vol-0000000000000d15c';

/** Where is written: at the beginning, and around each size that a volume may have. */
const windows: readonly (readonly [number, number])[] = [
  [0, 2 * MIB],
  ...[1, 2, 3].map(gib => [gib * GIB - MIB, gib * GIB + MIB] as const),
];
const blocks = windows.flatMap(([from, to]) =>
  Array.from({ length: (to - from) / BLOCK }, (_, index) => from / BLOCK + index),
);
const sectors = windows.reduce((sum, [from, to]) => sum + (to - from) / SECTOR, 0);

/** One byte for each sector of the windows: what all its bytes are. */
type Content = Uint8Array;

function indexOf(offset: number): number {
  let before = 0;
  for (const [from, to] of windows) {
    if (offset >= from && offset < to) return before + (offset - from) / SECTOR;
    before += (to - from) / SECTOR;
  }
  throw new Error(`offset ${offset} is in no window`);
}

interface Disk {
  readonly id: string;
  readonly key?: string;
  readonly content: Content;
  sizeGib: number;
}

/** xorshift32: the same history for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

let dataDir: string;
let child: ChildProcess | undefined;
let answers: AsyncIterator<string>;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fogbank-history-'));
});

afterAll(async () => {
  await killServer();
  // One that the server was just starting shows a moment later.
  await sleep(1_000);
  await killMachine();
  await rm(dataDir, { recursive: true, force: true });
});

async function startServer(): Promise<void> {
  const script = fileURLToPath(new URL('history.guest-child.ts', import.meta.url));
  child = spawn(process.execPath, [script, dataDir, instanceId], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('no output');
  answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = await answers.next();
  if (JSON.parse(value).ready !== true) throw new Error(`the server did not start: ${value}`);
}

async function killServer(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function killMachine(): Promise<void> {
  const id = (await findMachineProcesses(dataDir)).get(instanceId);
  if (id) await kill(id);
}

/** Undefined when the server was killed before it answered. @throws Error with the server's words */
async function ask(command: Command): Promise<{ result: unknown } | undefined> {
  child?.stdin?.write(`${JSON.stringify(command)}\n`);
  const { value, done } = await answers.next();
  if (done) return undefined;
  const answer = JSON.parse(value);
  if (answer.error !== undefined) throw new Error(`${command.op}: ${answer.error}`);
  return answer;
}

class History {
  readonly #random: (below: number) => number;
  readonly #volumes = new Map<string, Disk>();
  readonly #snapshots = new Map<string, Disk>();
  readonly #attached = new Set<string>();
  #running = false;
  #next = 1;
  readonly counts: Record<string, number> = {};

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  #chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  #pick<T>(values: Iterable<T>): T | undefined {
    const list = [...values];
    return list.length === 0 ? undefined : list[this.#random(list.length)];
  }

  #id(prefix: string): string {
    return `${prefix}-${(this.#next++).toString(16).padStart(17, '0')}`;
  }

  #key(): { key: string } | object {
    if (!this.#chance(30)) return {};
    return { key: Array.from({ length: 32 }, () => this.#random(256).toString(16).padStart(2, '0')).join('') };
  }

  /** Does it, whatever is killed meanwhile; every command can be given again. */
  async #do(command: Command): Promise<unknown> {
    this.counts[command.op] = (this.counts[command.op] ?? 0) + 1;
    const victim = this.#chance(12) ? (this.#chance(60) ? 'server' : 'machine') : undefined;
    const after = this.#random(80);
    if (victim !== undefined) this.counts[`kill ${victim}`] = (this.counts[`kill ${victim}`] ?? 0) + 1;
    const killing = victim && sleep(after).then(() => (victim === 'server' ? killServer() : killMachine()));
    const answer = await ask(command).catch(error => {
      if (victim !== 'machine') throw error;
      return undefined;
    });
    await killing;
    if (victim === 'server') await startServer();
    if (victim === 'machine') await this.#restartMachine();
    return answer ? answer.result : this.#again(command);
  }

  async #again(command: Command): Promise<unknown> {
    // A machine that runs, if it is one that needs it.
    const answer = await ask(command);
    if (!answer) throw new Error(`${command.op} was not answered`);
    return answer.result;
  }

  async #restartMachine(): Promise<void> {
    if (!this.#running) return;
    const deadline = Date.now() + 20_000;
    for (;;) {
      // Until the server has noticed the end, a start is no change.
      await ask({ op: 'start', root, volumes: this.#specified() }).catch(() => undefined);
      if ((await findMachineProcesses(dataDir)).has(instanceId)) return;
      if (Date.now() > deadline) throw new Error('the machine does not come back');
      await sleep(50);
    }
  }

  #specified(): { id: string; key?: string }[] {
    return [...this.#attached].map(id => keyed(this.#volume(id)));
  }

  #volume(id: string): Disk {
    const disk = this.#volumes.get(id);
    if (!disk) throw new Error(`no volume ${id}`);
    return disk;
  }

  async begin(): Promise<void> {
    const image = join(dataDir, 'boot.raw');
    await writeFile(image, testGuestDisk(), { mode: 0o644 });
    await startServer();
    await ask({ op: 'snapshotFromFile', id: 'snap-0000000000000d15c', file: image });
    await ask({ op: 'volume', volume: { id: root }, sizeGib: 1, snapshot: { id: 'snap-0000000000000d15c' } });
    for (let count = 0; count < 3; count++) await this.#createVolume();
    await this.#startMachine();
  }

  async step(): Promise<void> {
    const kind = this.#random(100);
    if (kind < 40) await this.#write();
    else if (kind < 52) await this.#cut();
    else if (kind < 57) await this.#grow();
    else if (kind < 64) await this.#createVolume();
    else if (kind < 70) await this.#copy();
    else if (kind < 78) await this.#removeSnapshot();
    else if (kind < 82) await this.#removeVolume();
    else if (kind < 90) await this.#moveVolume();
    else if (kind < 93) await (this.#running ? this.#stopMachine() : this.#startMachine());
    else await this.#lookAtSnapshot();
    if (!this.#running && this.#chance(50)) await this.#startMachine();
  }

  async #startMachine(): Promise<void> {
    this.#running = true;
    await this.#do({ op: 'start', root, volumes: this.#specified() });
  }

  async #stopMachine(): Promise<void> {
    this.#running = false;
    await this.#do({ op: 'stop' });
  }

  async #createVolume(): Promise<void> {
    if (this.#volumes.size >= 6) return;
    const snapshot = this.#chance(70) ? this.#pick(this.#snapshots.values()) : undefined;
    // Of the same key, another, or none.
    const key = snapshot?.key && this.#chance(50) ? { key: snapshot.key } : this.#key();
    const sizeGib = Math.max(snapshot?.sizeGib ?? 1, 1 + this.#random(2));
    const content = snapshot ? Uint8Array.from(snapshot.content) : new Uint8Array(sectors);
    const volume: Disk = { id: this.#id('vol'), ...key, content, sizeGib };
    await this.#do({
      op: 'volume',
      volume: keyed(volume),
      sizeGib,
      ...(snapshot ? { snapshot: keyed(snapshot) } : {}),
    });
    this.#volumes.set(volume.id, volume);
  }

  async #write(): Promise<void> {
    const id = this.#running ? this.#pick(this.#attached) : undefined;
    if (id === undefined) return;
    const volume = this.#volume(id);
    for (let count = 1 + this.#random(4); count > 0; count--) {
      const [from, to] = this.#pick(windows.filter(([start]) => start < volume.sizeGib * GIB)) ?? [0, MIB];
      const end = Math.min(to, volume.sizeGib * GIB);
      const offset = from + this.#random((end - from) / SECTOR) * SECTOR;
      const most = Math.min(end - offset, (1 + this.#random(this.#chance(20) ? 2048 : 40)) * SECTOR);
      const pattern = this.#chance(12) ? 0 : 1 + this.#random(255);
      const how = pattern === 0 ? '-z -u' : `-P ${pattern}`;
      await this.#do({ op: 'io', id, command: `write ${how} ${offset} ${most}` });
      volume.content.fill(pattern, indexOf(offset), indexOf(offset) + most / SECTOR);
    }
  }

  async #cut(): Promise<void> {
    const wanted = this.#chance(50) ? [...this.#attached] : [this.#pick(this.#volumes.keys()) ?? ''];
    const chosen = wanted.filter(id => this.#volumes.has(id));
    if (chosen.length === 0 || this.#snapshots.size > 14) return;
    const cuts = chosen.map(id => ({ snapshot: this.#id('snap'), volume: keyed(this.#volume(id)) }));
    await this.#do({ op: 'cut', cuts });
    for (const { snapshot, volume } of cuts) {
      const { key, content, sizeGib } = this.#volume(volume.id);
      this.#snapshots.set(snapshot, {
        id: snapshot,
        ...(key ? { key } : {}),
        content: Uint8Array.from(content),
        sizeGib,
      });
    }
  }

  async #grow(): Promise<void> {
    const volume = this.#pick(this.#volumes.values());
    if (!volume || volume.sizeGib >= 4) return;
    await this.#do({ op: 'grow', volume: keyed(volume), sizeGib: volume.sizeGib + 1 });
    volume.sizeGib += 1;
  }

  async #copy(): Promise<void> {
    const from = this.#pick(this.#snapshots.values());
    if (!from || this.#snapshots.size > 14) return;
    const key = this.#chance(50) && from.key ? { key: from.key } : this.#key();
    const to: Disk = { ...from, id: this.#id('snap'), content: Uint8Array.from(from.content) };
    const { key: _key, ...plain } = to;
    const copy = { ...plain, ...key };
    await this.#do({ op: 'copy', from: keyed(from), to: keyed(copy) });
    this.#snapshots.set(copy.id, copy);
  }

  async #removeSnapshot(): Promise<void> {
    const id = this.#pick(this.#snapshots.keys());
    if (id === undefined) return;
    await this.#do({ op: 'remove', id });
    this.#snapshots.delete(id);
  }

  async #removeVolume(): Promise<void> {
    const id = this.#pick([...this.#volumes.keys()].filter(one => !this.#attached.has(one)));
    if (id === undefined) return;
    await this.#do({ op: 'remove', id });
    this.#volumes.delete(id);
  }

  async #moveVolume(): Promise<void> {
    const free = this.#pick([...this.#volumes.keys()].filter(id => !this.#attached.has(id)));
    if (free !== undefined && this.#attached.size < 3 && this.#chance(60)) {
      this.#attached.add(free);
      await this.#do({ op: 'attach', volume: keyed(this.#volume(free)) });
      return;
    }
    const id = this.#pick(this.#attached);
    if (id === undefined) return;
    // The guest of one sector never lets go of anything, so only by force, or while the machine is off.
    this.#attached.delete(id);
    await this.#do({ op: 'detach', id, force: true });
    // It still holds the empty place, and would find no room for the volume again before its next start.
    await this.#do({ op: 'stop' });
    if (this.#running) await this.#do({ op: 'start', root, volumes: this.#specified() });
  }

  async #lookAtSnapshot(): Promise<void> {
    const snapshot = this.#pick(this.#snapshots.values());
    if (snapshot) await this.checkSnapshot(snapshot);
  }

  async checkSnapshot(snapshot: Disk): Promise<void> {
    const { allocated, data } = (await this.#do({ op: 'read', snapshot: keyed(snapshot), blocks })) as {
      allocated: number[];
      data: string[];
    };
    const differences = blocks.flatMap((block, index) => differ(snapshot.content, block, data[index] ?? ''));
    expect(differences, snapshot.id).toEqual([]);
    const known = new Set(blocks);
    expect(allocated.filter(block => !known.has(block), snapshot.id)).toEqual([]);
  }

  /** Reads every volume and snapshot from its file by qemu-io, without a word from the code under test. */
  async checkAll(): Promise<number> {
    if (this.#running) await this.#stopMachine();
    for (const snapshot of this.#snapshots.values()) await this.checkSnapshot(snapshot);
    // A snapshot of each volume is the volume.
    for (const volume of this.#volumes.values()) {
      const snapshot = this.#id('snap');
      await this.#do({ op: 'cut', cuts: [{ snapshot, volume: keyed(volume) }] });
      this.#snapshots.set(snapshot, { ...volume, id: snapshot, content: Uint8Array.from(volume.content) });
    }
    for (const snapshot of this.#snapshots.values()) {
      await this.checkSnapshot(snapshot);
      await checkFile(snapshot);
    }
    return this.#snapshots.size;
  }

  async removeAll(): Promise<void> {
    this.#attached.clear();
    for (const id of [...this.#volumes.keys(), root, ...this.#snapshots.keys(), 'snap-0000000000000d15c']) {
      await this.#do({ op: 'remove', id });
    }
  }
}

function keyed({ id, key }: { id: string; key?: string }): { id: string; key?: string } {
  return { id, ...(key ? { key } : {}) };
}

/** Sectors of a block that are not what they must be. */
function differ(content: Content, block: number, base64: string): string[] {
  const data = Buffer.from(base64, 'base64');
  const first = indexOf(block * BLOCK);
  const found: string[] = [];
  for (let sector = 0; sector < BLOCK / SECTOR; sector++) {
    const wanted = content[first + sector] ?? 0;
    const bytes = data.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    if (bytes.length !== SECTOR || !bytes.every(byte => byte === wanted)) {
      found.push(`block ${block} sector ${sector}: ${bytes[0]} for ${wanted}`);
    }
  }
  return found.slice(0, 3);
}

/** Compares an unencrypted snapshot's file with the model, run by run of equal sectors. */
async function checkFile({ id, key, content, sizeGib }: Disk): Promise<void> {
  if (key !== undefined) return;
  const commands: string[] = [];
  for (const [from, to] of windows) {
    const end = Math.min(to, sizeGib * GIB);
    let start = from;
    for (let offset = from + SECTOR; offset <= end; offset += SECTOR) {
      if (offset < end && content[indexOf(offset)] === content[indexOf(start)]) continue;
      commands.push('-c', `read -P ${content[indexOf(start)]} ${start} ${offset - start}`);
      start = offset;
    }
  }
  for (let at = 0; at < commands.length; at += 400) {
    const { stdout } = await run('qemu-io', [
      '-r',
      '-U',
      ...commands.slice(at, at + 400),
      join(dataDir, 'snapshots', `${id}.qcow2`),
    ]);
    expect(stdout).not.toMatch(/Pattern verification failed/);
  }
}

test(`${STEPS} random steps leave every sector as it must be`, async () => {
  const seed = Number(process.env.FOGBANK_SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const history = new History(seed);
  await history.begin();
  for (let step = 0; step < STEPS; step++) {
    await history.step().catch(error => {
      throw new Error(`step ${step} of the history of seed ${seed}: ${error.message}`, { cause: error });
    });
  }
  const checked = await history.checkAll();
  console.log(`${JSON.stringify(history.counts)}; ${checked} disks compared at the end`);
  await history.removeAll();
  // What was being merged meanwhile goes a moment later.
  const folders = ['volumes', 'snapshots'].map(name => join(dataDir, name));
  const left = async () => (await run('find', [...folders, '-type', 'f'])).stdout;
  for (let waited = 0; waited < 30_000 && (await left()) !== ''; waited += 100) await sleep(100);
  expect(await left()).toBe('');
});
