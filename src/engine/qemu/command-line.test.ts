import { describe, expect, test } from 'vitest';
import type { MachineSpec } from '../engine.ts';
import type { Accelerator } from './accelerator.ts';
import { commandLine } from './command-line.ts';
import { deviceNameIndex, MAX_ATTACHMENTS } from './devices.ts';

const accelerator: Accelerator = { name: 'tcg', arguments: ['-accel', 'tcg'], reason: 'test' };

const spec: MachineSpec = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 't3.micro',
  vcpus: 2,
  memoryMib: 1024,
  architecture: 'x86_64',
  uuid: 'ec2f0000-0000-4000-8000-000000000001',
  bootMode: 'legacy-bios',
  disks: [
    { volumeId: 'vol-0aaaaaaaaaaaaaaaa', device: '/dev/xvda', root: true },
    { volumeId: 'vol-0bbbbbbbbbbbbbbbb', device: '/dev/sdf', root: false, readOnly: true },
  ],
  nics: [
    { networkInterfaceId: 'eni-0ffffffffffffff22', vpcId: 'vpc-1', mac: '02:00:00:00:00:02', deviceIndex: 1 },
    { networkInterfaceId: 'eni-0ffffffffffffff11', vpcId: 'vpc-1', mac: '02:00:00:00:00:01', deviceIndex: 0 },
  ],
};

function valuesOf(argv: readonly string[], name: string): string[] {
  return argv.flatMap((argument, index) => (argument === name ? [argv[index + 1] ?? ''] : []));
}

