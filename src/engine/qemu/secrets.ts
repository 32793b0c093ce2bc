import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskKey } from '../engine.ts';
import type { MachineUser } from './user.ts';

/**
 * Keys on their way to QEMU: neither a command line, which everybody can read, nor a file on the disk has them. They are
 * in nameless files in memory that a program inherits, from descriptor 3 on.
 */
const MEMORY_FOLDER = '/dev/shm';
const FIRST_DESCRIPTOR = 3;

/** The passphrase for LUKS, which must be text. */
export function passphrase(key: DiskKey): string {
  return Buffer.from(key).toString('hex');
}

/** To be given to a child as its descriptors from 3 on, in this order, and closed. */
export async function openSecrets(keys: readonly DiskKey[], user: MachineUser): Promise<FileHandle[]> {
  return Promise.all(keys.map(key => openSecret(passphrase(key), user)));
}

async function openSecret(text: string, user: MachineUser): Promise<FileHandle> {
  const path = join(MEMORY_FOLDER, `fogbank-${randomBytes(12).toString('hex')}`);
  const handle = await open(path, 'wx+', 0o600);
  await rm(path);
  await handle.writeFile(text);
  // QEMU opens it anew through /proc.
  if (user.switchUser) await handle.chown(user.uid, user.gid);
  return handle;
}

/** The argument of `--object` for the secret at place `index` of those. */
export function secretObject(name: string, index: number): string {
  return `secret,id=${name},file=/dev/fd/${FIRST_DESCRIPTOR + index}`;
}
