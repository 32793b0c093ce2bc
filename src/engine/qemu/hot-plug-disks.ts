import { type DiskAttachment, type DiskKey, type DiskLimits, EngineError, type MachineSpec } from '../engine.ts';
import { deviceNameIndex, diskDevice, diskId } from './devices.ts';
import type { ImageChange } from './disks/cuts.ts';
import { type DiskImage, imageNode, nodeName, secretName } from './disks/image-nodes.ts';
import { freeSlot, known, pluggedDevices, unplugDevice } from './hot-plug.ts';
import { isObject, type Qmp, type QmpObject } from './qmp.ts';
import { passphrase } from './secrets.ts';

/** A disk to plug in. */
export interface NewDisk {
  readonly attachment: DiskAttachment;
  readonly image: DiskImage;
  readonly key?: DiskKey | undefined;
}

/** Node in place of the image of a disk that was cut off, and the object that says so. */
const CUT_OFF = 'gone-';
/** Nodes of what lies below a volume's image, where it was opened anew. */
const BELOW = 'below-';
/** As large as any volume. */
const MOST_BYTES = 65_536 * 1024 ** 3;

/**
 * Volumes of the disks that are plugged in, with the image that each is written to now; not those that were cut off. QEMU
 * is asked for names only: what it tells of block devices takes the longer the more snapshots they have.
 */
export async function pluggedDisks(qmp: Qmp): Promise<Map<string, number>> {
  const disks = new Map<string, number>();
  const cutOffs = new Set(await objects(qmp));
  for (const id of await pluggedDevices(qmp)) {
    if (!/^vol[0-9a-f]+$/.test(id) || cutOffs.has(`${CUT_OFF}${id}`)) continue;
    const node = String(await qmp.execute('qom-get', { path: `/machine/peripheral/${id}`, property: 'drive' }));
    if (node.startsWith(id)) disks.set(id.replace('vol', 'vol-'), Number(/-(\d+)$/.exec(node)?.[1] ?? 0));
  }
  return disks;
}

async function objects(qmp: Qmp): Promise<string[]> {
  const list = await qmp.execute('qom-list', { path: '/objects' });
  return (Array.isArray(list) ? list : []).filter(isObject).map(object => String(object.name));
}

/** All nodes of block devices by their names. */
async function nodesByName(qmp: Qmp): Promise<Map<string, QmpObject>> {
  const list = await qmp.execute('query-named-block-nodes', { flat: true });
  return new Map((Array.isArray(list) ? list : []).filter(isObject).map(node => [String(node['node-name']), node]));
}

/** @throws EngineError */
export async function plugDisk(qmp: Qmp, { attachment, image, key }: NewDisk): Promise<void> {
  const { volumeId } = attachment;
  const id = diskId(volumeId);
  if ((await pluggedDisks(qmp)).has(volumeId)) return;
  if ((await pluggedDevices(qmp)).includes(id)) {
    throw new EngineError('Failed', `the guest has not yet let go of ${volumeId}, from which it was cut off`);
  }
  await dropNodes(qmp, volumeId);
  if (key) await addSecret(qmp, volumeId, key);
  const { node, device } = diskDevice(attachment, image, await freeSlot(qmp), deviceNameIndex(attachment.device));
  await qmp.execute('blockdev-add', node);
  try {
    await addDevice(qmp, device);
  } catch (error) {
    await dropNodes(qmp, volumeId);
    throw error;
  }
  await limitDisk(qmp, volumeId, attachment.limits);
}

/** Without the name where another disk has it: `/dev/sdf` and `/dev/xvdf` are the same to the guest. */
async function addDevice(qmp: Qmp, device: QmpObject): Promise<void> {
  try {
    await qmp.execute('device_add', device);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('acpi-index')) throw error;
    const { 'acpi-index': _index, ...nameless } = device;
    await qmp.execute('device_add', nameless);
  }
}

/**
 * Takes a disk out. What was written to it is in its image when this returns.
 * @throws EngineError `Failed` when the guest does not let go of it.
 */
