import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from './types.ts';

const BLOCK = 512;

/** A file in an archive: where its content lies. */
export interface TarEntry {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

/**
 * The files in a tar archive (POSIX.1-1988, ustar).
 * @throws ImageError when it is none, or ends in the middle of a file.
 */
export async function tarEntries(file: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const handle = await open(file);
  try {
    const { size: end } = await handle.stat();
    for (let position = 0; position + BLOCK <= end; ) {
      const { buffer } = await handle.read(Buffer.alloc(BLOCK), 0, BLOCK, position);
      // Two blocks of zeros are the end.
      if (buffer.every(byte => byte === 0)) break;
      const header = readHeader(buffer);
      if (header === undefined) throw new ImageError('the file is not a tar archive');
      const start = position + BLOCK;
      if (start + header.size > end) throw new ImageError(`the archive ends in the middle of ${header.name}`);
      if (header.isFile) entries.push({ name: header.name, start, size: header.size });
      position = start + Math.ceil(header.size / BLOCK) * BLOCK;
    }
  } finally {
    await handle.close();
  }
  return entries;
}

/** The content of an entry. */
export function readEntry(file: string, { start, size }: TarEntry): AsyncIterable<Buffer> {
  // An end before the start would be refused.
  return size === 0 ? empty() : createReadStream(file, { start, end: start + size - 1 });
}

async function* empty(): AsyncGenerator<Buffer> {}

/** Appends a file to an archive that is being written. @param onBytes told how much of it is there */
export async function addEntry(
  archive: FileHandle,
  name: string,
  size: number,
  content: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  await archive.write(header(name, size));
  let written = 0;
  for await (const chunk of content) {
    await archive.write(chunk);
    written += chunk.length;
    onBytes(written);
  }
  if (written !== size) throw new Error(`${name} has ${written} bytes, not ${size}`);
  const rest = written % BLOCK;
  if (rest > 0) await archive.write(Buffer.alloc(BLOCK - rest));
}

/** Ends an archive. */
export async function endArchive(archive: FileHandle): Promise<void> {
  await archive.write(Buffer.alloc(2 * BLOCK));
}

/** Undefined when the checksum says that it is none. */
function readHeader(block: Buffer): { name: string; size: number; isFile: boolean } | undefined {
  const text = (from: number, length: number) => beforeZero(block.subarray(from, from + length));
  if (Number.parseInt(text(148, 8).trim(), 8) !== checksum(block)) return undefined;
  const type = block[156];
  return { name: text(0, 100), size: readSize(block.subarray(124, 136)), isFile: type === 0 || type === 0x30 };
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, 'latin1');
  block.write('0000600\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  if (size < 8 ** 11) block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write(`${'0'.repeat(11)}\0`, 136, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** The sum of all bytes, those of the checksum itself taken as spaces. */
function checksum(block: Buffer): number {
  return block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
}

/** Octal digits, or, of files above 8 GiB, a big-endian number with the field's highest bit set. */
function readSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(field.readBigUInt64BE(4));
  return Number.parseInt(beforeZero(field).trim() || '0', 8);
}

function beforeZero(field: Buffer): string {
  return field.toString('latin1').split('\0', 1)[0] ?? '';
}
