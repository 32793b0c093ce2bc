import { EngineError, type MachineSpec } from '../engine.ts';
import type { Accelerator } from './accelerator.ts';
import { tapName } from './names.ts';
import { runFolder, volumeFile } from './paths.ts';
import { type Firmware, VARIABLES_FILE } from './uefi.ts';

/** EC2 allows 28 attachments (network interfaces and volumes together) on most instance types. */
export const MAX_ATTACHMENTS = 28;

/**
 * Where interfaces and disks are plugged in, from the start and later: one bridge with 31 slots. A PCI Express root
 * port for each of them would do the same and cost every boot a second of processor time (`docs/decisions/machines.md`).
 */
const BRIDGE = 'slots';

/** `bus` and `addr` of a slot, counted from 0. Legacy registers would take from the scarce I/O ports. */
function slot(number: number): string {
  return `bus=${BRIDGE},addr=0x${(number + 1).toString(16)},disable-legacy=on`;
}

export interface CommandLineOptions {
  readonly accelerator: Accelerator;
  /** Needed by machines that boot by UEFI. */
  readonly firmware?: Firmware;
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

/**
 * How the guest learns the name that the user chose for a disk: our images make a link from it. `/dev/sda1` and
 * `/dev/xvda` are 101, `/dev/sdf` is 106, `/dev/xvdaa` is 127; undefined for names of another form.
 */
export function deviceNameIndex(device: string): number | undefined {
  const letters = /^(?:\/dev\/)?(?:sd|xvd)([a-z]{1,2})\d*$/.exec(device)?.[1];
  if (letters === undefined) return undefined;
  return 100 + [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0);
}

function disks(spec: MachineSpec, firstSlot: number): string[] {
  const indexes = new Set<number>();
  return spec.disks.flatMap((disk, index) => {
    const named = deviceNameIndex(disk.device);
    // QEMU refuses an index twice; /dev/sdf and /dev/xvdf would be the same name to the guest.
    const unique = named !== undefined && !indexes.has(named);
    if (unique) indexes.add(named);
    const name = unique ? `,acpi-index=${named}` : '';
    const serial = disk.volumeId.replace('-', '');
    const readOnly = disk.readOnly ? 'on' : 'off';
    const format = {
      driver: 'qcow2',
      'node-name': serial,
      'read-only': disk.readOnly ?? false,
      discard: 'unmap',
      'detect-zeroes': 'unmap',
      // Write-back through the host's page cache, which all overlays of one AMI share; guests' flushes reach the disk.
      cache: { direct: false, 'no-flush': false },
      file: {
        driver: 'file',
        filename: volumeFile(disk.volumeId),
        aio: 'threads',
        discard: 'unmap',
      },
    };
    const boot = disk.root ? ',bootindex=0' : '';
    return [
      '-blockdev',
      JSON.stringify(format),
      '-device',
      `virtio-blk-pci,id=${serial},${slot(firstSlot + index)},drive=${serial},serial=${serial},write-cache=on${boot}${name}` +
        (readOnly === 'on' ? '' : ',discard=on'),
    ];
  });
}

function nics(spec: MachineSpec): string[] {
  return [...spec.nics]
    .sort((a, b) => a.deviceIndex - b.deviceIndex)
    .flatMap((nic, index) => {
      const id = nic.networkInterfaceId;
      return [
        '-netdev',
        `tap,id=net-${id},ifname=${tapName(id)},script=no,downscript=no`,
        '-device',
        // No boot from the network, so no option ROM: it costs time and memory.
        `virtio-net-pci,id=${id},${slot(index)},netdev=net-${id},mac=${option(nic.mac)},romfile=`,
      ];
    });
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
  if (spec.nics.length + spec.disks.length > MAX_ATTACHMENTS) {
    throw new EngineError('Invalid', `a machine has at most ${MAX_ATTACHMENTS} disks and network interfaces`);
  }
  if (spec.bootMode === 'uefi' && !options.firmware) {
    throw new EngineError('Invalid', 'the machine boots by UEFI, and there is no firmware for it');
  }
  const run = runFolder(spec.instanceId);
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
    ...['-object', `memory-backend-memfd,id=ram,size=${spec.memoryMib}M,share=on`],
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
    ...nics(spec),
    ...disks(spec, spec.nics.length),
  ];
}

function uefi(code: string, variables: string): string[] {
  const flash = (name: string, filename: string, readOnly: boolean) => [
    '-blockdev',
    JSON.stringify({ driver: 'raw', 'node-name': name, 'read-only': readOnly, file: { driver: 'file', filename } }),
  ];
  return [...flash('uefi-code', code, true), ...flash('uefi-variables', variables, false)];
}
