import { ImageError } from '../types.ts';
import { SECTOR } from './partition-table.ts';

/**
 * GRUB for BIOS has two parts: `boot.img`, the 440 bytes of code in the first sector, and `core.img`, whose first
 * sector loads the rest. Both hold the place of what follows them; normally `grub-bios-setup` writes it into a mounted
 * disk, here it is done on the plain bytes, since `core.img` lies in one piece.
 */
const CODE_END = 440;
const CORE_SECTOR_FIELD = 0x5c;
const DRIVE_CHECK = 0x66;
const BLOCKLIST = SECTOR - 12;

/** The first sector's code, told that core.img begins at sector `coreStart`. */
export function bootSectorCode(bootImg: Buffer, coreStart: number): Buffer {
  if (bootImg.length !== SECTOR || bootImg.readUInt16LE(510) !== 0xaa55) {
    throw new ImageError('boot.img of package grub-pc-bin is not a boot sector');
  }
  const code = Buffer.from(bootImg.subarray(0, CODE_END));
  code.writeBigUInt64LE(BigInt(coreStart), CORE_SECTOR_FIELD);
  // Two NOPs instead of the jump around the check of DL, as for every hard disk: some BIOSes pass a wrong drive.
  code.writeUInt16LE(0x9090, DRIVE_CHECK);
  return code;
}

/** core.img, told that it lies at sector `start` in one piece; padded to whole sectors. */
export function coreAt(coreImg: Buffer, start: number, roomSectors: number): Buffer {
  const sectors = Math.ceil(coreImg.length / SECTOR);
  if (sectors > roomSectors) throw new ImageError(`core.img needs ${sectors} sectors, only ${roomSectors} are free`);
  const core = Buffer.alloc(sectors * SECTOR);
  coreImg.copy(core);
  core.writeBigUInt64LE(BigInt(start + 1), BLOCKLIST);
  core.writeUInt16LE(sectors - 1, BLOCKLIST + 8);
  return core;
}
