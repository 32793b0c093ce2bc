import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildImage } from '../../../images/build.ts';
import { imageFile } from '../../../images/cache.ts';
import type { Engine } from '../../engine.ts';
import { createQemuEngine } from '../engine.ts';
import { findMachineProcesses } from '../process.ts';
import { readImageHeader } from '../qcow2.ts';
import { warmStamp } from './image.ts';
import { listWarmImages } from './store.ts';
import { fastMachine } from './warm.guest-spec.ts';

/*
 * What fast starts do when something goes wrong: a machine starts in any case, once, and nothing is left behind. The
 * AMI is `micro`; its guests wait for a network interface, which none gets here.
 */

const run = promisify(execFile);
const publicPool = '198.19.79.0/24';
const snapshotId = 'snap-00000001';

let dataDir: string;
let image: string;
let engine: Engine;
let logged: string[];
let count = 0;

async function openEngine(): Promise<void> {
  logged = [];
  engine = await createQemuEngine({ dataDir, publicPool, log: line => logged.push(line) });
  await engine.open({ machineChanged: () => {} }, { onListening: () => {}, onClosed: () => {} });
}

async function newMachine(): Promise<string> {
  const id = `i-${String(++count).padStart(17, '0')}`;
  await engine.disks.ensureSnapshotFromFile(snapshotId, image);
  await engine.disks.ensureVolume(id.replace('i-', 'vol-'), { sizeGib: 2, snapshotId });
  return id;
}

async function startNew(): Promise<string> {
  const id = await newMachine();
  await engine.machines.ensureRunning(fastMachine(id));
  expect((await engine.machines.status(id)).state).toBe('running');
  return id;
}

async function removeMachine(id: string): Promise<void> {
  await engine.machines.remove(id);
  await engine.disks.removeVolume(id.replace('i-', 'vol-'));
}

const pidOf = async (id: string) => (await findMachineProcesses(dataDir)).get(id)?.pid ?? 0;

/** Is this machine a copy of a frozen guest? Its QEMU says so, and so does the disk that its volume stands on. */
async function isCopy(id: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${await pidOf(id)}/cmdline`, 'utf8');
  const { backingFile } = await readImageHeader(join(dataDir, 'volumes', `${id.replace('i-', 'vol-')}.qcow2`));
  const copied = commandLine.includes('mem-path=warm/');
  expect(backingFile?.startsWith('../warm/')).toBe(copied);
  return copied;
}

async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 180_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms; the log says ${logged.join('\n')}`);
    await sleep(50);
  }
}

/** Frozen guests of the machines that most of the tests start. */
const warmIds = async () => (await listWarmImages(dataDir)).filter(kind => kind.memoryMib === 512).map(({ id }) => id);
const isWarm = () => until('a guest is frozen', async () => (await warmIds()).length > 0);

