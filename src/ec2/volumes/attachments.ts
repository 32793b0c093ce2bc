import type { Reader, Tx } from '../../state/state.ts';
import { type InstanceBlockDevice, type InstanceRow, instances } from '../instances/model.ts';
import { asMade } from './lifecycle.ts';
import { type VolumeAttachment, type VolumeRow, volumes } from './model.ts';

/*
 * What ties volumes to instances. It is written down on both sides, in the volume's attachments and in the instance's
 * block devices, and changed here only.
 *
 *               (plugged in)                       (the guest let go)
 *   attaching ───────────────▶ attached ──▶ detaching ───────────────▶ none
 *                                             │    ▲
 *                          (it does not let go)▼    │
 *                                             busy ─┘
 * With an instance that has no machine an attachment comes and goes at once: the next start builds what is `attached`.
 */

/** States in which there is, or may be, a machine that a volume is plugged into. */
const withMachine: readonly InstanceRow['state'][] = ['pending', 'running', 'stopping', 'shutting-down'];

export function attachmentTo(volume: VolumeRow | undefined, instanceId: string): VolumeAttachment | undefined {
  return volume?.attachments.find(one => one.instanceId === instanceId);
}

/** Whether the instance is letting go of it: no new machine gets it. */
export function isLeaving(attachment: VolumeAttachment): boolean {
  return attachment.state === 'detaching' || attachment.state === 'busy';
}

/** Whether something has yet to happen. */
export function isChanging(attachment: VolumeAttachment): boolean {
  return attachment.state !== 'attached';
}

/** Devices of an instance that its machine is to have. */
export function presentDevices(db: Reader, instance: InstanceRow): InstanceBlockDevice[] {
  return instance.blockDevices.filter(device => {
    const attachment = attachmentTo(db.get(volumes, device.volumeId), instance.instanceId);
    return attachment !== undefined && !isLeaving(attachment);
  });
}

/** The status of a block device, as instances show it. */
export function deviceStatus(
  db: Reader,
  instanceId: string,
  device: InstanceBlockDevice,
): 'attaching' | 'attached' | 'detaching' {
  const state = attachmentTo(db.get(volumes, device.volumeId), instanceId)?.state ?? 'attached';
  return state === 'busy' ? 'detaching' : state;
}

/** @returns the attachment as it is now. */
export function attachVolumeTo(
  context: { readonly db: Tx; readonly now: number },
  volume: VolumeRow,
  instance: InstanceRow,
  device: string,
): VolumeAttachment {
  const { db, now } = context;
  const attachment: VolumeAttachment = {
    instanceId: instance.instanceId,
    device,
    attachTime: now,
    deleteOnTermination: false,
    state: withMachine.includes(instance.state) ? 'attaching' : 'attached',
  };
  db.put(volumes, { ...volume, state: 'in-use', attachments: [...volume.attachments, attachment] });
  const { volumeId } = volume;
  const blockDevice = { deviceName: device, volumeId, attachTime: now, deleteOnTermination: false };
  db.put(instances, { ...instance, blockDevices: [...instance.blockDevices, blockDevice] });
  return attachment;
}

/** Begins to detach a volume, or does it where no machine has it. */
export function detachVolumeFrom(tx: Tx, volume: VolumeRow, instanceId: string, force: boolean): void {
  const instance = tx.get(instances, instanceId);
  if (instance === undefined || !withMachine.includes(instance.state)) recordDetached(tx, volume.volumeId, instanceId);
  else {
    change(tx, volume.volumeId, instanceId, one => ({
      ...one,
      state: 'detaching',
      ...(force ? { forceDetach: true } : {}),
    }));
  }
}

/** The machine has the volume. */
export function recordAttached(tx: Tx, volumeId: string, instanceId: string): void {
  const volume = tx.get(volumes, volumeId);
  if (volume === undefined || attachmentTo(volume, instanceId)?.state !== 'attaching') return;
  const attachments = volume.attachments.map(one =>
    one.instanceId === instanceId ? { ...one, state: 'attached' as const } : one,
  );
  tx.put(volumes, { ...asMade(volume), attachments });
}

