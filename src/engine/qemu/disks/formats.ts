import { type FileHandle, open } from 'node:fs/promises';
import { type DiskFileFormat, EngineError } from '../../engine.ts';
import { readImageHeader } from '../qcow2.ts';

/** QEMU's names of the formats. */
export const formatDrivers: Readonly<Record<DiskFileFormat, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vhd: 'vpc',
  vhdx: 'vhdx',
};

const SECTOR = 512;

export interface DiskFile {
  readonly format: DiskFileFormat;
  readonly virtualBytes: number;
}

/**
 * What a disk file is, by its own headers. It is looked at before QEMU opens it: one that says that its data is in other
 * files could make its content any file of this machine.
 * @throws EngineError `Invalid`
 */
export async function inspectDiskFile(path: string): Promise<DiskFile> {
  const handle = await open(path).catch(error => {
    throw new EngineError('Invalid', `the file cannot be read: ${error.message}`, { cause: error });
  });
  try {
    const { size } = await handle.stat();
    const head = await bytes(handle, 0, SECTOR);
    const magic = head.toString('latin1', 0, 8);
    if (magic.startsWith('QFI\xfb')) return { format: 'qcow2', virtualBytes: await qcow2Bytes(path) };
    if (magic.startsWith('KDMV')) return { format: 'vmdk', virtualBytes: vmdkBytes(head) };
    if (magic.startsWith('COWD') || /^#\s*Disk DescriptorFile/.test(head.toString('latin1'))) throw needsOthers('vmdk');
    if (magic === 'vhdxfile') return { format: 'vhdx', virtualBytes: await vhdxBytes(handle) };
    const foot = await bytes(handle, Math.max(0, size - SECTOR), SECTOR);
    const footer = [head, foot].find(block => block.toString('latin1', 0, 8) === 'conectix');
    if (footer) return { format: 'vhd', virtualBytes: vhdBytes(footer) };
    if (size === 0) throw new EngineError('Invalid', 'the file is empty');
    return { format: 'raw', virtualBytes: size };
  } catch (error) {
    if (error instanceof RangeError) throw new EngineError('Invalid', 'the file is cut off', { cause: error });
    throw error;
  } finally {
    await handle.close();
  }
}

async function qcow2Bytes(path: string): Promise<number> {
  const header = await readImageHeader(path);
  if (header.backingFile !== undefined || header.externalData) throw needsOthers('qcow2');
  if (header.encrypted) throw new EngineError('Invalid', 'the qcow2 disk is encrypted');
  return header.virtualBytes;
}

/** Hosted sparse extent header: the capacity in sectors; 0 means that a text in the file names the files with the data. */
function vmdkBytes(head: Buffer): number {
  const capacity = Number(head.readBigUInt64LE(12));
  if (capacity === 0) throw needsOthers('vmdk');
  return capacity * SECTOR;
}

/** The footer has the current size at 48 and the disk's type at 60: 4 holds differences to another disk. */
function vhdBytes(footer: Buffer): number {
  if (footer.readUInt32BE(60) === 4) throw needsOthers('vhd');
  return Number(footer.readBigUInt64BE(48));
}

/**
 * The region table names the metadata region, whose table names the item with the disk's size.
 * https://learn.microsoft.com/openspecs/windows_protocols/ms-vhdx (2.2.3, 2.6)
 */
async function vhdxBytes(handle: FileHandle): Promise<number> {
  const metadata = entryOf(await bytes(handle, 192 * 1024, 64 * 1024), 16, 32, '8b7ca206-4790-4b9a-b8fe-575f050f886e');
  if (!metadata) throw new EngineError('Invalid', 'the vhdx disk has no metadata');
  const start = Number(metadata.readBigUInt64LE(16));
  const size = entryOf(await bytes(handle, start, 64 * 1024), 32, 32, '2fa54224-cd1b-4876-b211-5dbed83bf4b8');
  const parameters = entryOf(await bytes(handle, start, 64 * 1024), 32, 32, 'caa16737-fa36-4d43-b3b6-33f0aa44e76b');
  if (!size || !parameters) throw new EngineError('Invalid', 'the vhdx disk does not say its size');
  const flags = await bytes(handle, start + parameters.readUInt32LE(16) + 4, 4);
  if ((flags.readUInt32LE(0) & 2) !== 0) throw needsOthers('vhdx');
  return Number((await bytes(handle, start + size.readUInt32LE(16), 8)).readBigUInt64LE(0));
}

/** The entry of a table that begins with a GUID, which is stored with its first three parts turned around. */
function entryOf(table: Buffer, first: number, length: number, guid: string): Buffer | undefined {
  const [a = '', b = '', c = '', ...rest] = guid.split('-');
  const turned = [a, b, c].map(part => Buffer.from(part, 'hex').reverse().toString('hex'));
  const wanted = Buffer.from([...turned, ...rest].join(''), 'hex');
  for (let at = first; at + length <= table.length; at += length) {
    if (table.subarray(at, at + 16).equals(wanted)) return table.subarray(at, at + length);
  }
  return undefined;
}

async function bytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function needsOthers(format: string): EngineError {
  return new EngineError('Invalid', `the ${format} disk is not whole: it says that its data is in other files`);
}
