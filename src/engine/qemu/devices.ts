import { type DiskAttachment, EngineError, type MachineSpec, type NicAttachment } from '../engine.ts';
import { type DiskImage, imageNode, nodeName } from './disks/image-nodes.ts';
import { tapName } from './names.ts';
import { volumeFile } from './paths.ts';
import type { QmpObject } from './qmp.ts';

/** EC2 allows 28 attachments (network interfaces and volumes together) on most instance types. */
export const MAX_ATTACHMENTS = 28;

/**
 * Where interfaces and disks are plugged in, from the start and later: one bridge with 31 slots. A PCI Express root
 * port for each of them would do the same and cost every boot a second of processor time (`docs/decisions/machines.md`).
 */
export const BRIDGE = 'slots';

/** A disk as QEMU takes it, on the command line and by `blockdev-add` and `device_add`. */
export interface DiskDevice {
  readonly attachment: DiskAttachment;
  readonly node: QmpObject;
  readonly device: QmpObject;
}

/** A network interface as QEMU takes it, on the command line and by `netdev_add` and `device_add`. */
export interface NicDevice {
  readonly attachment: NicAttachment;
  readonly netdev: QmpObject;
  readonly device: QmpObject;
}

export interface Devices {
  /** The root disk comes first. */
  readonly disks: readonly DiskDevice[];
  /** In the order of their device index. */
  readonly nics: readonly NicDevice[];
}

/** `bus` and `addr` of a slot, counted from 1. Legacy registers would take from the scarce I/O ports. */
function slot(number: number): { bus: string; addr: string; 'disable-legacy': string } {
  return { bus: BRIDGE, addr: `0x${number.toString(16)}`, 'disable-legacy': 'on' };
}

/**
 * How the guest learns the name that the user chose for a disk: our images make a link from it. `/dev/sda1` and
 * `/dev/xvda` are 101, `/dev/sdf` is 106, `/dev/xvdaa` is 127; undefined for names of another form.
 */
export function deviceNameIndex(device: string): number | undefined {
  const letters = /^(?:\/dev\/)?(?:sd|xvd)([a-z]{1,2})\d*$/.exec(device)?.[1];
  if (letters === undefined) return undefined;
  return 100 + [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0);
}

/**
 * Disks and interfaces of a machine with their slots. The root disk is always in the first one, interfaces follow, then
 * the other disks: so a guest that was started with its root disk alone finds everything in the same place as one that
 * had all of it from the start.
 * @throws EngineError `Invalid` for more attachments than there are slots.
 */
export function devicesOf(spec: MachineSpec, images: ReadonlyMap<string, DiskImage> = new Map()): Devices {
  if (spec.nics.length + spec.disks.length > MAX_ATTACHMENTS) {
    throw new EngineError('Invalid', `a machine has at most ${MAX_ATTACHMENTS} disks and network interfaces`);
  }
  const indexes = new Set<number>();
  const nics = [...spec.nics].sort((a, b) => a.deviceIndex - b.deviceIndex);
  const ordered = [...spec.disks].sort((a, b) => Number(b.root) - Number(a.root));
  const firstData = 2 + nics.length - (ordered[0]?.root ? 1 : 0);
  return {
    disks: ordered.map((disk, index) => {
      const named = deviceNameIndex(disk.device);
      // QEMU refuses an index twice; /dev/sdf and /dev/xvdf would be the same name to the guest.
      const unique = named !== undefined && !indexes.has(named);
      if (unique) indexes.add(named);
      const image = images.get(disk.volumeId) ?? { file: volumeFile(disk.volumeId, 0), generation: 0 };
      return diskDevice(disk, image, disk.root ? 1 : firstData + index, unique ? named : undefined);
    }),
    nics: nics.map((nic, index) => nicDevice(nic, 2 + index)),
  };
}

/** A disk's device and node-name prefix, which is also the serial number that the guest sees. */
export function diskId(volumeId: string): string {
  return volumeId.replace('-', '');
}

/**
 * A disk in a slot, counted from 1.
 * @param index the ACPI index that tells the guest its name, if it has one
 */
export function diskDevice(
  disk: DiskAttachment,
  image: DiskImage,
  place: number,
  index: number | undefined,
): DiskDevice {
  const id = diskId(disk.volumeId);
  const readOnly = disk.readOnly ?? false;
  return {
    attachment: disk,
    node: imageNode(disk.volumeId, image, readOnly),
    device: {
      driver: 'virtio-blk-pci',
      id,
      ...slot(place),
      drive: nodeName(disk.volumeId, image.generation),
      serial: id,
      'write-cache': 'on',
      ...(readOnly ? {} : { discard: true }),
      ...(disk.root ? { bootindex: 0 } : {}),
      ...(index === undefined ? {} : { 'acpi-index': index }),
    },
  };
}

/** A network interface in a slot, counted from 1. */
export function nicDevice(nic: NicAttachment, place: number): NicDevice {
  const id = nic.networkInterfaceId;
  return {
    attachment: nic,
    netdev: { type: 'tap', id: `net-${id}`, ifname: tapName(id), script: 'no', downscript: 'no' },
    // No boot from the network, so no option ROM: it costs time and memory.
    device: { driver: 'virtio-net-pci', id, ...slot(place), netdev: `net-${id}`, mac: nic.mac, romfile: '' },
  };
}