/** The machine cannot take the volume. */
export function giveUpAttaching(tx: Tx, volumeId: string, instanceId: string): void {
  change(tx, volumeId, instanceId, one =>
    one.state === 'attaching' ? { ...one, state: 'detaching', forceDetach: true } : one,
  );
}

/** The guest does not let go of the volume. */
export function recordBusy(tx: Tx, volumeId: string, instanceId: string): void {
  change(tx, volumeId, instanceId, one => (one.state === 'detaching' ? { ...one, state: 'busy' } : one));
}

/** No machine has the volume for this instance any more. */
export function recordDetached(tx: Tx, volumeId: string, instanceId: string): void {
  const volume = tx.get(volumes, volumeId);
  if (volume !== undefined) {
    const attachments = volume.attachments.filter(one => one.instanceId !== instanceId);
    const state = volume.state === 'in-use' && attachments.length === 0 ? 'available' : volume.state;
    tx.put(volumes, { ...volume, attachments, state });
  }
  const instance = tx.get(instances, instanceId);
  if (instance?.blockDevices.some(device => device.volumeId === volumeId) !== true) return;
  const blockDevices = instance.blockDevices.filter(device => device.volumeId !== volumeId);
  tx.put(instances, { ...instance, blockDevices });
}

/** Gives an instance without machine another root volume, in the place of the one that it has. */
export function swapRoot(tx: Tx, instance: InstanceRow, volume: VolumeRow, now: number): void {
  const { instanceId, rootDeviceName } = instance;
  const root = instance.blockDevices.find(device => device.deviceName === rootDeviceName);
  if (root === undefined) throw new Error(`${instanceId} has no root volume`);
  const { deleteOnTermination } = root;
  recordDetached(tx, root.volumeId, instanceId);
  const { fastStart: _fast, ...rest } = instance;
  const device = { ...root, volumeId: volume.volumeId, attachTime: now };
  tx.put(instances, { ...rest, blockDevices: instance.blockDevices.map(one => (one === root ? device : one)) });
  const attachment = {
    instanceId,
    device: rootDeviceName,
    attachTime: now,
    deleteOnTermination,
    state: 'attached',
  } as const;
  tx.put(volumes, { ...volume, state: 'in-use', attachments: [attachment] });
}

/** What happens to the volume when the instance ends. */
export function setDeleteOnTermination(tx: Tx, volumeId: string, instanceId: string, value: boolean): void {
  change(tx, volumeId, instanceId, one => ({ ...one, deleteOnTermination: value }));
  const instance = tx.get(instances, instanceId);
  if (instance === undefined) return;
  const blockDevices = instance.blockDevices.map(device =>
    device.volumeId === volumeId ? { ...device, deleteOnTermination: value } : device,
  );
  tx.put(instances, { ...instance, blockDevices });
}

/**
 * Whether a volume goes with an instance that ends. One that others have stays; what the last of them says counts then.
 * One that is being detached is not the instance's any more.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html
 */
export function goesWith(volume: VolumeRow, instanceId: string): boolean {
  const attachment = attachmentTo(volume, instanceId);
  if (attachment === undefined || volume.attachments.length > 1) return false;
  return attachment.deleteOnTermination && !isLeaving(attachment);
}

function change(
  tx: Tx,
  volumeId: string,
  instanceId: string,
  to: (attachment: VolumeAttachment) => VolumeAttachment,
): void {
  const volume = tx.get(volumes, volumeId);
  const before = attachmentTo(volume, instanceId);
  if (volume === undefined || before === undefined) return;
  const after = to(before);
  if (after === before) return;
  tx.put(volumes, { ...volume, attachments: volume.attachments.map(one => (one === before ? after : one)) });
}
