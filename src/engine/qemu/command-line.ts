import { EngineError, type MachineSpec } from '../engine.ts';
import type { Accelerator } from './accelerator.ts';
import { tapName } from './names.ts';
import { runFolder, volumeFile } from './paths.ts';
import { type Firmware, VARIABLES_FILE } from './uefi.ts';

/**
 * Hot-plug places: EC2 allows 28 attachments (interfaces and volumes together) on most types. QEMU cannot add a
 * root port to a running machine, so all of them are there from the start.
 */
export const HOT_PLUG_PORTS = 28;

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

/** Eight ports share a slot, as functions: one slot each would leave no room on the root bus. */
function hotPlugPorts(): string[] {
  return Array.from({ length: HOT_PLUG_PORTS }, (_, port) => {
    const slot = 0x10 + Math.floor(port / 8);
    const address = `addr=0x${slot.toString(16)}.${port % 8}${port % 8 === 0 ? ',multifunction=on' : ''}`;
    return ['-device', `pcie-root-port,id=port${port},bus=pcie.0,chassis=${port + 1},${address}`];
  }).flat();
}

function disks(spec: MachineSpec, firstPort: number): string[] {
  return spec.disks.flatMap((disk, index) => {
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
      `virtio-blk-pci,id=${serial},bus=port${firstPort + index},drive=${serial},serial=${serial},write-cache=on${boot}` +
        (readOnly === 'on' ? '' : ',discard=on'),
    ];
  });
}

function nics(spec: MachineSpec, firstPort: number): string[] {
  return [...spec.nics]
    .sort((a, b) => a.deviceIndex - b.deviceIndex)
    .flatMap((nic, index) => {
      const id = nic.networkInterfaceId;
      return [
        '-netdev',
        `tap,id=net-${id},ifname=${tapName(id)},script=no,downscript=no`,
        '-device',
        // No boot from the network, so no option ROM: it costs time and memory.
        `virtio-net-pci,id=${id},bus=port${firstPort + index},netdev=net-${id},mac=${option(nic.mac)},romfile=`,
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
  if (spec.nics.length + spec.disks.length > HOT_PLUG_PORTS) {
    throw new EngineError('Invalid', `a machine has at most ${HOT_PLUG_PORTS} disks and network interfaces`);
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
    ...hotPlugPorts(),
    ...nics(spec, 0),
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
