/**
 * The few parts of the qcow2 format that Fogbank writes and reads itself: a new image without data, and the header
 * of an existing one. Starting `qemu-img` for each volume would cost more than everything else about it.
 * https://www.qemu.org/docs/master/interop/qcow2.html (version 3)
 */
import { type FileHandle, open } from 'node:fs/promises';
import { LUKS_HEADER_BYTES, luksHeader } from './luks.ts';

const MAGIC = 0x514649fb;
/**
 * 128 KiB: with 32 subclusters of 4 KiB each, what guests write at once, a write that meets an unwritten cluster copies
 * nothing from below, and a snapshot holds little more than what was written.
 */
const CLUSTER_BITS = 17;
const CLUSTER = 1 << CLUSTER_BITS;
const HEADER_LENGTH = 104;
/** Incompatible feature: L2 entries of 16 bytes, which tell of subclusters. */
const EXTENDED_L2 = 0x10n;
const EXTERNAL_DATA = 0x4n;
/** 2^4 = 16 bits for each reference count. */
const REFCOUNT_ORDER = 4;
const REFCOUNTS_PER_BLOCK = CLUSTER / 2;
/** An L2 table is one cluster of 16-byte entries; each entry maps a cluster. */
const BYTES_PER_L1_ENTRY = (CLUSTER / 16) * CLUSTER;
const BACKING_FORMAT_EXTENSION = 0xe2792aca;
const ENCRYPTION_EXTENSION = 0x0537be77;
const CRYPT_LUKS = 2;

export interface Backing {
  /** As written into the header: relative names are relative to the image's own folder. */
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
}

export interface EmptyOptions {
  readonly backing?: Backing | undefined;
  /** Encrypts what will be written. */
  readonly passphrase?: string | undefined;
}

function clustersOf(virtualBytes: number, encrypted = false): { l1Entries: number; clusters: number } {
  if (virtualBytes % 512 !== 0 || virtualBytes <= 0) throw new RangeError('the size must be a multiple of 512 bytes');
  const l1Entries = Math.ceil(virtualBytes / BYTES_PER_L1_ENTRY);
  const luks = encrypted ? Math.ceil(LUKS_HEADER_BYTES / CLUSTER) : 0;
  const clusters = 3 + Math.ceil((l1Entries * 8) / CLUSTER) + luks;
  if (clusters > REFCOUNTS_PER_BLOCK) throw new RangeError('the image is too large');
  return { l1Entries, clusters };
}

/** Bytes of an image file of `virtualBytes` bytes that has no data of its own. */
export function emptyLength(virtualBytes: number): number {
  return clustersOf(virtualBytes).clusters * CLUSTER;
}

/**
 * Makes an open file an image of `virtualBytes` bytes that has no data of its own. Cluster 0 holds the header, 1 the
 * table of reference-count blocks, 2 its first block, then come the empty L1 table, which is a hole in the file, and with
 * a passphrase the header of the encryption.
 * @throws RangeError when the size is not a multiple of 512 or needs more tables than one block counts.
 */
export async function writeEmptyQcow2(
  handle: FileHandle,
  virtualBytes: number,
  { backing, passphrase }: EmptyOptions = {},
): Promise<void> {
  const { l1Entries, clusters } = clustersOf(virtualBytes, passphrase !== undefined);
  const luksOffset = clusters * CLUSTER - Math.ceil(LUKS_HEADER_BYTES / CLUSTER) * CLUSTER;
  const header = Buffer.alloc(4096);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(CLUSTER_BITS, 20);
  header.writeBigUInt64BE(BigInt(virtualBytes), 24);
  header.writeUInt32BE(l1Entries, 36);
  header.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  header.writeBigUInt64BE(BigInt(CLUSTER), 48);
  header.writeUInt32BE(1, 56);
  header.writeBigUInt64BE(EXTENDED_L2, 72);
  header.writeUInt32BE(REFCOUNT_ORDER, 96);
  header.writeUInt32BE(HEADER_LENGTH, 100);
  writeExtensions(header, backing, passphrase === undefined ? undefined : luksOffset);
  const table = Buffer.alloc(8);
  table.writeBigUInt64BE(BigInt(2 * CLUSTER), 0);
  const counts = Buffer.alloc(2 * clusters);
  for (let cluster = 0; cluster < clusters; cluster++) counts.writeUInt16BE(1, 2 * cluster);
  await handle.truncate(clusters * CLUSTER);
  await handle.write(header, 0, header.length, 0);
  await handle.write(table, 0, table.length, CLUSTER);
  await handle.write(counts, 0, counts.length, 2 * CLUSTER);
  if (passphrase === undefined) return;
  const luks = luksHeader(passphrase);
  await handle.write(luks, 0, luks.length, luksOffset);
}

