import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, open, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cachedImages, imageFile } from '../../images/cache.ts';
import type { Engine, MachineSpec } from '../engine.ts';
import { testGuestDisk } from './boot-sectors.ts';
import { createQemuEngine } from './engine.ts';
import { findMachineProcesses } from './process.ts';
import { Qmp } from './qmp.ts';

const run = promisify(execFile);
const publicPool = '198.19.78.0/24';
const instanceId = 'i-0123456789abcdef0';
const metadata = { onListening: () => {}, onClosed: () => {} };

let parent: string;
let dataDir: string;
let engine: Engine;
let changes: string[];

function machine(id = instanceId, changes: Partial<MachineSpec> = {}): MachineSpec {
  return {
    instanceId: id,
    instanceType: 't3.nano',
    vcpus: 1,
    memoryMib: 64,
    architecture: 'x86_64',
    uuid: 'ec2f0000-0000-4000-8000-000000000001',
    bootMode: 'legacy-bios',
    disks: [{ volumeId: id.replace('i-', 'vol-'), device: '/dev/xvda', root: true }],
    nics: [],
    ...changes,
  };
}

async function openEngine(): Promise<void> {
  changes = [];
  engine = await createQemuEngine({ dataDir, publicPool });
  await engine.open({ machineChanged: id => changes.push(id) }, metadata);
}

async function makeDisk(id: string): Promise<void> {
  await engine.disks.ensureSnapshotFromFile('snap-00000001', join(parent, 'guest.raw'));
  await engine.disks.ensureVolume(id.replace('i-', 'vol-'), { sizeGib: 1, snapshotId: 'snap-00000001' });
}

async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(20);
  }
}

async function consoleText(id = instanceId): Promise<string> {
  return Buffer.from(await engine.machines.consoleOutput(id)).toString('latin1');
}

async function guestIsUp(id = instanceId): Promise<void> {
  await until('the guest is up', async () => (await consoleText(id)).includes('test guest is up'));
}

async function type(character: string): Promise<void> {
  const folder = await open(join(dataDir, 'machines', instanceId, 'run'));
  const socket = createConnection(`/proc/self/fd/${folder.fd}/serial.sock`);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(character, () => resolve());
  });
  await folder.close();
  await sleep(200);
  socket.destroy();
}

async function pidOf(id = instanceId): Promise<number> {
  return (await findMachineProcesses(dataDir)).get(id)?.pid ?? 0;
}

/** A server of its own process, which starts machines until it is killed. */
function startServer(ids: readonly string[]): ChildProcess {
  const program = fileURLToPath(new URL('machines.guest-child.ts', import.meta.url));
  return spawn(process.execPath, [program, dataDir, publicPool, ...ids], { stdio: ['ignore', 'pipe', 'inherit'] });
}

beforeEach(async () => {
  // Longer than the address of a unix socket may be, and below a folder that only root may enter.
  parent = await mkdtemp(join(tmpdir(), 'fogbank-machines-'));
  dataDir = join(parent, 'a-folder-with-a-long-name-'.repeat(6), 'data with, comma');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(join(parent, 'guest.raw'), testGuestDisk());
  await openEngine();
  await makeDisk(instanceId);
});

afterEach(async () => {
  await engine.close();
  engine = await createQemuEngine({ dataDir, publicPool });
  await engine.destroy();
  expect(await findMachineProcesses(dataDir)).toEqual(new Map());
  await rm(parent, { recursive: true, force: true });
});