export async function unplugDisk(qmp: Qmp, volumeId: string, force: boolean): Promise<void> {
  const id = diskId(volumeId);
  if (force && (await pluggedDisks(qmp)).has(volumeId)) await cutOff(qmp, volumeId);
  await unplugDevice(qmp, id, !force);
  await dropNodes(qmp, volumeId);
}

/** The guest goes on with a disk without content, and the image is closed. */
async function cutOff(qmp: Qmp, volumeId: string): Promise<void> {
  const id = diskId(volumeId);
  const generation = (await pluggedDisks(qmp)).get(volumeId) ?? 0;
  const name = nodeName(volumeId, generation);
  const gone = `${CUT_OFF}${id}`;
  // Each step may have been done by a server that was killed after it.
  await addNode(qmp, { driver: 'null-co', 'node-name': gone, size: MOST_BYTES, 'read-zeroes': true });
  // What it shared with others was taken away at the other end.
  if ((await nodesByName(qmp)).get(name)?.drv !== 'nbd') {
    const key = secretName(volumeId);
    const encrypted = (await objects(qmp)).includes(key);
    const options = {
      driver: 'qcow2',
      'node-name': name,
      file: gone,
      backing: null,
      // What is not said again would be set back.
      ...(encrypted ? { encrypt: { format: 'luks', 'key-secret': key } } : {}),
    };
    await qmp.execute('blockdev-reopen', { options: [options] });
  }
  // Only now, an object of that name tells that it was cut off.
  await qmp.execute('object-add', { 'qom-type': 'secret', id: gone, data: gone });
}

/** Opens an image, unless an earlier attempt did. */
async function addNode(qmp: Qmp, node: QmpObject): Promise<void> {
  await qmp.execute('blockdev-add', node).catch(error => {
    if (!(error instanceof Error) || !/Duplicate nodes/.test(error.message)) throw error;
  });
}

/** Closes images of a volume that no device has any more, the newest first; nothing happens to those in use. */
async function dropNodes(qmp: Qmp, volumeId: string): Promise<void> {
  const id = diskId(volumeId);
  if ((await pluggedDevices(qmp)).includes(id)) return;
  const all = [...(await nodesByName(qmp)).keys()];
  const own = all.filter(name => isImageOf(volumeId, name)).sort(newestFirst);
  own.push(...all.filter(name => name.startsWith(`${BELOW}${id}-`)).sort(newestFirst));
  if (all.includes(`${CUT_OFF}${id}`)) own.push(`${CUT_OFF}${id}`);
  for (const name of own) await known(qmp.execute('blockdev-del', { 'node-name': name }));
  for (const name of [secretName(volumeId), `${CUT_OFF}${id}`]) await dropObject(qmp, name);
}

async function dropObject(qmp: Qmp, id: string): Promise<void> {
  if ((await objects(qmp)).includes(id)) await qmp.execute('object-del', { id });
}

/** Gives QEMU the key of a volume. */
export async function addSecret(qmp: Qmp, volumeId: string, key: DiskKey): Promise<void> {
  await qmp.execute('object-add', { 'qom-type': 'secret', id: secretName(volumeId), data: passphrase(key) });
}

/** Makes a disk's limits hold; without any it does what the host can. Nothing happens when it is not plugged in. */
export async function limitDisk(qmp: Qmp, volumeId: string, limits: DiskLimits | undefined): Promise<void> {
  if (!(await pluggedDisks(qmp)).has(volumeId)) return;
  await qmp.execute('block_set_io_throttle', {
    id: `/machine/peripheral/${diskId(volumeId)}/virtio-backend`,
    bps: limits?.bytesPerSecond ?? 0,
    bps_rd: 0,
    bps_wr: 0,
    iops: limits?.iops ?? 0,
    iops_rd: 0,
    iops_wr: 0,
    ...(limits ? { iops_size: limits.operationBytes } : {}),
  });
}