async function templatePids(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  const cwd = await Promise.all(pids.map(pid => realpath(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, n) => lines[n]?.includes('guest=i-w') && cwd[n] === dataDir).map(Number);
}

async function forgetWarm(): Promise<void> {
  for (const id of await warmIds()) await rm(join(dataDir, 'warm', id, 'warm.json'));
  // Any removal also removes what nothing needs any more.
  await engine.disks.removeVolume('vol-ffffffff');
}

/** Every process and file of fast starts belongs to something that is there. */
async function nothingIsLeft(): Promise<void> {
  await until('no guest is being frozen', async () => (await templatePids()).length === 0);
  await until('builds have ended', async () => (await readdir(join(dataDir, 'warm'))).every(name => name[0] !== '.'));
  const known = (await listWarmImages(dataDir)).map(({ id }) => id);
  const used = await Promise.all(
    (await readdir(join(dataDir, 'volumes'))).map(async name => {
      const { backingFile } = await readImageHeader(join(dataDir, 'volumes', name));
      return backingFile?.split('/')[2] ?? '';
    }),
  );
  for (const name of await readdir(join(dataDir, 'warm'))) expect([...known, ...used]).toContain(name);
  for (const name of await readdir(join(dataDir, 'machines'))) {
    expect(await readdir(join(dataDir, 'machines', name))).not.toContain('copy.json');
  }
}

/** A server of its own process, which starts machines until it is killed. */
function startServer(...ids: string[]): ChildProcess {
  const program = fileURLToPath(new URL('warm.guest-child.ts', import.meta.url));
  const argv = ['--disable-warning=ExperimentalWarning', program, dataDir, publicPool, ...ids];
  return spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
}

beforeAll(async () => {
  image = imageFile(await buildImage('micro'));
  dataDir = await realpath(await mkdtemp(join(tmpdir(), 'fogbank-fast-')));
  await openEngine();
}, 300_000);

afterAll(async () => {
  await engine.close();
  engine = await createQemuEngine({ dataDir, publicPool });
  await engine.destroy();
  expect(await findMachineProcesses(dataDir)).toEqual(new Map());
  expect(await templatePids()).toEqual([]);
  await rm(dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  for (const id of await engine.machines.list()) await removeMachine(id);
});

describe('fast starts', { timeout: 400_000 }, () => {
  test('the first machine boots, later ones continue from a frozen guest with an identity of their own', async () => {
    const first = await startNew();
    expect(await isCopy(first)).toBe(false);
    await isWarm();
    const second = await startNew();
    expect(await isCopy(second)).toBe(true);
    // Its console begins with the boot of the guest that it was copied from.
    const console = Buffer.from(await engine.machines.consoleOutput(second)).toString('latin1');
    expect(console).toContain('Linux version');
    expect(console).not.toContain('ec2-warm');
    await nothingIsLeft();
  });

  test('copies do not change what they share, though they give free memory back', async () => {
    await isWarm();
    const [warmId = ''] = await warmIds();
    const folder = join(dataDir, 'warm', warmId);
    const before = await warmStamp(folder);
    const ids = [await startNew(), await startNew(), await startNew()];
    await sleep(5_000);
    for (const id of ids) expect(await isCopy(id)).toBe(true);
    expect(await warmStamp(folder)).toBe(before);
  });

  test('a machine that is stopped boots: its memory is lost, its disk is not', async () => {
    await isWarm();
    const id = await startNew();
    await engine.machines.powerOff(id);
    const volume = join(dataDir, 'volumes', `${id.replace('i-', 'vol-')}.qcow2`);
    await run('qemu-io', ['-c', 'write -P 1 1536M 64k', volume]);
    await engine.machines.ensureRunning(fastMachine(id));
    const commandLine = await readFile(`/proc/${await pidOf(id)}/cmdline`, 'utf8');
    expect(commandLine).not.toContain('mem-path=warm/');
    await engine.machines.powerOff(id);
    const { stdout } = await run('qemu-io', ['-c', 'read -P 1 1536M 64k', volume]);
    expect(stdout).toContain('read 65536/65536');
  });

  test('machines that differ in what a guest sees boot', async () => {
    await isWarm();
    const id = await newMachine();
    await engine.machines.ensureRunning(fastMachine(id, { memoryMib: 640 }));
    expect(await isCopy(id)).toBe(false);
    const other = await newMachine();
    await engine.machines.ensureRunning(fastMachine(other, { fastStart: false }));
    expect(await isCopy(other)).toBe(false);
    await until('the other kind is frozen too', async () => (await listWarmImages(dataDir)).length === 2);
  });

  test('a frozen guest whose file was damaged is thrown away, and the machine boots', async () => {
    await isWarm();
    for (const warmId of await warmIds()) {
      const file = await open(join(dataDir, 'warm', warmId, 'ram'), 'r+');
      await file.write(Buffer.alloc(4096, 0xff), 0, 4096, 100 * 1024 * 1024);
      await file.close();
    }
    const before = await warmIds();
    const id = await startNew();
    expect(await isCopy(id)).toBe(false);
    await isWarm();
    const [after = ''] = await warmIds();
    expect(before).not.toContain(after);
  });

  test('a state that QEMU refuses lets the machine boot', async () => {
    await isWarm();
    await nothingIsLeft();
    // Damaged before it was described: the checksums are right.
    const [warmId = ''] = await warmIds();
    const folder = join(dataDir, 'warm', warmId);
    const state = await readFile(join(folder, 'state'));
    await writeFile(join(folder, 'state'), state.subarray(0, state.length / 2));
    const { digestAll, readManifest } = await import('./image.ts');
    const manifest = await readManifest(dataDir, warmId);
    await writeFile(join(folder, 'warm.json'), JSON.stringify({ ...manifest, digests: await digestAll(folder) }));
    const id = await startNew();
    expect(await isCopy(id)).toBe(false);
    expect(logged.join('\n')).toMatch(/boots, since it could not continue/);
    const second = await startNew();
    expect(await isCopy(second)).toBe(false);
    expect(await warmIds()).not.toContain(warmId);
  });

  test('a guest that dies while it is being frozen costs nothing but the fast starts', async () => {
    await forgetWarm();
    const id = await startNew();
    await until('a guest is being frozen', async () => (await templatePids()).length > 0);
    for (const pid of await templatePids()) process.kill(pid, 'SIGKILL');
    await until('that is noticed', async () => logged.some(line => /no prepared guest.*SIGKILL/.test(line)));
    expect((await engine.machines.status(id)).state).toBe('running');
    await startNew();
    await nothingIsLeft();
    await engine.close();
    await openEngine();
  });

  test('a disk that is full lets machines boot, and leaves no half of a frozen guest', async () => {
    await engine.close();
    await run('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0750', 'tmpfs', join(dataDir, 'warm')]);
    try {
      await openEngine();
      const id = await startNew();
      expect(await isCopy(id)).toBe(false);
      await until('the attempt has failed', async () => logged.some(line => line.startsWith('no prepared guest')));
      expect(await readdir(join(dataDir, 'warm'))).toEqual([]);
      await startNew();
      for (const machine of await engine.machines.list()) await removeMachine(machine);
    } finally {
      await engine.close();
      await run('umount', [join(dataDir, 'warm')]);
      await openEngine();
    }
  });

  test('servers that are killed while they freeze a guest leave nothing, and the next one freezes its own', async () => {
    for (let round = 0; round < 4; round++) {
      await forgetWarm();
      const id = await newMachine();
      await engine.close();
      const server = startServer(id);
      await new Promise(resolve => server.stdout?.once('data', resolve));
      await sleep(round * 1_500);
      server.kill('SIGKILL');
      await openEngine();
      expect((await engine.machines.status(id)).state).toBe('running');
      await until('what it left is gone', async () => (await templatePids()).length === 0);
      await removeMachine(id);
    }
    await startNew();
    await isWarm();
    await nothingIsLeft();
  });

  test('servers that are killed at any instant of a copy leave machines that run once, or never did', async () => {
    await startNew();
    await isWarm();
    const seen = { absent: 0, running: 0, stopped: 0 };
    const timing = await newMachine();
    await engine.close();
    const begin = performance.now();
    const undisturbed = startServer(timing);
    await new Promise(resolve => undisturbed.stdout?.once('data', resolve));
    const whole = performance.now() - begin;
    undisturbed.kill('SIGKILL');
    await openEngine();
    const rounds = 16;
    for (let round = 0; round < rounds; round++) {
      const id = await newMachine();
      await engine.close();
      const server = startServer(id);
      await sleep(whole * (0.3 + (1.2 * round) / rounds));
      server.kill('SIGKILL');
      await openEngine();
      const { state } = await engine.machines.status(id);
      seen[state]++;
      expect(state).not.toBe('stopped');
      await engine.machines.ensureRunning(fastMachine(id));
      expect(await isCopy(id)).toBe(true);
      expect([...(await findMachineProcesses(dataDir)).keys()].filter(key => key === id)).toEqual([id]);
      await nothingIsLeft();
      await removeMachine(id);
    }
    expect(seen.running).toBeGreaterThan(0);
    expect(seen.absent).toBeGreaterThan(0);
  });

  test('a copy whose QEMU is killed before it is whole boots', async () => {
    await isWarm();
    const id = await newMachine();
    const killer = (async () => {
      for (;;) {
        const pid = await pidOf(id);
        if (pid !== 0) return process.kill(pid, 'SIGKILL');
        await sleep(2);
      }
    })();
    await engine.machines.ensureRunning(fastMachine(id));
    await killer;
    // Whatever was killed: the copy before it was whole (then the machine booted), or the machine as it ran.
    const { state } = await engine.machines.status(id);
    if (state !== 'running') await engine.machines.ensureRunning(fastMachine(id));
    expect((await engine.machines.status(id)).state).toBe('running');
    const [warmId = ''] = await warmIds();
    expect((await stat(join(dataDir, 'warm', warmId, 'ram'))).size).toBe(512 * 1024 * 1024);
    await nothingIsLeft();
  });
});