describe('a machine', { timeout: 120_000 }, () => {
  test('runs without any right beyond its own files', async () => {
    await writeFile(join(dataDir, 'credentials.json'), 'secret', { mode: 0o600 });
    await engine.machines.ensureRunning(machine());
    const status = await readFile(`/proc/${await pidOf()}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1];
    const uid = Number(/^fogbank:[^:]*:(\d+)/m.exec(await readFile('/etc/passwd', 'utf8'))?.[1]);
    expect(field('Uid')).toBe([uid, uid, uid, uid].join('\t'));
    expect(field('Groups')).toBe('');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(Number(`0x${field(set)}`)).toBe(0);
    expect(field('NoNewPrivs')).toBe('1');
    expect(field('Seccomp')).toBe('2');
  });

  test('whose process dies is stopped by a crash, with the reason', async () => {
    await engine.machines.ensureRunning(machine());
    process.kill(await pidOf(), 'SIGKILL');
    await until('the crash is seen', async () => (await engine.machines.status(instanceId)).state === 'stopped');
    const status = await engine.machines.status(instanceId);
    expect(status).toMatchObject({ state: 'stopped', cause: 'crash', message: expect.stringMatching(/SIGKILL/) });
    expect(changes.length).toBeGreaterThan(1);
    await engine.machines.ensureRunning(machine());
    await guestIsUp();
  });

  test('whose guest reboots stays the same process', async () => {
    await engine.machines.ensureRunning(machine());
    await guestIsUp();
    const pid = await pidOf();
    await type('r');
    await until('the guest is up again', async () => (await consoleText()).split('test guest is up').length === 3);
    expect(await pidOf()).toBe(pid);
  });

  test('whose guest powers off by itself, with and without a server, is stopped by its guest', async () => {
    await engine.machines.ensureRunning(machine());
    await guestIsUp();
    await type('p');
    await until('the end is seen', async () => (await engine.machines.status(instanceId)).state === 'stopped');
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'stopped', cause: 'guest-shutdown' });
    await engine.machines.ensureRunning(machine());
    await guestIsUp();
    await engine.close();
    await type('p');
    await openEngine();
    await until('the end is seen', async () => (await engine.machines.status(instanceId)).state === 'stopped');
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'stopped', cause: 'guest-shutdown' });
    await engine.close();
    await openEngine();
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'stopped', cause: 'guest-shutdown' });
  });

  test('that died while there was no server is stopped by a crash', async () => {
    await engine.machines.ensureRunning(machine());
    const pid = await pidOf();
    await engine.close();
    process.kill(pid, 'SIGTERM');
    await until('the process is gone', async () => (await pidOf()) === 0);
    await openEngine();
    const status = await engine.machines.status(instanceId);
    expect(status).toMatchObject({ state: 'stopped', cause: 'crash', message: expect.stringMatching(/signal 15/) });
  });

  test('whose disk cannot grow waits until there is room, and loses nothing', async () => {
    const volumes = join(dataDir, 'volumes');
    await engine.disks.removeVolume('vol-0123456789abcdef0');
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0755', 'tmpfs', volumes]);
    try {
      await makeDisk(instanceId);
      await engine.machines.ensureRunning(machine());
      await guestIsUp();
      await writeFile(join(volumes, 'filler'), Buffer.alloc(1024 * 1024)).catch(() => {});
      await type('w');
      await sleep(1_000);
      expect(await consoleText()).not.toMatch(/write/);
      expect(await engine.machines.status(instanceId)).toMatchObject({ state: 'running' });
      await rm(join(volumes, 'filler'));
      await until('the guest has written', async () => (await consoleText()).includes('written'));
      await engine.machines.powerOff(instanceId);
    } finally {
      await run('umount', [volumes]);
    }
  });

  test('that needs too much is refused before anything is started', async () => {
    const large = { memoryMib: 64 * 1024 * 1024 };
    await expect(engine.machines.ensureRunning(machine(instanceId, large))).rejects.toMatchObject({
      code: 'InsufficientCapacity',
    });
    await expect(engine.machines.ensureRunning(machine(instanceId, { vcpus: 448 }))).rejects.toMatchObject({
      code: 'InsufficientCapacity',
    });
    expect(await pidOf()).toBe(0);
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'absent' });
    await expect(access(join(dataDir, 'machines', instanceId))).rejects.toThrow();
  });

  test('that QEMU refuses is absent, and the error says why', async () => {
    await engine.disks.removeVolume('vol-0123456789abcdef0');
    await expect(engine.machines.ensureRunning(machine())).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringMatching(/there is no volume vol-0123456789abcdef0/),
    });
    await makeDisk(instanceId);
    await truncate(join(dataDir, 'volumes/vol-0123456789abcdef0.qcow2'), 20);
    await expect(engine.machines.ensureRunning(machine())).rejects.toMatchObject({
      code: 'Failed',
      message: expect.stringMatching(/vol-0123456789abcdef0|qcow2|image/),
    });
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'absent' });
    await engine.disks.removeVolume('vol-0123456789abcdef0');
    await makeDisk(instanceId);
    await engine.machines.ensureRunning(machine());
  });

  test('boots by UEFI and keeps its variables over a stop', async () => {
    const uefi = machine(instanceId, { bootMode: 'uefi', memoryMib: 256 });
    await engine.machines.ensureRunning(uefi);
    await until('the firmware speaks', async () => /BdsDxe|UEFI|Shell/.test(await consoleText()), 60_000);
    await engine.machines.powerOff(instanceId);
    expect(await readdir(join(dataDir, 'machines', instanceId, 'run'))).toContain('uefi-variables.fd');
    await engine.machines.ensureRunning(uefi);
  });

  test('that hangs does not hold the server up, and can be ended', async () => {
    await engine.machines.ensureRunning(machine());
    const pid = await pidOf();
    await engine.close();
    process.kill(pid, 'SIGSTOP');
    const before = performance.now();
    await openEngine();
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(await engine.machines.status(instanceId)).toMatchObject({ state: 'running' });
    await engine.machines.powerOff(instanceId);
    expect(await engine.machines.status(instanceId)).toEqual({ state: 'stopped', cause: 'host-request' });
    expect(await pidOf()).toBe(0);
  });

  test('keeps running when its server is killed, and is found again', async () => {
    const server = startServer([instanceId]);
    await engine.close();
    await new Promise(resolve => server.stdout?.once('data', resolve));
    const pid = await pidOf();
    server.kill('SIGKILL');
    await openEngine();
    expect(await engine.machines.status(instanceId)).toMatchObject({ state: 'running' });
    expect(await pidOf()).toBe(pid);
    await guestIsUp();
    await engine.machines.pressPowerButton(instanceId);
    await until('the guest ends', async () => (await engine.machines.status(instanceId)).state === 'stopped');
  });
});

const micro = (await cachedImages()).find(image => image.family === 'micro');

test.runIf(micro)('Linux sees disks that come and go while it runs', { timeout: 180_000 }, async () => {
  const [first, second] = ['vol-00000001', 'vol-00000002'];
  await engine.disks.ensureSnapshotFromFile('snap-00000002', micro ? imageFile(micro) : '');
  await engine.disks.ensureVolume(first, { sizeGib: 2, snapshotId: 'snap-00000002' });
  await engine.disks.ensureVolume(second, { sizeGib: 1 });
  const disks = [{ volumeId: first, device: '/dev/xvda', root: true }];
  await engine.machines.ensureRunning(machine(instanceId, { memoryMib: 512, vcpus: 2, disks }));
  const shows = (pattern: RegExp) => until(String(pattern), async () => pattern.test(await consoleText()), 90_000);
  await shows(/EXT4-fs \(vda1\): mounted/);
  await engine.close();
  const folder = await open(join(dataDir, 'machines', instanceId, 'run'));
  const qmp = await Qmp.connect(`/proc/self/fd/${folder.fd}/qmp.sock`);
  const file = { driver: 'file', filename: `volumes/${second}.qcow2` };
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': 'second', file });
  await qmp.execute('device_add', {
    driver: 'virtio-blk-pci',
    id: 'second',
    drive: 'second',
    bus: 'slots',
    addr: '0x1f',
  });
  await shows(/\[vdb\] 2097152 512-byte/);
  const gone = new Promise<void>(resolve => {
    qmp.on('event', ({ event, data }) => event === 'DEVICE_DELETED' && data.device === 'second' && resolve());
  });
  await qmp.execute('device_del', { id: 'second' });
  await gone;
  await qmp.execute('blockdev-del', { 'node-name': 'second' });
  qmp.close();
  await folder.close();
  await openEngine();
});

test('a machine that a killed server began to start, seen too late, makes way', { timeout: 60_000 }, async () => {
  await engine.machines.ensureRunning(machine());
  const before = await pidOf();
  const program = await readlink(`/proc/${before}/exe`);
  const words = (await readFile(`/proc/${before}/cmdline`, 'utf8')).split('\0').slice(1, -1);
  await engine.machines.powerOff(instanceId);
  const late = spawn(program, words, { cwd: dataDir, stdio: 'ignore' });
  await until('it has the disk', async () => (await pidOf()) === late.pid);
  await sleep(1_000);
  const ended = once(late, 'exit');
  await engine.machines.ensureRunning(machine());
  await ended;
  await guestIsUp();
  expect(await pidOf()).not.toBe(late.pid);
});

test('servers that are killed at any instant of a start leave machines that run once, or never did', {
  timeout: 300_000,
}, async () => {
  const ids = ['i-00000001', 'i-00000002'];
  for (const id of ids) await makeDisk(id);
  const seen = { absent: 0, running: 0, stopped: 0 };
  await engine.close();
  const begin = performance.now();
  const undisturbed = startServer(ids);
  await new Promise(resolve => undisturbed.stdout?.once('data', resolve));
  const wholeStart = performance.now() - begin;
  undisturbed.kill('SIGKILL');
  await openEngine();
  const rounds = 15;
  for (let round = 0; round < rounds; round++) {
    for (const id of ids) await engine.machines.remove(id);
    expect(await readdir(join(dataDir, 'machines'))).toEqual([]);
    await engine.close();
    const server = startServer(ids);
    await sleep((wholeStart * (round + 3)) / rounds);
    server.kill('SIGKILL');
    await openEngine();
    for (const id of ids) {
      const { state } = await engine.machines.status(id);
      seen[state]++;
      expect(state).not.toBe('stopped');
      await engine.machines.ensureRunning(machine(id));
    }
    const processes = await findMachineProcesses(dataDir);
    expect([...processes.keys()].sort()).toEqual(ids);
  }
  expect(seen.running).toBeGreaterThan(0);
  expect(seen.absent).toBeGreaterThan(0);
});
