import { join } from 'node:path';
import type { MachineSpec } from '../../engine.ts';
import { devicesOf } from '../devices.ts';
import { addSecret } from '../hot-plug-disks.ts';
import type { StartDisks } from '../machine-context.ts';
import { WARM_RAM, WARM_STATE, warmFolder } from '../paths.ts';
import { isObject, type Qmp } from '../qmp.ts';
import { memoryDescriptor } from './guard.ts';
import type { WarmManifest } from './image.ts';
import { type StreamFolder, sendState } from './stream.ts';
import { freshIdentity, writeIdentity } from './tokens.ts';

export interface Copy {
  readonly dataDir: string;
  readonly image: WarmManifest;
  /** The machine that the copy becomes. */
  readonly spec: MachineSpec;
  /** Its disks' images and keys; that of the root lies over the frozen guest's. */
  readonly disks: StartDisks;
  readonly pid: number;
  readonly qmp: Qmp;
  readonly folder: StreamFolder;
  /** Bytes of its root disk. */
  readonly diskBytes: number;
  /** False: the guest is let run later. */
  readonly run: boolean;
}

/**
 * Gives a waiting QEMU (`-incoming`) a frozen guest and makes it a machine of its own: identity, disks, interfaces. The
 * interfaces come last, since they are what the guest waits for. When this returns, the guest runs if it was to.
 */
export async function bringToLife(copy: Copy): Promise<void> {
  const { dataDir, image, spec, qmp } = copy;
  const folder = join(dataDir, warmFolder(image.id));
  await sendState(qmp, copy.folder, join(folder, WARM_STATE));
  const identity = freshIdentity(spec.instanceId, spec.uuid, image.identity);
  await writeIdentity(copy.pid, join(folder, WARM_RAM), image.places, identity);
  const { disks, nics } = devicesOf(spec, copy.disks.images);
  const [root, ...others] = disks;
  if (!root) throw new Error('the machine has no root disk');
  // The guest learns the size of its disk from the notice of a change, even if there is none.
  await qmp.execute('block_resize', { 'node-name': root.attachment.volumeId.replace('-', ''), size: copy.diskBytes });
  for (const { attachment, node, device } of others) {
    const key = copy.disks.keys.get(attachment.volumeId);
    if (key) await addSecret(qmp, attachment.volumeId, key);
    await qmp.execute('blockdev-add', node);
    await qmp.execute('device_add', device);
  }
  for (const { netdev, device } of nics) {
    await qmp.execute('netdev_add', netdev);
    await qmp.execute('device_add', device);
  }
  if (!copy.run) return;
  await qmp.execute('cont');
  const status = await qmp.execute('query-status');
  if (!isObject(status) || status.status !== 'running') {
    throw new Error(`the copied guest does not run: ${JSON.stringify(status)}`);
  }
}

/** The descriptor under which a copy's QEMU holds the memory that it shares with others. */
export function sharedMemoryDescriptor(dataDir: string, image: WarmManifest, pid: number): Promise<number | undefined> {
  return memoryDescriptor(pid, join(dataDir, warmFolder(image.id), WARM_RAM));
}
