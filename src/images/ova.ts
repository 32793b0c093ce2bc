import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { ImageError } from './types.ts';

const BLOCK = 512;

/**
 * Takes the disk out of an OVA: a tar archive (POSIX.1-1988 ustar) with a description and one vmdk.
 * @param target file that is written
 * @throws ImageError when it is no such archive, or has no disk or several.
 * @see https://www.dmtf.org/standards/ovf
 */
export async function extractOva(file: string, target: string): Promise<void> {
  const disks: { readonly start: number; readonly size: number }[] = [];
  const handle = await open(file);
  try {
    const { size: end } = await handle.stat();
    for (let position = 0; position + BLOCK <= end; ) {
      const { buffer } = await handle.read(Buffer.alloc(BLOCK), 0, BLOCK, position);
      // Two blocks of zeros are the end.
      if (buffer.every(byte => byte === 0)) break;
      const entry = readHeader(buffer);
      if (entry === undefined) throw new ImageError('the file is no OVA: it is not a tar archive');
      const start = position + BLOCK;
      if (entry.isFile && entry.name.toLowerCase().endsWith('.vmdk')) disks.push({ start, size: entry.size });
      position = start + Math.ceil(entry.size / BLOCK) * BLOCK;
    }
    const [disk] = disks;
    if (disk === undefined || disks.length > 1)
      throw new ImageError(`the OVA has ${disks.length} disks; it must have one, as a .vmdk`);
    if (disk.start + disk.size > end) throw new ImageError('the OVA ends in the middle of its disk');
    const source = createReadStream(file, { start: disk.start, end: disk.start + disk.size - 1 });
    await pipeline(source, createWriteStream(target, { mode: 0o600 }));
  } finally {
    await handle.close();
  }
}

/** Undefined when the checksum says that it is none. */
function readHeader(block: Buffer): { name: string; size: number; isFile: boolean } | undefined {
  const text = (from: number, length: number) => beforeZero(block.subarray(from, from + length));
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (Number.parseInt(text(148, 8).trim(), 8) !== sum) return undefined;
  const type = block[156];
  return { name: text(0, 100), size: readSize(block.subarray(124, 136)), isFile: type === 0 || type === 0x30 };
}

/** Octal digits, or, of files above 8 GiB, a big-endian number with its highest bit set. */
function readSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(field.readBigUInt64BE(4));
  return Number.parseInt(beforeZero(field).trim() || '0', 8);
}

function beforeZero(field: Buffer): string {
  return field.toString('latin1').split('\0', 1)[0] ?? '';
}