/** Makes a file of that name as `writeEmptyQcow2` does. @throws RangeError */
export async function createEmptyQcow2(file: string, virtualBytes: number, backing?: Backing): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await writeEmptyQcow2(handle, virtualBytes, backing ? { backing } : {});
  } finally {
    await handle.close();
  }
}

/**
 * The extensions that name the backing file's format and where the header of the encryption is, the end of extensions
 * (eight zero bytes), then the backing file's name.
 */
function writeExtensions(image: Buffer, backing: Backing | undefined, luksOffset: number | undefined): void {
  let at = HEADER_LENGTH;
  if (backing) {
    const format = Buffer.from(backing.format);
    image.writeUInt32BE(BACKING_FORMAT_EXTENSION, at);
    image.writeUInt32BE(format.length, at + 4);
    format.copy(image, at + 8);
    at += 16;
  }
  if (luksOffset !== undefined) {
    image.writeUInt32BE(CRYPT_LUKS, 32);
    image.writeUInt32BE(ENCRYPTION_EXTENSION, at);
    image.writeUInt32BE(16, at + 4);
    image.writeBigUInt64BE(BigInt(luksOffset), at + 8);
    image.writeBigUInt64BE(BigInt(LUKS_HEADER_BYTES), at + 16);
    at += 24;
  }
  if (!backing) return;
  const file = Buffer.from(backing.file);
  if (file.length > 1023) throw new RangeError('the name of the backing file is too long');
  file.copy(image, at + 8);
  image.writeBigUInt64BE(BigInt(at + 8), 8);
  image.writeUInt32BE(file.length, 16);
}

export interface ImageHeader {
  readonly format: 'qcow2' | 'raw';
  readonly virtualBytes: number;
  /** Name of the backing file as it stands in the header. */
  readonly backingFile?: string;
  /** Its own blocks are encrypted. */
  readonly encrypted?: true;
  /** It holds snapshots of its own, as QEMU makes them inside an image. */
  readonly hasSnapshots?: true;
  /** Its data is in another file. */
  readonly externalData?: true;
}

/** What kind of image a file is; everything that is not qcow2 is raw. @throws Error when it cannot be read. */
export async function readImageHeader(file: string): Promise<ImageHeader> {
  const handle = await open(file);
  try {
    const header = await bytes(handle, 0, HEADER_LENGTH);
    if (header.length < 72 || header.readUInt32BE(0) !== MAGIC) {
      return { format: 'raw', virtualBytes: (await handle.stat()).size };
    }
    const virtualBytes = Number(header.readBigUInt64BE(24));
    const nameLength = Math.min(header.readUInt32BE(16), 1023);
    const name = nameLength > 0 ? await bytes(handle, Number(header.readBigUInt64BE(8)), nameLength) : undefined;
    // Version 2 ends with byte 71, and has no features.
    const features = header.readUInt32BE(4) >= 3 && header.length >= 80 ? header.readBigUInt64BE(72) : 0n;
    return {
      format: 'qcow2',
      virtualBytes,
      ...(name ? { backingFile: name.toString('utf8') } : {}),
      ...(header.readUInt32BE(32) === 0 ? {} : { encrypted: true as const }),
      ...(header.readUInt32BE(60) === 0 ? {} : { hasSnapshots: true as const }),
      ...((features & EXTERNAL_DATA) === 0n ? {} : { externalData: true as const }),
    };
  } finally {
    await handle.close();
  }
}

async function bytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
