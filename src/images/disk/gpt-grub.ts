import type { SectorBytes } from './disk.ts';
import { bootSectorCode, coreAt } from './grub.ts';
import { BIOS_BOOT, guidLimit, guidTable, LINUX_FILESYSTEM, protectiveTable } from './partition-table.ts';

/** The boot loader has its own partition (1 MiB at 1 MiB), the root file system follows it. */
const BOOT_START = 2048;
const ROOT_START = 4096;

/** Where the root partition of such a disk begins and, exclusive, ends. */
export function guidRoot(sectors: number): { rootStart: number; rootEnd: number } {
  return { rootStart: ROOT_START, rootEnd: guidLimit(sectors) };
}

/**
 * Partition table and GRUB of a disk as Debian lays it out for EC2: the root file system is partition 1, the boot
 * loader partition 14. The identities of disk and partitions are derived from `uuid`.
 */
export function guidBoot(sectors: number, uuid: string, bootImg: Buffer, coreImg: Buffer): SectorBytes[] {
  const { rootStart, rootEnd } = guidRoot(sectors);
  const id = (n: number): string => uuid.slice(0, -2) + (0xa0 + n).toString(16);
  const table = guidTable(sectors, id(0), [
    { number: 1, type: LINUX_FILESYSTEM, uuid: id(1), name: 'root', start: rootStart, end: rootEnd },
    { number: 14, type: BIOS_BOOT, uuid: id(14), name: 'bios-boot', start: BOOT_START, end: rootStart },
  ]);
  return [
    [0, Buffer.concat([bootSectorCode(bootImg, BOOT_START), protectiveTable(sectors)])],
    ...table,
    [BOOT_START, coreAt(coreImg, BOOT_START, rootStart - BOOT_START)],
  ];
}
