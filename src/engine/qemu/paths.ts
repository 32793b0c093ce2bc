import { join } from 'node:path';
import { EngineError } from '../engine.ts';

/**
 * Where the engine keeps things below the data folder. QEMU runs with the data folder as its working directory and
 * gets relative names, so that neither the folder's own path nor the permissions of its parents matter to it, and
 * the 108 bytes of a unix socket's address suffice.
 */

const ids = { instance: /^i-[0-9a-f]{8,17}$/, volume: /^vol-[0-9a-f]{8,17}$/, snapshot: /^snap-[0-9a-f]{8,17}$/ };

function checked(kind: keyof typeof ids, id: string): string {
  if (!ids[kind].test(id)) throw new EngineError('Invalid', `${JSON.stringify(id)} is not the id of an EC2 ${kind}`);
  return id;
}

/** Owned by the server; holds `spec.json`, `process.json`, `exit.json` and `qemu.log`. */
export function machineFolder(instanceId: string): string {
  return join('machines', checked('instance', instanceId));
}

/** Owned by the machine's user, who could put anything here: never follow its links. */
export function runFolder(instanceId: string): string {
  return join(machineFolder(instanceId), 'run');
}

export const VOLUME_FOLDER = 'volumes';

/** The file of a volume after so many snapshots were taken of it. */
export function volumeFile(volumeId: string, generation: number): string {
  return join(VOLUME_FOLDER, `${checked('volume', volumeId)}${generation === 0 ? '' : `.${generation}`}.qcow2`);
}

/** Snapshots keep the format they came in; the name says which. */
export function snapshotFile(snapshotId: string, format: 'qcow2' | 'raw'): string {
  return join('snapshots', `${checked('snapshot', snapshotId)}.${format}`);
}

/** Holds warm images, each in a folder named by its id; those being made begin with a dot. */
export const WARM_FOLDER = 'warm';
/** What is in such a folder: a description (only when all the rest is whole), memory, state of the devices, disk. */
export const WARM_MANIFEST = 'warm.json';
export const WARM_RAM = 'ram';
export const WARM_STATE = 'state';
export const WARM_DISK = 'disk.qcow2';
/** What its guest printed before it was frozen: the beginning of every copy's console. */
export const WARM_CONSOLE = 'console.log';

export function warmFolder(warmId: string): string {
  if (!isWarmId(warmId)) throw new EngineError('Invalid', `${JSON.stringify(warmId)} is not the id of a warm image`);
  return join(WARM_FOLDER, warmId);
}

export function isWarmId(name: string): boolean {
  return /^[0-9a-f]{24}$/.test(name);
}

export function isInstanceId(id: string): boolean {
  return ids.instance.test(id);
}

export function isVolumeId(id: string): boolean {
  return ids.volume.test(id);
}

export function isSnapshotId(id: string): boolean {
  return ids.snapshot.test(id);
}
