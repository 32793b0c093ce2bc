import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { run } from '../run.ts';
import { ImageError } from '../types.ts';

export type DiskFormat = 'raw' | 'qcow2';

/** Writes a disk into a new qcow2 file in which every cluster is compressed (zstd). */
export async function compressDisk(source: string, format: DiskFormat, qcow2: string): Promise<void> {
  await run('qemu-img', ['convert', '-f', format, '-O', 'qcow2', '-c', '-o', 'compression_type=zstd', source, qcow2]);
}

export interface DiskInfo {
  format: DiskFormat;
  /** Size of the disk that a machine sees, in bytes. */
  virtualSize: number;
}

/**
 * What a downloaded disk is.
 * @throws ImageError when it refers to another file: such a disk could bring files of this machine into a guest.
 */
export async function inspectDisk(path: string): Promise<DiskInfo> {
  const format = await formatOf(path);
  const { stdout } = await promisify(execFile)('qemu-img', ['info', '--output=json', '-f', format, path]);
  const info: Record<string, unknown> = JSON.parse(stdout);
  const details = JSON.stringify(info['format-specific'] ?? {});
  if (info['backing-filename'] !== undefined || details.includes('"data-file"')) {
    throw new ImageError('the disk refers to another file, which an image must not');
  }
  const virtualSize = Number(info['virtual-size']);
  if (!(virtualSize > 0)) throw new ImageError('the disk is empty');
  return { format, virtualSize };
}

/** By the first four bytes: a raw disk with a partition table begins with the code of a boot loader, or zeroes. */
async function formatOf(path: string): Promise<DiskFormat> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw';
  } finally {
    await file.close();
  }
}
