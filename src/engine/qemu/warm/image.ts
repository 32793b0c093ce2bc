import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WARM_CONSOLE, WARM_DISK, WARM_MANIFEST, WARM_RAM, WARM_STATE, warmFolder } from '../paths.ts';
import { dataExtents } from './extents.ts';
import type { Identity, Place } from './tokens.ts';

/** A guest that was frozen before it took an identity, in a folder of its own: what `warm.json` says of it. */
export interface WarmManifest {
  /** 24 hexadecimal digits: `key`, then 8 of its own. Name of its folder. */
  readonly id: string;
  /** Everything that a machine must have in common with it: 16 hexadecimal digits. */
  readonly key: string;
  /** Hash of this machine's QEMU and accelerator. */
  readonly environment: string;
  /** File of the snapshot that its disk stands on, relative to the data folder. */
  readonly snapshot: string;
  readonly instanceType: string;
  readonly memoryMib: number;
  /** Bytes of its disk as the guest saw it. */
  readonly diskBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** How long its guest took to become ready, in milliseconds. */
  readonly bootMs: number;
  readonly identity: Identity;
  readonly places: readonly Place[];
  readonly digests: Readonly<Record<WarmFile, string>>;
}

export const warmFiles = [WARM_RAM, WARM_STATE, WARM_DISK, WARM_CONSOLE] as const;
export type WarmFile = (typeof warmFiles)[number];

/** Reads a warm image's manifest; undefined where there is none or it is not whole. */
export async function readManifest(dataDir: string, id: string): Promise<WarmManifest | undefined> {
  const file = join(dataDir, warmFolder(id), WARM_MANIFEST);
  try {
    const manifest: WarmManifest = JSON.parse(await readFile(file, 'utf8'));
    return manifest.id === id && Array.isArray(manifest.places) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes that it takes on the disk. */
export async function warmBytes(folder: string): Promise<number> {
  const sizes = await Promise.all(
    warmFiles.map(name =>
      stat(join(folder, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What changes whenever somebody writes to one of its files, whatever times they set: inode, size and ctime. */
export async function warmStamp(folder: string): Promise<string> {
  const facts = await Promise.all(
    warmFiles.map(async name => {
      const { ino, size, ctimeNs } = await stat(join(folder, name), { bigint: true });
      return `${ino} ${size} ${ctimeNs}`;
    }),
  );
  return facts.join('\n');
}

export async function digestAll(folder: string): Promise<Record<WarmFile, string>> {
  const digests = await Promise.all(warmFiles.map(async name => [name, await digestOf(join(folder, name))] as const));
  return Object.fromEntries(digests) as Record<WarmFile, string>;
}

const BLOCK = 1024 * 1024;

/** SHA-256 of a file's content by blocks, leaving out blocks of zeroes, so that holes need not be read. */
async function digestOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const hash = createHash('sha256').update(String((await file.stat()).size));
    let next = 0;
    for (const { start, length } of await dataExtents(path)) {
      const end = start + length;
      for (let block = Math.max(next, Math.floor(start / BLOCK)); block * BLOCK < end; block++) {
        await digestBlock(file, block, hash);
        next = block + 1;
      }
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

const zeroes = Buffer.alloc(BLOCK);

async function digestBlock(file: FileHandle, block: number, hash: ReturnType<typeof createHash>): Promise<void> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, block * BLOCK);
  const bytes = buffer.subarray(0, bytesRead);
  if (!bytes.equals(zeroes.subarray(0, bytesRead))) hash.update(`${block}\0`).update(bytes);
}
