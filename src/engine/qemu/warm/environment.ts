import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { MachineSpec } from '../../engine.ts';
import type { Accelerator } from '../accelerator.ts';
import { commandLine } from '../command-line.ts';
import { findProgram, QEMU, qemuVersion } from '../tools.ts';

/** Raised when frozen guests of older versions of this code cannot be used any more. */
const FORMAT = 1;

/** Hash of what frozen guests depend on besides the machine itself: QEMU's build, the accelerator, with KVM the processor. */
export async function environmentOf(accelerator: Accelerator): Promise<string> {
  const program = await realpath((await findProgram(QEMU)) ?? QEMU);
  const { size, mtimeMs } = await stat(program);
  const processor = accelerator.name === 'kvm' ? cpus()[0]?.model : '';
  const facts = [FORMAT, await qemuVersion(), program, size, mtimeMs, accelerator.arguments, processor];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/** The machine that is frozen in place of `spec`: with its root disk alone, and no identity. */
export function templateOf(spec: MachineSpec, identity: { instanceId: string; uuid: string }): MachineSpec {
  const disks = spec.disks.filter(disk => disk.root).map(disk => ({ ...disk, volumeId: 'vol-00000000000000000' }));
  return { ...spec, ...identity, disks, nics: [] };
}

/** Hash of everything in which a machine must agree with a frozen guest to continue from it. */
export function warmKey(spec: MachineSpec, snapshot: string, accelerator: Accelerator, environment: string): string {
  const template = templateOf(spec, { instanceId: 'i-w', uuid: '' });
  const argv = commandLine(template, { accelerator, run: '', rootFile: '' });
  return createHash('sha256')
    .update(JSON.stringify([environment, snapshot, argv]))
    .digest('hex')
    .slice(0, 16);
}