/** Makes the limits of all disks hold that a machine was started with. */
export async function limitDisks(qmp: Qmp, spec: MachineSpec): Promise<void> {
  for (const { volumeId, limits } of spec.disks) if (limits) await limitDisk(qmp, volumeId, limits);
}

/** The guest sees the new size at once. False when it does not have the disk. */
export async function resizeDisk(qmp: Qmp, volumeId: string, bytes: number): Promise<boolean> {
  const generation = (await pluggedDisks(qmp)).get(volumeId);
  if (generation === undefined) return false;
  const name = nodeName(volumeId, generation);
  const image = (await nodesByName(qmp)).get(name)?.image;
  const size = isObject(image) ? Number(image['virtual-size']) : 0;
  if (size < bytes) await qmp.execute('block_resize', { 'node-name': name, size: bytes });
  return true;
}

/**
 * Opens what lies below a volume's image anew, and closes what it stood on until now. An image of another number than
 * `file` has is about to be left: nothing happens to it.
 */
export async function reopenBelow(
  qmp: Qmp,
  volumeId: string,
  generation: number,
  file: string,
  below: readonly string[],
): Promise<void> {
  const name = nodeName(volumeId, generation);
  const nodes = await nodesByName(qmp);
  const cache = nodes.get(name)?.cache;
  const direct = isObject(cache) && cache.direct === true;
  const own = [...nodes].find(([, node]) => node.drv === 'file' && node.file === file)?.[0];
  const [next] = below;
  if (own === undefined || next === undefined || nodes.get(name)?.encrypted === true) return;
  // A name that no image of the volume has, and none that is there.
  let number = 0;
  while (nodes.has(`${BELOW}${diskId(volumeId)}-${number}`)) number++;
  const backing = `${BELOW}${diskId(volumeId)}-${number}`;
  const driver = next.endsWith('.raw') ? 'raw' : 'qcow2';
  const chain = { driver, 'node-name': backing, 'read-only': true, file: { driver: 'file', filename: next } };
  await qmp.execute('blockdev-add', chain);
  const { file: _file, ...options } = imageNode(volumeId, { file, generation, direct }, false);
  try {
    await qmp.execute('blockdev-reopen', { options: [{ ...options, file: own, backing }] });
  } catch (error) {
    await qmp.execute('blockdev-del', { 'node-name': backing });
    throw error;
  }
  const older = [...nodes.keys()].filter(
    node => node !== name && (isImageOf(volumeId, node) || node.startsWith(`${BELOW}${diskId(volumeId)}-`)),
  );
  // From the top, as each holds the next.
  for (const node of older.sort(newestFirst)) await known(qmp.execute('blockdev-del', { 'node-name': node }));
}

function isImageOf(volumeId: string, node: string): boolean {
  const id = diskId(volumeId);
  return node === id || node.startsWith(`${id}-`);
}

/** By the number at the end of a node's name. */
function newestFirst(one: string, other: string): number {
  const number = (name: string) => Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
  return number(other) - number(one);
}

/** Goes on in other images, each over the one that is written to now, with all disks at one instant. */
export async function switchImages(qmp: Qmp, changes: readonly ImageChange[]): Promise<void> {
  await switchNodes(qmp, await pluggedDisks(qmp), changes);
}

/** The same for disks by the number of the image that each is written to. */
export async function switchNodes(
  qmp: Qmp,
  disks: ReadonlyMap<string, number>,
  changes: readonly ImageChange[],
): Promise<void> {
  const actions: QmpObject[] = [];
  for (const { volumeId, image } of changes) {
    const generation = disks.get(volumeId);
    if (generation === undefined || generation === image.generation) continue;
    const overlay = nodeName(volumeId, image.generation);
    // What is below is what the disk has open now.
    await addNode(qmp, { ...imageNode(volumeId, image, false), backing: null });
    actions.push({ type: 'blockdev-snapshot', data: { node: nodeName(volumeId, generation), overlay } });
  }
  if (actions.length > 0) await qmp.execute('transaction', { actions });
}
