import { join } from 'node:path';

/** The machine of an image test, as the qemu engine would make it. Without KVM, as that does not work everywhere. */
export interface TestMachine {
  folder: string;
  instanceId: string;
  uuid: string;
  /** The machine's own disk, qcow2. */
  disk: string;
  memoryMib: number;
  cpus: number;
  /** Arguments for the memory; by default it is the process's own. */
  memory?: readonly string[];
  /** TAP and MAC of an interface that is there from the start. */
  nic?: { tap: string; mac: string };
  extra?: readonly string[];
}

/** QEMU's arguments, without the program's name. The root disk is in slot 1, interfaces follow. */
export function machineArguments(machine: TestMachine): string[] {
  const { folder, uuid } = machine;
  const vendor = 'manufacturer=Amazon EC2';
  const memory = machine.memory ?? ['-object', `memory-backend-memfd,id=ram,size=${machine.memoryMib}M,share=on`];
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-machine', 'q35,memory-backend=ram,usb=off,vmport=off,smm=off,sata=off,smbus=off,hpet=off'],
    ...['-accel', 'tcg,thread=multi,tb-size=192', '-cpu', 'max,la57=off,erms=off'],
    ...['-smp', String(machine.cpus), '-m', String(machine.memoryMib), ...memory, '-uuid', uuid],
    ...['-smbios', 'type=0,vendor=Amazon EC2,version=1.0'],
    ...['-smbios', `type=1,${vendor},product=t3.micro,serial=${uuid},uuid=${uuid}`],
    ...['-smbios', `type=2,${vendor},asset=${machine.instanceId}`, '-smbios', `type=3,${vendor},asset=Amazon EC2`],
    ...['-rtc', 'base=utc', '-boot', 'strict=on,menu=off', '-device', 'VGA,id=video,bus=pcie.0,addr=0x2'],
    ...['-chardev', `file,id=serial,path=${join(folder, 'console.log')},append=on`, '-serial', 'chardev:serial'],
    ...['-qmp', `unix:${join(folder, 'qmp.sock')},server=on,wait=off`],
    ...['-object', 'rng-random,id=entropy,filename=/dev/urandom'],
    ...['-device', 'virtio-rng-pci,id=rng,bus=pcie.0,addr=0x3,rng=entropy'],
    // Without reports of free pages: a copy's would punch holes into the memory that it shares with the next copy.
    ...['-device', 'virtio-balloon-pci,id=balloon,bus=pcie.0,addr=0x4'],
    ...['-device', 'vmgenid,guid=auto', '-device', 'pcie-pci-bridge,id=slots,bus=pcie.0,addr=0x10'],
    ...['-drive', `if=none,id=root,file=${machine.disk},format=qcow2,cache=unsafe,discard=unmap`],
    ...[
      '-device',
      'virtio-blk-pci,id=disk,bus=slots,addr=0x1,disable-legacy=on,drive=root,serial=vol0123456789abcdef0,bootindex=0',
    ],
    ...(machine.nic
      ? [
          ...['-netdev', `tap,id=net0,ifname=${machine.nic.tap},script=no,downscript=no`],
          '-device',
          `virtio-net-pci,id=nic0,bus=slots,addr=0x2,disable-legacy=on,netdev=net0,mac=${machine.nic.mac},romfile=`,
        ]
      : []),
    ...(machine.extra ?? []),
  ];
}
