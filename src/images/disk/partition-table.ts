import { crc32 } from 'node:zlib';

export const SECTOR = 512;

const GPT_ENTRY_COUNT = 128;
const GPT_ENTRY_SIZE = 128;
const GPT_ENTRY_SECTORS = (GPT_ENTRY_COUNT * GPT_ENTRY_SIZE) / SECTOR;

export interface MbrPartition {
  /** 1 to 4. */
  number: number;
  type: number;
  active?: boolean;
  /** First sector and, exclusive, the last. */
  start: number;
  end: number;
}

export const MBR_LINUX = 0x83;
/** Data without a file system. */
export const MBR_DATA = 0xda;

/**
 * The last 72 bytes of a master boot record: what follows the boot code.
 * @param signature 32-bit disk signature, from which Linux makes the PARTUUID.
 */
export function mbrTable(signature: number, partitions: readonly MbrPartition[]): Buffer {
  const table = Buffer.alloc(72);
  table.writeUInt32LE(signature >>> 0, 0);
  for (const partition of partitions) {
    const at = 6 + (partition.number - 1) * 16;
    writeMbrEntry(table.subarray(at, at + 16), partition);
  }
  table.writeUInt16LE(0xaa55, 70);
  return table;
}

export interface GuidPartition {
  /** 1 to 128. */
  number: number;
  type: string;
  uuid: string;
  name: string;
  /** First sector and, exclusive, the last. */
  start: number;
  end: number;
}

export const LINUX_FILESYSTEM = '0fc63daf-8483-4772-8e79-3d69d8477de4';
export const BIOS_BOOT = '21686148-6449-6e6f-744e-656564454649';

/** The pieces of a GUID partition table (UEFI specification 2.10, chapter 5) and the sectors where they belong. */
export function guidTable(
  sectors: number,
  diskUuid: string,
  partitions: readonly GuidPartition[],
): Map<number, Buffer> {
  const entries = Buffer.alloc(GPT_ENTRY_COUNT * GPT_ENTRY_SIZE);
  for (const partition of partitions) {
    const entry = entries.subarray((partition.number - 1) * GPT_ENTRY_SIZE, partition.number * GPT_ENTRY_SIZE);
    guidBytes(partition.type).copy(entry, 0);
    guidBytes(partition.uuid).copy(entry, 16);
    entry.writeBigUInt64LE(BigInt(partition.start), 32);
    entry.writeBigUInt64LE(BigInt(partition.end - 1), 40);
    entry.write(partition.name, 56, 72, 'utf16le');
  }
  const last = sectors - 1;
  const firstUsable = 2 + GPT_ENTRY_SECTORS;
  const lastUsable = last - GPT_ENTRY_SECTORS - 1;
  const header = (own: number, other: number, entriesAt: number): Buffer => {
    const block = Buffer.alloc(SECTOR);
    block.write('EFI PART', 0, 'latin1');
    block.writeUInt32LE(0x00010000, 8);
    block.writeUInt32LE(92, 12);
    block.writeBigUInt64LE(BigInt(own), 24);
    block.writeBigUInt64LE(BigInt(other), 32);
    block.writeBigUInt64LE(BigInt(firstUsable), 40);
    block.writeBigUInt64LE(BigInt(lastUsable), 48);
    guidBytes(diskUuid).copy(block, 56);
    block.writeBigUInt64LE(BigInt(entriesAt), 72);
    block.writeUInt32LE(GPT_ENTRY_COUNT, 80);
    block.writeUInt32LE(GPT_ENTRY_SIZE, 84);
    block.writeUInt32LE(crc32(entries), 88);
    block.writeUInt32LE(crc32(block.subarray(0, 92)), 16);
    return block;
  };
  return new Map([
    [1, header(1, last, 2)],
    [2, entries],
    [last - GPT_ENTRY_SECTORS, entries],
    [last, header(last, 1, last - GPT_ENTRY_SECTORS)],
  ]);
}

/** The protective MBR's table that stands before a GUID partition table; same place as {@link mbrTable}. */
export function protectiveTable(sectors: number): Buffer {
  return mbrTable(0, [{ number: 1, type: 0xee, start: 1, end: sectors }]);
}

/** Last sector, exclusive, that a partition may use on a GPT disk; aligned to 1 MiB. */
export function guidLimit(sectors: number): number {
  return Math.floor((sectors - GPT_ENTRY_SECTORS - 1) / 2048) * 2048;
}

function writeMbrEntry(entry: Buffer, { active = false, type, start, end }: MbrPartition): void {
  entry[0] = active ? 0x80 : 0;
  entry[4] = type;
  // Cylinder, head and sector say "too large": everybody reads the sector numbers that follow.
  entry.set([0xfe, 0xff, 0xff], 1);
  entry.set([0xfe, 0xff, 0xff], 5);
  entry.writeUInt32LE(start, 8);
  entry.writeUInt32LE(Math.min(end - start, 0xffffffff), 12);
}

/** A GUID in its mixed-endian form on disk. */
function guidBytes(guid: string): Buffer {
  const raw = Buffer.from(guid.replaceAll('-', ''), 'hex');
  raw.subarray(0, 4).reverse();
  raw.subarray(4, 6).reverse();
  raw.subarray(6, 8).reverse();
  return raw;
}