describe("QEMU's command line", () => {
  const argv = commandLine(spec, { accelerator });
  const devices = valuesOf(argv, '-device');
  /** Disks and interfaces are given as JSON, as QMP takes them too. */
  const plugged = (driver: string) =>
    devices
      .filter(device => device.startsWith('{'))
      .map(device => JSON.parse(device))
      .filter(device => device.driver === driver);

  test('has processors, memory and accelerator of the machine', () => {
    expect(valuesOf(argv, '-smp')).toEqual(['cpus=2,maxcpus=2,sockets=1,dies=1,cores=2,threads=1']);
    expect(valuesOf(argv, '-m')).toEqual(['size=1024M']);
    expect(valuesOf(argv, '-object')).toContain('memory-backend-memfd,id=ram,size=1024M,share=on');
    expect(valuesOf(argv, '-machine')[0]).toMatch(/^q35,memory-backend=ram,/);
    expect(argv.join(' ')).toContain('-accel tcg');
  });

  test('shows what guests look for on EC2', () => {
    const tables = valuesOf(argv, '-smbios');
    expect(tables).toContain(`type=1,manufacturer=Amazon EC2,product=t3.micro,serial=${spec.uuid},uuid=${spec.uuid}`);
    expect(tables.find(table => table.startsWith('type=2'))).toMatch(/asset=i-0123456789abcdef0$/);
    expect(tables).toContain('type=3,manufacturer=Amazon EC2,asset=Amazon EC2');
    expect(valuesOf(argv, '-uuid')).toEqual([spec.uuid]);
  });

  test('gives every disk its volume id as serial, its own port, and boots from the root disk alone', () => {
    const disks = plugged('virtio-blk-pci');
    expect(disks[0]).toMatchObject({
      bus: 'slots',
      addr: '0x1',
      'disable-legacy': 'on',
      drive: 'vol0aaaaaaaaaaaaaaaa',
      serial: 'vol0aaaaaaaaaaaaaaaa',
      bootindex: 0,
    });
    expect(disks[1]).toMatchObject({ addr: '0x4', drive: 'vol0bbbbbbbbbbbbbbbb', serial: 'vol0bbbbbbbbbbbbbbbb' });
    expect(disks[1]).not.toHaveProperty('bootindex');
    const nodes = valuesOf(argv, '-blockdev').map(text => JSON.parse(text));
    expect(nodes[0]).toMatchObject({ 'read-only': false, file: { filename: 'volumes/vol-0aaaaaaaaaaaaaaaa.qcow2' } });
    expect(nodes[1]).toMatchObject({ 'read-only': true });
    for (const node of nodes) expect(node.cache['no-flush']).toBe(false);
  });

  test.each([
    ['/dev/sda1', 101],
    ['/dev/xvda', 101],
    ['/dev/sdf', 106],
    ['xvdz', 126],
    ['/dev/xvdaa', 127],
    ['/dev/nvme0n1', undefined],
  ])('tells the guest the name of %s', (device, index) => {
    expect(deviceNameIndex(device)).toBe(index);
  });

  test('tells no name twice', () => {
    const twins = ['/dev/sdf', '/dev/xvdf'].map((device, n) => ({
      volumeId: `vol-0${String(n).repeat(16)}`,
      device,
      root: false,
    }));
    const words = commandLine({ ...spec, disks: twins }, { accelerator }).join(' ');
    expect(words.match(/"acpi-index":106/g)).toHaveLength(1);
  });

  test('puts interfaces in the order of their device index', () => {
    const nics = plugged('virtio-net-pci');
    expect(nics[0]).toMatchObject({
      id: 'eni-0ffffffffffffff11',
      bus: 'slots',
      addr: '0x2',
      mac: '02:00:00:00:00:01',
    });
    expect(nics[1]).toMatchObject({ id: 'eni-0ffffffffffffff22', bus: 'slots', addr: '0x3' });
    expect(valuesOf(argv, '-netdev')[0]).toBe(
      'tap,id=net-eni-0ffffffffffffff11,ifname=tapffffffffff11,script=no,downscript=no',
    );
  });

  test('takes its memory from a file, and what it resumes from a stream', () => {
    const resumed = commandLine(spec, {
      accelerator,
      memory: { path: 'warm/a,b/ram', shared: false },
      incoming: true,
    });
    expect(valuesOf(resumed, '-object')).toContain(
      'memory-backend-file,id=ram,size=1024M,mem-path=warm/a,,b/ram,share=off',
    );
    expect(resumed.slice(-3)).toEqual(['-S', '-incoming', 'defer']);
  });

  test('has a slot for every attachment that can come later, and one device in a slot', () => {
    expect(devices).toContain('pcie-pci-bridge,id=slots,bus=pcie.0,addr=0x10');
    expect(MAX_ATTACHMENTS).toBeLessThanOrEqual(31);
    const places = devices
      .map(device =>
        /bus"?[=:]"?[^,"]+"?,"?addr"?[=:]"?[^,"]+/.exec(device)?.[0].replaceAll('"', '').replaceAll(':', '='),
      )
      .filter(place => place !== undefined);
    expect(places.length).toBeGreaterThan(6);
    expect(new Set(places).size).toBe(places.length);
  });

  test('confines the process', () => {
    expect(valuesOf(argv, '-sandbox')).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(argv).toContain('-nodefaults');
    expect(argv).toContain('-no-user-config');
  });

  test('lets no value begin an option of its own', () => {
    const sly = commandLine({ ...spec, instanceType: 'x,uuid=1' }, { accelerator });
    expect(valuesOf(sly, '-smbios')[1]).toContain('product=x,,uuid=1,serial=');
    expect(() => commandLine({ ...spec, instanceId: '../../etc' }, { accelerator })).toThrow(/not the id/);
    const [disk] = spec.disks;
    const evil = { ...spec, disks: [{ ...disk, volumeId: 'vol-../x', device: '/dev/xvda', root: true }] };
    expect(() => commandLine(evil, { accelerator })).toThrow(/not the id/);
  });

  test('exists for UEFI with firmware, and for no machine that cannot be', () => {
    const uefi = commandLine(
      { ...spec, bootMode: 'uefi' },
      { accelerator, firmware: { code: '/c.fd', variables: '/v.fd' } },
    );
    expect(valuesOf(uefi, '-machine')[0]).toContain('pflash0=uefi-code,pflash1=uefi-variables');
    const flash = valuesOf(uefi, '-blockdev').map(text => JSON.parse(text).file.filename);
    expect(flash.slice(0, 2)).toEqual(['/c.fd', 'machines/i-0123456789abcdef0/run/uefi-variables.fd']);
    expect(() => commandLine({ ...spec, bootMode: 'uefi' }, { accelerator })).toThrow(/UEFI/);
    expect(() => commandLine({ ...spec, architecture: 'arm64' }, { accelerator })).toThrow(/x86_64/);
    const many = Array.from({ length: 27 }, (_, index) => ({
      volumeId: `vol-${String(index).padStart(8, '0')}`,
      device: '/dev/x',
      root: false,
    }));
    expect(() => commandLine({ ...spec, disks: many }, { accelerator })).toThrow(/at most 28/);
  });
});
