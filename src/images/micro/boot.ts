import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SECTOR } from '../disk/partition-table.ts';
import { run } from '../run.ts';
import { ImageError } from '../types.ts';

const CHUNK = 128 * SECTOR;
/** Real-mode part at 0x90000, command line at 0x9e000 with its 2048 bytes. */
const COMMAND_LINE_OFFSET = 0xe000;
const SETUP_SIZE = COMMAND_LINE_OFFSET + 2048;
/** Above everything that the kernel writes while it decompresses itself. */
const INITRD_ADDRESS = 0x8000000;

export interface BootArea {
  /** The first sector's code, 440 bytes. */
  code: Buffer;
  /** What belongs to the sectors from `firstSector` on. */
  area: Buffer;
}

/** Offsets in the header of the boot protocol, version 2.06 or later. */
const header = {
  setupSectors: 0x1f1,
  videoMode: 0x1fa,
  magic: 0x202,
  loaderType: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  heapEnd: 0x224,
  commandLine: 0x228,
} as const;

/**
 * Prepares a kernel for the loader in `boot.asm`: fills in what a boot loader tells it, and assembles the loader with
 * the nasm of the tree `packages`.
 */
export async function bootArea(
  packages: string,
  kernel: Buffer,
  initramfs: Buffer,
  commandLine: string,
  firstSector: number,
): Promise<BootArea> {
  if (kernel.toString('latin1', header.magic, header.magic + 4) !== 'HdrS') throw new ImageError('not a Linux kernel');
  const setupSize = ((kernel[header.setupSectors] || 4) + 1) * SECTOR;
  const setup = Buffer.alloc(SETUP_SIZE);
  kernel.copy(setup, 0, 0, setupSize);
  setup.writeUInt16LE(0xffff, header.videoMode);
  setup[header.loaderType] = 0xff;
  // The heap above the real-mode part may be used, up to the command line less the stack.
  setup[header.loadFlags] = (setup[header.loadFlags] ?? 0) | 0x80;
  setup.writeUInt16LE(COMMAND_LINE_OFFSET - 0x400, header.heapEnd);
  setup.writeUInt32LE(0x90000 + COMMAND_LINE_OFFSET, header.commandLine);
  setup.writeUInt32LE(INITRD_ADDRESS, header.ramdiskImage);
  setup.writeUInt32LE(initramfs.length, header.ramdiskSize);
  setup.write(commandLine, COMMAND_LINE_OFFSET, 2047, 'latin1');

  const code = padToChunks(kernel.subarray(setupSize));
  const ramdisk = padToChunks(initramfs);
  const constants = {
    FIRST_SECTOR: firstSector,
    SETUP_SECTORS: SETUP_SIZE / SECTOR,
    KERNEL_CHUNKS: code.length / CHUNK,
    INITRD_CHUNKS: ramdisk.length / CHUNK,
    INITRD_ADDRESS,
  };
  return { code: await assemble(packages, constants), area: Buffer.concat([setup, code, ramdisk]) };
}

async function assemble(packages: string, constants: Record<string, number>): Promise<Buffer> {
  const source = join(packages, 'tmp/boot.asm');
  const output = join(packages, 'tmp/boot.bin');
  await copyFile(join(import.meta.dirname, 'boot.asm'), source);
  const defines = Object.entries(constants).map(([name, value]) => `-D${name}=${value}`);
  await run('chroot', [packages, '/usr/bin/nasm', '-f', 'bin', ...defines, '-o', '/tmp/boot.bin', '/tmp/boot.asm']);
  const code = await readFile(output);
  await rm(source);
  return code;
}

function padToChunks(bytes: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(bytes.length / CHUNK) * CHUNK);
  bytes.copy(padded);
  return padded;
}
