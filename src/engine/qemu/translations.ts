/**
 * Where no hardware runs the processors, QEMU keeps the code that it translates them to, and never gives that memory
 * back: after its start, a small Debian holds 140 MiB of it, of which it needs 10 from then on. QEMU forgets all of it
 * when a debugger's breakpoint stops the machine (`tb_flush` in `gdb_vm_state_change`, from 1.x to 10.x). Its memory,
 * which is a file without a name (`split-wx=on`), can be cut away from outside then, and comes back as it is needed.
 */

import { execFile } from 'node:child_process';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Gdb } from './gdb.ts';
import type { Qmp } from './qmp.ts';

const execute = promisify(execFile);

/** What is there when nothing is translated: how QEMU enters and leaves translated code. */
const KEPT_BYTES = 128 * 1024;
/** A processor that waits for an interrupt reaches the breakpoint after that. */
const BREAKPOINT_MS = 1_500;
const ANSWER_MS = 2_000;
const SOCKET = 'gdb.sock';

export interface TranslatingMachine {
  readonly qmp: Qmp;
  readonly pid: number;
  /** Absolute path of the folder with the machine's sockets. */
  readonly run: string;
  /** The same, as QEMU names it. */
  readonly relative: string;
}

/** Bytes of memory that a machine's translated code takes; 0 where nothing is translated. */
export async function translationBytes(pid: number): Promise<number> {
  const code = await codeFile(pid);
  const file = code === undefined ? undefined : await stat(code).catch(() => undefined);
  return file === undefined ? 0 : file.blocks * 512;
}

/**
 * Gives the memory of translated code back to the host. The machine stands still for some milliseconds.
 * @returns whether it was done: not when the processors did not come to the breakpoint soon
 * @throws Error when QEMU cannot be talked to; the machine runs, as far as it can be reached
 */
export async function releaseTranslations(machine: TranslatingMachine): Promise<boolean> {
  const { qmp, pid } = machine;
  const code = await codeFile(pid);
  const before = await translations(qmp);
  if (!code || !before) return false;
  return debugging(machine, async gdb => {
    // It has stopped.
    await gdb.receive(ANSWER_MS);
    const registers = await gdb.request('g', ANSWER_MS);
    const place = instructionPointer(registers);
    if ((await gdb.request(`Z0,${place},1`, ANSWER_MS)) !== 'OK') return false;
    const stopped = await gdb.request('c', BREAKPOINT_MS).catch(() => undefined);
    if (stopped === undefined) {
      gdb.interrupt();
      await gdb.receive(ANSWER_MS);
      return false;
    }
    // Cut only what QEMU has certainly forgotten.
    if (!(await forgotten(qmp, before.flushes))) return false;
    await cutAway(code);
    return true;
  });
}

/** A server was killed while it did this: the machine may stand still, or will at a breakpoint that is left. */
export async function releaseWasInterrupted({ run }: TranslatingMachine): Promise<boolean> {
  return stat(join(run, SOCKET)).then(
    () => true,
    () => false,
  );
}

/** Lets a machine go on that a killed server could not let go on, and forgets its breakpoints. */
export async function endInterruptedRelease(machine: TranslatingMachine): Promise<void> {
  await debugging(machine, async () => true);
}

/** The machine stands still meanwhile, unless `work` lets it go on; detaching removes all breakpoints. */
async function debugging(machine: TranslatingMachine, work: (gdb: Gdb) => Promise<boolean>): Promise<boolean> {
  const { qmp, relative } = machine;
  const folder = await open(machine.run);
  let gdb: Gdb | undefined;
  try {
    // One that was left behind takes the socket's name away when it ends.
    await command(qmp, 'gdbserver none');
    await rm(join(machine.run, SOCKET), { force: true });
    await command(qmp, `gdbserver unix:${relative}/${SOCKET},server=on,wait=off`);
    // A unix socket's address has 108 bytes only.
    gdb = await Gdb.connect(`/proc/self/fd/${folder.fd}/${SOCKET}`);
    return await work(gdb);
  } finally {
    const detached = await gdb?.detach(ANSWER_MS).then(
      () => true,
      () => false,
    );
    gdb?.close();
    await command(qmp, 'gdbserver none').catch(() => {});
    // Without it, the machine is debugged by nobody and must not stand still.
    if (gdb && !detached) await qmp.execute('cont').catch(() => {});
    await folder.close();
    await rm(join(machine.run, SOCKET), { force: true });
  }
}

/** The processors forget as soon as they learn that the machine has stopped. */
async function forgotten(qmp: Qmp, flushes: number): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const now = await translations(qmp);
    if (now && now.flushes > flushes && now.bytes <= KEPT_BYTES / 2) return true;
    await sleep(5);
  }
  return false;
}

async function translations(qmp: Qmp): Promise<{ bytes: number; flushes: number } | undefined> {
  const text = await command(qmp, 'info jit').catch(() => '');
  const bytes = /^gen code size\s+(\d+)\//m.exec(text)?.[1];
  const flushes = /^TB flush count\s+(\d+)/m.exec(text)?.[1];
  return bytes === undefined || flushes === undefined ? undefined : { bytes: Number(bytes), flushes: Number(flushes) };
}

async function command(qmp: Qmp, line: string): Promise<string> {
  return String(await qmp.execute('human-monitor-command', { 'command-line': line }));
}

/** RIP, the seventeenth register of x86-64, of eight bytes with the lowest first. */
function instructionPointer(registers: string): string {
  const bytes = registers.slice(16 * 16, 17 * 16).match(/../g) ?? [];
  return bytes.reverse().join('');
}

/** The mapping of the translated code, under which its file can be opened. */
async function codeFile(pid: number): Promise<string | undefined> {
  const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '');
  const range = /^([0-9a-f]+-[0-9a-f]+) \S+ 0+ .*\/memfd:tcg-jit/m.exec(maps)?.[1];
  return range === undefined ? undefined : `/proc/${pid}/map_files/${range}`;
}

async function cutAway(path: string): Promise<void> {
  const { size } = await stat(path);
  const range = ['--offset', String(KEPT_BYTES), '--length', String(size - KEPT_BYTES)];
  await execute('fallocate', ['--punch-hole', ...range, path]);
}
