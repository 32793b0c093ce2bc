/**
 * The memory of a hibernated machine whose root disk is encrypted. QEMU (7.2) ends with a failed assertion when it writes
 * the state of a machine into an encrypted qcow2 image, so the memory gets a file in the machine's folder: a qcow2 image
 * that knows of no encryption, inside LUKS under the root disk's key, which QEMU has.
 */
import { chown, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSpec } from '../engine.ts';
import { secretName } from './disks/image-nodes.ts';
import { known } from './hot-plug.ts';
import { runFolder } from './paths.ts';
import type { Qmp } from './qmp.ts';
import { job } from './qmp-job.ts';
import type { MachineUser } from './user.ts';

/** Where a machine's memory goes. */
export interface MemoryPlace {
  /** The machine's run folder, and the same as QEMU sees it. */
  readonly run: string;
  readonly relative: string;
  readonly user: MachineUser;
  readonly memoryMib: number;
}

export function memoryPlace(spec: MachineSpec, run: string, user: MachineUser): MemoryPlace {
  return { run, relative: runFolder(spec.instanceId), user, memoryMib: spec.memoryMib };
}

const FILE = 'memory';
/** Nodes, from the top. */
const NODES = ['memory', 'memory-luks', 'memory-file'] as const;
const MIB = 1024 ** 2;
/** Besides the memory: the state of devices, and QEMU's tables. */
const MORE_MIB = 512;
/** QEMU measures the processor to make a passphrase hard to guess, which fails now and then on a busy machine. */
const ATTEMPTS = 10;

/** Makes the file anew and opens it. @returns the name of its node */
export async function makeMemory(qmp: Qmp, rootVolumeId: string, place: MemoryPlace): Promise<string> {
  const file = await open(join(place.run, FILE), 'w', 0o600);
  await file.close();
  if (place.user.switchUser) await chown(join(place.run, FILE), place.user.uid, place.user.gid);
  const [memory, luks, bottom] = NODES;
  await addFile(qmp, place);
  const size = (place.memoryMib + MORE_MIB) * MIB;
  const key = { 'key-secret': secretName(rootVolumeId) };
  for (let attempt = 1; ; attempt++) {
    try {
      await job(qmp, 'blockdev-create', { options: { driver: 'luks', file: bottom, size, 'iter-time': 1, ...key } });
      break;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
  await qmp.execute('blockdev-add', { driver: 'luks', 'node-name': luks, file: bottom, ...key });
  await job(qmp, 'blockdev-create', { options: { driver: 'qcow2', file: luks, size: MIB } });
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': memory, file: luks });
  return memory;
}

/** Opens the file of an earlier time. @returns the name of its node */
export async function openMemory(qmp: Qmp, rootVolumeId: string, place: MemoryPlace): Promise<string> {
  const [memory, luks, bottom] = NODES;
  await addFile(qmp, place);
  await qmp.execute('blockdev-add', {
    driver: 'luks',
    'node-name': luks,
    file: bottom,
    'key-secret': secretName(rootVolumeId),
  });
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': memory, file: luks });
  return memory;
}

/** Closes and deletes the file, if there is one. */
export async function dropMemory(qmp: Qmp, place: MemoryPlace): Promise<void> {
  for (const node of NODES) await known(qmp.execute('blockdev-del', { 'node-name': node }));
  await forgetMemory(place);
}

/** Deletes the file, which nobody has open. */
export async function forgetMemory({ run }: MemoryPlace): Promise<void> {
  await rm(join(run, FILE), { force: true });
}

async function addFile(qmp: Qmp, { relative }: MemoryPlace): Promise<void> {
  await qmp.execute('blockdev-add', {
    driver: 'file',
    'node-name': NODES[2],
    filename: join(relative, FILE),
    discard: 'unmap',
  });
}
