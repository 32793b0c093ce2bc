import { EngineError, type MachineSpec } from '../engine.ts';
import type { Accelerator } from './accelerator.ts';
import { BRIDGE, type DiskDevice, devicesOf, type NicDevice } from './devices.ts';
import { type DiskImage, secretName } from './disks/image-nodes.ts';
import { runFolder } from './paths.ts';
import { secretObject } from './secrets.ts';
import { type Firmware, VARIABLES_FILE } from './uefi.ts';

export interface CommandLineOptions {
  readonly accelerator: Accelerator;
  /** Needed by machines that boot by UEFI. */
  readonly firmware?: Firmware;
  /** Where sockets and the console log lie; the machine's own run folder when left out. */
  readonly run?: string;
  /** The images of disks by volume id; where one is missing, a volume of which no snapshot was taken. */
  readonly images?: ReadonlyMap<string, DiskImage>;
  /** Volumes with a key, in the order of their descriptors (`secrets.ts`). */
  readonly encrypted?: readonly string[];
  /** The file of the root disk, where it is not the volume's own. */
  readonly rootFile?: string;
  /** The guest's memory in a file, as it is kept for copies; memory of the process itself when left out. */
  readonly memory?: MemoryFile;
  /** The machine waits, and gets the state of its devices from a stream before it runs. */
  readonly incoming?: boolean;
}

export interface MemoryFile {
  readonly path: string;
  /** What the guest writes goes to the file; otherwise the file is read only and the guest's changes are its own. */
  readonly shared: boolean;
}

/** QEMU's option lists are separated by commas; a comma in a value is written twice. */
function option(value: string): string {
  return value.replaceAll(',', ',,');
}

function smbios(spec: MachineSpec): string[] {
  const vendor = 'manufacturer=Amazon EC2';
  return [
    ['type=0', 'vendor=Amazon EC2', 'version=1.0', 'date=10/16/2017'],
    [
      'type=1',
      vendor,
      `product=${option(spec.instanceType)}`,
      `serial=${option(spec.uuid)}`,
      `uuid=${option(spec.uuid)}`,
    ],
    // EC2 Instance Connect in the guest compares the asset tag with the instance id of the metadata service.
    ['type=2', vendor, 'product=', `asset=${option(spec.instanceId)}`],
    ['type=3', vendor, 'asset=Amazon EC2'],
  ].flatMap(fields => ['-smbios', fields.join(',')]);
}

function disks(devices: readonly DiskDevice[]): string[] {
  return devices.flatMap(({ node, device }) => ['-blockdev', JSON.stringify(node), '-device', JSON.stringify(device)]);
}

/** With the root disk in another file, if so. */
function imagesOf(spec: MachineSpec, { images = new Map(), rootFile }: CommandLineOptions): Map<string, DiskImage> {
  const root = spec.disks.find(disk => disk.root);
  return rootFile === undefined || !root
    ? new Map(images)
    : new Map(images).set(root.volumeId, { file: rootFile, generation: 0 });
}

function nics(devices: readonly NicDevice[]): string[] {
  return devices.flatMap(({ netdev, device }) => {
    const { type, ...rest } = netdev;
    const properties = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
    return ['-netdev', [type, ...properties].join(','), '-device', JSON.stringify(device)];
  });
}

function memory(spec: MachineSpec, file: MemoryFile | undefined): string {
  const size = `id=ram,size=${spec.memoryMib}M`;
  if (!file) return `memory-backend-memfd,${size},share=on`;
  return `memory-backend-file,${size},mem-path=${option(file.path)},share=${file.shared ? 'on' : 'off'}`;
}

/**
 * QEMU's arguments for a machine (without the program's name). File names are relative to the data folder, which
 * must be the working directory.
 * @throws EngineError `Invalid` when such a machine cannot exist here.
 */
export function commandLine(spec: MachineSpec, options: CommandLineOptions): string[] {
  if (spec.architecture !== 'x86_64') {
    throw new EngineError('Invalid', `this engine runs x86_64 machines, not ${spec.architecture}`);
  }
  if (spec.bootMode === 'uefi' && !options.firmware) {
    throw new EngineError('Invalid', 'the machine boots by UEFI, and there is no firmware for it');
  }
  const devices = devicesOf(spec, imagesOf(spec, options));
  const run = options.run ?? runFolder(spec.instanceId);
  const firmware = spec.bootMode === 'uefi' ? options.firmware : undefined;
  const pflash = firmware ? ',pflash0=uefi-code,pflash1=uefi-variables' : '';
  return [
    ...['-name', `guest=${spec.instanceId}`],
    ...['-no-user-config', '-nodefaults', '-msg', 'timestamp=on'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `q35,memory-backend=ram,usb=off,vmport=off,smm=off,sata=off,smbus=off,hpet=off${pflash}`],
    ...options.accelerator.arguments,
    ...['-uuid', spec.uuid],
    ...['-smp', `cpus=${spec.vcpus},maxcpus=${spec.vcpus},sockets=1,dies=1,cores=${spec.vcpus},threads=1`],
    ...['-m', `size=${spec.memoryMib}M`],
    ...['-object', memory(spec, options.memory)],
    ...smbios(spec),
    ...['-rtc', 'base=utc'],
    ...['-global', 'ICH9-LPC.disable_s3=1', '-global', 'ICH9-LPC.disable_s4=1'],
    ...['-boot', 'strict=on,menu=off'],
    // A guest that powers off leaves QEMU paused, so that a server that was away can still learn why it ended.
    '-no-shutdown',
    ...(firmware ? uefi(firmware.code, `${run}/${VARIABLES_FILE}`) : []),
    ...['-chardev', `socket,id=qmp,path=${run}/qmp.sock,server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
    ...[
      '-chardev',
      `socket,id=serial0,path=${run}/serial.sock,server=on,wait=off,logfile=${run}/console.log,logappend=on`,
    ],
    ...['-serial', 'chardev:serial0'],
    ...['-vnc', `unix:${run}/vnc.sock`, '-device', 'VGA,id=video,bus=pcie.0,addr=0x2'],
    ...['-object', 'rng-random,id=entropy,filename=/dev/urandom'],
    ...['-device', 'virtio-rng-pci,id=rng,bus=pcie.0,addr=0x3,rng=entropy'],
    ...['-device', 'virtio-balloon-pci,id=balloon,bus=pcie.0,addr=0x4,free-page-reporting=on,deflate-on-oom=on'],
    ...['-device', 'vmgenid,guid=auto'],
    ...['-device', `pcie-pci-bridge,id=${BRIDGE},bus=pcie.0,addr=0x10`],
    ...(options.encrypted ?? []).flatMap((id, index) => ['-object', secretObject(secretName(id), index)]),
    ...disks(devices.disks),
    ...nics(devices.nics),
    ...(options.incoming ? ['-S', '-incoming', 'defer'] : []),
  ];
}

function uefi(code: string, variables: string): string[] {
  const flash = (name: string, filename: string, readOnly: boolean) => [
    '-blockdev',
    JSON.stringify({ driver: 'raw', 'node-name': name, 'read-only': readOnly, file: { driver: 'file', filename } }),
  ];
  return [...flash('uefi-code', code, true), ...flash('uefi-variables', variables, false)];
}
