/**
 * A machine's memory in its root disk: a snapshot inside the qcow2 file with the state of the machine, as QEMU's
 * `snapshot-save` job writes it; that of a machine with an encrypted root disk in a file of its own. Taking it up again also takes the root disk back to that instant, so a start that was
 * interrupted may be made again.
 * https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#command-QMP-migration.snapshot-save
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BRIDGE } from './devices.ts';
import { nodeName, secretName } from './disks/image-nodes.ts';
import { dropMemory, type MemoryPlace, makeMemory, openMemory } from './hibernation-memory.ts';
import { pluggedDisks } from './hot-plug-disks.ts';
import { isObject, type Qmp } from './qmp.ts';
import { job } from './qmp-job.ts';

export { memoryPlace } from './hibernation-memory.ts';

const TAG = 'hibernation';
/** The last slot is never used for attachments. */
const SIGNAL_SLOT = '0x1f';
const SIGNAL_MS = 5_000;
const SIGNAL = 'resumed';
const UNPLUG_TIMEOUT_MS = 10_000;

/** Node name of a volume's disk: each snapshot that was taken of it gave it another. */
async function nodeOf(qmp: Qmp, volumeId: string): Promise<string> {
  const generation = (await pluggedDisks(qmp)).get(volumeId);
  if (generation === undefined) throw new Error(`the machine does not have ${volumeId}`);
  return nodeName(volumeId, generation);
}

/** Writes the memory of a machine that stands still into its root disk. @throws Error with QEMU's reason. */
export async function saveToRoot(qmp: Qmp, rootVolumeId: string, place: MemoryPlace): Promise<void> {
  const node = await nodeOf(qmp, rootVolumeId);
  // What an earlier time left would be in the way.
  await deleteSaved(qmp, rootVolumeId, place);
  const memory = (await isEncrypted(qmp, rootVolumeId)) ? await makeMemory(qmp, rootVolumeId, place) : node;
  await job(qmp, 'snapshot-save', { tag: TAG, vmstate: memory, devices: [...new Set([node, memory])] });
}

async function isEncrypted(qmp: Qmp, volumeId: string): Promise<boolean> {
  const objects = await qmp.execute('qom-list', { path: '/objects' });
  const name = secretName(volumeId);
  return Array.isArray(objects) && objects.some(object => isObject(object) && object.name === name);
}

/** Gives a machine that has not run yet the memory and root disk that were saved. */
export async function loadFromRoot(qmp: Qmp, rootVolumeId: string, place: MemoryPlace): Promise<void> {
  const node = await nodeOf(qmp, rootVolumeId);
  const memory = (await isEncrypted(qmp, rootVolumeId)) ? await openMemory(qmp, rootVolumeId, place) : node;
  await job(qmp, 'snapshot-load', { tag: TAG, vmstate: memory, devices: [...new Set([node, memory])] });
}

/** Frees the room that the saved memory takes; nothing happens when there is none. */
export async function deleteSaved(qmp: Qmp, rootVolumeId: string, place: MemoryPlace): Promise<void> {
  await job(qmp, 'snapshot-delete', { tag: TAG, devices: [await nodeOf(qmp, rootVolumeId)] });
  await dropMemory(qmp, place);
}

/**
 * The guest's clock stood still, and nothing in it has noticed. A random number generator that appears for some seconds
 * is the sign by which Fogbank's images set their clock from the RTC; others ignore it.
 */
export async function signalResume(qmp: Qmp): Promise<void> {
  await qmp.execute('device_add', {
    driver: 'virtio-rng-pci',
    id: SIGNAL,
    bus: BRIDGE,
    addr: SIGNAL_SLOT,
    'disable-legacy': 'on',
    rng: 'entropy',
  });
  await sleep(SIGNAL_MS, undefined, { ref: false });
  await endSignal(qmp);
}

/** Takes the sign away, if it is there: a machine that is saved must be as its command line says. */
export async function endSignal(qmp: Qmp): Promise<void> {
  const deadline = Date.now() + UNPLUG_TIMEOUT_MS;
  while (await isPlugged(qmp)) {
    // The guest lets go of it; a request that comes while another is under way is refused.
    await qmp.execute('device_del', { id: SIGNAL }).catch(() => {});
    if (Date.now() > deadline) throw new Error('the guest does not let go of a device');
    await sleep(50);
  }
}

async function isPlugged(qmp: Qmp): Promise<boolean> {
  const devices = await qmp.execute('qom-list', { path: '/machine/peripheral' });
  return Array.isArray(devices) && devices.some(device => isObject(device) && device.name === SIGNAL);
}
