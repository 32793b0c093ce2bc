/**
 * The few parts of the qcow2 format that Fogbank writes and reads itself: a new image without data, and the header
 * of an existing one. Starting `qemu-img` for each volume would cost more than everything else about it.
 * https://www.qemu.org/docs/master/interop/qcow2.html (version 3)
 */
import { type FileHandle, open } from 'node:fs/promises';

const MAGIC = 0x514649fb;
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
const HEADER_LENGTH = 104;
/** 2^4 = 16 bits for each reference count. */
const REFCOUNT_ORDER = 4;
const REFCOUNTS_PER_BLOCK = CLUSTER / 2;
/** An L2 table is one cluster of 8-byte entries; each entry maps a cluster. */
const BYTES_PER_L1_ENTRY = (CLUSTER / 8) * CLUSTER;
const BACKING_FORMAT_EXTENSION = 0xe2792aca;

export interface Backing {
  /** As written into the header: relative names are relative to the image's own folder. */
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
}

/**
 * The first clusters of an image of `virtualBytes` bytes that has no data of its own. Cluster 0 holds the header,
 * 1 the table of reference-count blocks, 2 its first block, the rest the empty L1 table.
 * @throws RangeError when the size is not a multiple of 512 or needs more tables than one block counts.
 */
export function emptyQcow2(virtualBytes: number, backing?: Backing): Buffer {
  if (virtualBytes % 512 !== 0 || virtualBytes <= 0) throw new RangeError('the size must be a multiple of 512 bytes');
  const l1Entries = Math.ceil(virtualBytes / BYTES_PER_L1_ENTRY);
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER);
  const clusters = 3 + l1Clusters;
  if (clusters > REFCOUNTS_PER_BLOCK) throw new RangeError('the image is too large');
  const image = Buffer.alloc(clusters * CLUSTER);
  image.writeUInt32BE(MAGIC, 0);
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(BigInt(virtualBytes), 24);
  image.writeUInt32BE(l1Entries, 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  image.writeBigUInt64BE(BigInt(CLUSTER), 48);
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(REFCOUNT_ORDER, 96);
  image.writeUInt32BE(HEADER_LENGTH, 100);
  if (backing) writeBacking(image, backing);
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < clusters; cluster++) image.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster);
  return image;
}

/** The extension that names the backing file's format, the end of extensions (eight zero bytes), then the name. */
function writeBacking(image: Buffer, backing: Backing): void {
  const file = Buffer.from(backing.file);
  if (file.length > 1023) throw new RangeError('the name of the backing file is too long');
  const format = Buffer.from(backing.format);
  image.writeUInt32BE(BACKING_FORMAT_EXTENSION, HEADER_LENGTH);
  image.writeUInt32BE(format.length, HEADER_LENGTH + 4);
  format.copy(image, HEADER_LENGTH + 8);
  const offset = HEADER_LENGTH + 8 + 8 + 8;
  file.copy(image, offset);
  image.writeBigUInt64BE(BigInt(offset), 8);
  image.writeUInt32BE(file.length, 16);
}

export interface ImageHeader {
  readonly format: 'qcow2' | 'raw';
  readonly virtualBytes: number;
  /** Name of the backing file as it stands in the header. */
  readonly backingFile?: string;
}

/** What kind of image a file is; everything that is not qcow2 is raw. @throws Error when it cannot be read. */
export async function readImageHeader(file: string): Promise<ImageHeader> {
  const handle = await open(file);
  try {
    const header = await bytes(handle, 0, 32);
    if (header.length < 32 || header.readUInt32BE(0) !== MAGIC) {
      return { format: 'raw', virtualBytes: (await handle.stat()).size };
    }
    const virtualBytes = Number(header.readBigUInt64BE(24));
    const nameLength = Math.min(header.readUInt32BE(16), 1023);
    if (nameLength === 0) return { format: 'qcow2', virtualBytes };
    const name = await bytes(handle, Number(header.readBigUInt64BE(8)), nameLength);
    return { format: 'qcow2', virtualBytes, backingFile: name.toString('utf8') };
  } finally {
    await handle.close();
  }
}

async function bytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
