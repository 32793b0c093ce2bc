import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedImages, imageFile } from '../../images/cache.ts';
import type { Engine, MachineSpec } from '../engine.ts';
import { testGuestDisk } from './boot-sectors.ts';
import { createQemuEngine } from './engine.ts';
import { Gdb } from './gdb.ts';
import { findMachineProcesses } from './process.ts';
import { Qmp } from './qmp.ts';
import { releaseTranslations, translationBytes } from './translations.ts';

const publicPool = '198.19.79.0/24';
const metadata = { onListening: () => {}, onClosed: () => {} };
const mib = 1024 * 1024;

let dataDir: string;
let engine: Engine;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fogbank-translations-'));
  await openEngine();
});
afterEach(async () => {
  await engine.close();
  engine = await createQemuEngine({ dataDir, publicPool, accel: 'tcg' });
  await engine.destroy();
  await rm(dataDir, { recursive: true, force: true });
});

async function openEngine(): Promise<void> {
  engine = await createQemuEngine({ dataDir, publicPool, accel: 'tcg' });
  await engine.open({ machineChanged: () => {} }, metadata);
}

function machine(number: number, memoryMib: number): MachineSpec {
  const id = `0000000${number}`;
  return {
    instanceId: `i-${id}`,
    instanceType: 't3.nano',
    vcpus: 1,
    memoryMib,
    architecture: 'x86_64',
    uuid: `ec2f0000-0000-4000-8000-00000000000${number}`,
    bootMode: 'legacy-bios',
    disks: [{ volumeId: `vol-${id}`, device: '/dev/xvda', root: true }],
    nics: [],
  };
}

async function start(spec: MachineSpec, disk: string): Promise<void> {
  await engine.disks.ensureSnapshotFromFile('snap-00000001', disk);
  await engine.disks.ensureVolume(`vol-${spec.instanceId.slice(2)}`, { sizeGib: 2, snapshotId: 'snap-00000001' });
  await engine.machines.ensureRunning(spec);
}

async function consoleText(spec: MachineSpec): Promise<string> {
  return Buffer.from(await engine.machines.consoleOutput(spec.instanceId)).toString('latin1');
}

async function pidOf(spec: MachineSpec): Promise<number> {
  return (await findMachineProcesses(dataDir)).get(spec.instanceId)?.pid ?? 0;
}

/** Talks to a machine while no server does. */
async function aside<T>(spec: MachineSpec, work: (qmp: Qmp, run: string) => Promise<T>): Promise<T> {
  const run = join(dataDir, 'machines', spec.instanceId, 'run');
  const folder = await open(run);
  const qmp = await Qmp.connect(`/proc/self/fd/${folder.fd}/qmp.sock`);
  try {
    return await work(qmp, run);
  } finally {
    qmp.close();
    await folder.close();
  }
}

const state = (spec: MachineSpec) => aside(spec, qmp => qmp.execute('query-status'));
const relative = (spec: MachineSpec) => join('machines', spec.instanceId, 'run');

const micro = (await cachedImages()).find(image => image.family === 'micro');

test.runIf(micro)(
  'a running Linux gives the memory of its translated code back, again and again, and goes on',
  {
    timeout: 180_000,
  },
  async () => {
    const spec = machine(1, 256);
    await start(spec, micro ? imageFile(micro) : '');
    const pid = await pidOf(spec);
    let released = 0;
    for (let round = 1; round <= 2; round++) {
      await expect.poll(() => mounts(spec), { timeout: 120_000 }).toBe(round);
      await engine.close();
      // A boot translates tens of mebibytes; what a guest at rest translates anew in the meantime is far less.
      const before = await translationBytes(pid);
      expect(before).toBeGreaterThan(4 * mib);
      const done = await aside(spec, (qmp, run) => releaseTranslations({ qmp, pid, run, relative: relative(spec) }));
      if (done) {
        released++;
        expect(await translationBytes(pid)).toBeLessThan(before / 2);
        expect(await readdir(join(dataDir, relative(spec)))).not.toContain('gdb.sock');
      }
      await sleep(1_500);
      expect(await state(spec)).toMatchObject({ status: 'running' });
      expect(await translationBytes(pid)).toBeGreaterThan(mib / 4);
      await openEngine();
      // It translates anew what it runs: a whole boot.
      await engine.machines.reset(spec.instanceId);
    }
    expect(released).toBeGreaterThan(0);
    await expect.poll(() => mounts(spec), { timeout: 120_000 }).toBe(3);
  },
);

async function mounts(spec: MachineSpec): Promise<number> {
  return (await consoleText(spec)).split('EXT4-fs (vda1): mounted').length - 1;
}

/** Where a server may be killed while it gives translations back. */
const instants: [string, (gdb: Gdb, place: string) => Promise<unknown>][] = [
  ['stopped', async () => {}],
  ['stopped with a breakpoint', (gdb, place) => gdb.request(`Z0,${place},1`, 5_000)],
  [
    'running towards a breakpoint',
    async (gdb, place) => {
      expect(await gdb.request(`Z0,${place},1`, 5_000)).toBe('OK');
      await gdb.request('c', 100).catch(() => {});
    },
  ],
];

test.each(instants)('a machine that a killed server left %s goes on with the next one', async (_what, leave) => {
  const spec = machine(2, 64);
  const disk = join(dataDir, 'guest.raw');
  await writeFile(disk, testGuestDisk());
  await start(spec, disk);
  await expect.poll(() => consoleText(spec), { timeout: 30_000 }).toContain('test guest is up');
  await engine.close();
  await aside(spec, async (qmp, run) => {
    const line = `gdbserver unix:${relative(spec)}/gdb.sock,server=on,wait=off`;
    await qmp.execute('human-monitor-command', { 'command-line': line });
    const gdb = await Gdb.connect(join(run, 'gdb.sock'));
    await gdb.receive(5_000);
    const registers = await gdb.request('g', 5_000);
    await leave(gdb, (registers.slice(256, 272).match(/../g) ?? []).reverse().join(''));
    gdb.close();
  });
  await openEngine();
  await sleep(1_500);
  await engine.close();
  // No breakpoint stops it later either.
  for (let look = 0; look < 3; look++) {
    expect(await state(spec)).toMatchObject({ status: 'running' });
    await sleep(500);
  }
  expect(await readdir(join(dataDir, relative(spec)))).not.toContain('gdb.sock');
  await openEngine();
});

test('machines that are started together wait for their turn, and for the next server if there is one', {
  timeout: 180_000,
}, async () => {
  const disk = join(dataDir, 'guest.raw');
  await writeFile(disk, testGuestDisk());
  const count = Math.min(9, cpus().length + 2);
  const specs = Array.from({ length: count }, (_, index) => machine(index + 1, 64));
  for (const spec of specs) await start(spec, disk);
  const last = specs.at(-1);
  if (!last) return;
  expect(await engine.machines.status(last.instanceId)).toMatchObject({ state: 'running' });
  const waits = count === cpus().length + 2;
  if (waits) expect(await consoleText(last)).toBe('');
  await engine.close();
  await sleep(500);
  // The end of a server lets nobody run.
  if (waits) expect(await consoleText(last)).toBe('');
  await openEngine();
  for (const spec of specs)
    await expect.poll(() => consoleText(spec), { timeout: 60_000 }).toContain('test guest is up');
});
