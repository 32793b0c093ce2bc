import { access, chown, copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../engine.ts';
import type { MachineUser } from './user.ts';

/** A build of EDK II for q35: code, and an empty variable store that belongs to it. */
export interface Firmware {
  readonly code: string;
  readonly variables: string;
}

/** Where distributions put it. */
const builds: readonly Firmware[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
];

/** @throws EngineError `Invalid` when no UEFI firmware is installed. */
export async function findFirmware(): Promise<Firmware> {
  for (const build of builds) {
    const there = await Promise.allSettled([access(build.code), access(build.variables)]);
    if (there.every(({ status }) => status === 'fulfilled')) return build;
  }
  throw new EngineError('Invalid', 'UEFI firmware is not installed on this machine (Debian: apt-get install ovmf)');
}

/** The machine's own variable store, kept over stop and start. */
export const VARIABLES_FILE = 'uefi-variables.fd';

export async function ensureVariables(firmware: Firmware, runFolder: string, user: MachineUser): Promise<void> {
  const file = join(runFolder, VARIABLES_FILE);
  if (
    await access(file).then(
      () => true,
      () => false,
    )
  )
    return;
  await copyFile(firmware.variables, `${file}.new`);
  if (user.switchUser) await chown(`${file}.new`, user.uid, user.gid);
  await rename(`${file}.new`, file);
}
