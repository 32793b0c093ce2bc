/**
 * What identifies one machine and lies in a frozen guest's memory: the firmware's tables and the kernel's copies of
 * them, the boot id, systemd's machine id. A copy gets its own values before it runs, of the same length in the same
 * places.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { Extent } from './extents.ts';

export interface Identity {
  /** `i-` and 17 characters. */
  readonly instanceId: string;
  /** SMBIOS system UUID and serial number. */
  readonly uuid: string;
  /** A UUID. */
  readonly bootId: string;
  /** 32 hexadecimal digits; absent where the guest keeps none in memory. */
  readonly machineId?: string;
}

/** `i-w` cannot begin an instance's id: by it a guest knows that it is to be frozen. */
export function templateIdentity(): { instanceId: string; uuid: string } {
  return { instanceId: `i-w${randomBytes(8).toString('hex')}`, uuid: `ec2${randomUUID().slice(3)}` };
}

/** What a copy becomes. Its machine id is what systemd makes of a new machine's UUID (machine-id(5)). */
export function freshIdentity(instanceId: string, uuid: string, template: Identity): Identity {
  const machineId = hexOf(uuid).toLowerCase();
  return { instanceId, uuid, bootId: randomUUID(), ...(template.machineId ? { machineId } : {}) };
}

const hexOf = (uuid: string): string => uuid.replaceAll('-', '');

/** SMBIOS has the first three fields of a UUID in little-endian order (SMBIOS 3, 7.2.1). */
function smbiosBytes(uuid: string): Buffer {
  const bytes = Buffer.from(hexOf(uuid), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** Every form in which an identity stands in memory; equal places of two lists have equal lengths. */
export function formsOf(identity: Identity): Buffer[] {
  const { uuid, bootId, machineId } = identity;
  const text = [
    identity.instanceId,
    uuid.toLowerCase(),
    uuid.toUpperCase(),
    hexOf(uuid),
    bootId,
    hexOf(bootId),
    ...(machineId ? [machineId] : []),
  ];
  const raw = [
    Buffer.from(hexOf(uuid), 'hex'),
    smbiosBytes(uuid),
    Buffer.from(hexOf(bootId), 'hex'),
    ...(machineId ? [Buffer.from(machineId, 'hex')] : []),
  ];
  return [...text.map(form => Buffer.from(form, 'latin1')), ...raw];
}

/** Where one form stands: `form` counts in `formsOf`, `offset` is in the memory file. */
export interface Place {
  readonly form: number;
  readonly offset: number;
}

const CHUNK = 4 * 1024 * 1024;
/** More than the longest form less one byte. */
const OVERLAP = 64;

/** All places in a memory file where an identity stands. */
export async function findPlaces(file: FileHandle, extents: readonly Extent[], identity: Identity): Promise<Place[]> {
  const forms = formsOf(identity);
  const places: Place[] = [];
  for (const { start, length } of extents) {
    for (let at = 0; at < length; at += CHUNK) {
      const size = Math.min(CHUNK, length - at);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size + OVERLAP), 0, size + OVERLAP, start + at);
      const text = buffer.subarray(0, bytesRead);
      for (const [form, bytes] of forms.entries()) {
        // What begins behind this chunk is found in the next one.
        for (let from = text.indexOf(bytes); from >= 0 && from < size; from = text.indexOf(bytes, from + 1)) {
          places.push({ form, offset: start + at + from });
        }
      }
    }
  }
  return places;
}

/** Where a process has a file mapped from its first byte on, in its own addresses. */
async function mappingOf(pid: number, file: string): Promise<bigint> {
  for (const line of (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n')) {
    const fields = /^([0-9a-f]+)-[0-9a-f]+ rw-p 00000000 \S+ \d+ +(.*)$/.exec(line);
    if (fields?.[2] === file) return BigInt(`0x${fields[1]}`);
  }
  throw new Error('the process has not mapped the memory file');
}

/**
 * Writes an identity into the memory of a machine that does not run yet. The mapping is private: neither the file nor
 * another copy changes. https://man7.org/linux/man-pages/man5/proc_pid_mem.5.html
 * @param file absolute path of the memory file.
 */
export async function writeIdentity(
  pid: number,
  file: string,
  places: readonly Place[],
  identity: Identity,
): Promise<void> {
  const base = await mappingOf(pid, file);
  const forms = formsOf(identity);
  const memory = await open(`/proc/${pid}/mem`, 'r+');
  try {
    for (const { form, offset } of places) {
      const bytes = forms[form];
      if (!bytes) throw new Error(`there is no form ${form} of an identity`);
      const { bytesWritten } = await memory.write(bytes, 0, bytes.length, Number(base + BigInt(offset)));
      if (bytesWritten !== bytes.length) throw new Error('the memory of the machine could not be written');
    }
  } finally {
    await memory.close();
  }
}
