import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ImageError, type ImageManifest } from './types.ts';

/**
 * Where built and downloaded images lie: `FOGBANK_IMAGE_CACHE`, else `/var/cache/fogbank/images` for root,
 * else `fogbank/images` in the XDG cache directory.
 */
export function imageCacheDir(): string {
  const configured = process.env.FOGBANK_IMAGE_CACHE;
  if (configured) return configured;
  if (process.getuid?.() === 0) return '/var/cache/fogbank/images';
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fogbank', 'images');
}

/** Path of an image's disk. */
export function imageFile(manifest: ImageManifest, dir: string = imageCacheDir()): string {
  return join(dir, manifest.file);
}

/**
 * The complete images in the cache, ordered by family and name. What an interrupted build left behind, an unreadable
 * manifest, and one whose disk is gone are not listed.
 */
export async function cachedImages(dir: string = imageCacheDir()): Promise<ImageManifest[]> {
  const images: ImageManifest[] = [];
  for (const entry of await readdir(dir).catch(() => [])) {
    if (!entry.endsWith('.json') || entry.startsWith('.')) continue;
    const manifest = await readManifest(join(dir, entry));
    if (manifest && (await stat(imageFile(manifest, dir)).catch(() => undefined))?.isFile()) images.push(manifest);
  }
  return images.sort((a, b) => compare(a.family, b.family) || compare(a.name, b.name));
}

/** The newest cached image of a family that was made by `recipe`. */
export async function cachedImage(dir: string, family: string, recipe: string): Promise<ImageManifest | undefined> {
  const images = await cachedImages(dir);
  return images.filter(image => image.family === family && image.recipe === recipe).pop();
}

/**
 * Runs `work` in a new directory inside the cache, which is removed whatever happens. Directories that a killed
 * build left behind are removed first.
 */
export async function withStaging<T>(dir: string, work: (staging: string) => Promise<T>): Promise<T> {
  await mkdir(dir, { recursive: true });
  await removeAbandonedStaging(dir);
  const staging = join(dir, `.staging-${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(staging, { mode: 0o700 });
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Moves a finished disk into the cache, then its manifest: only with the manifest is the image there, and both are
 * on disk before they get their names. `disk` must be on the cache's file system.
 */
export async function publish(
  dir: string,
  disk: string,
  description: Omit<ImageManifest, 'file' | 'sha256'>,
): Promise<ImageManifest> {
  const sha256 = await sha256OfFile(disk);
  const slug = description.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const manifest: ImageManifest = { ...description, file: `${slug}-${sha256.slice(0, 12)}.qcow2`, sha256 };
  await flush(disk);
  // A disk of this name has this content, and may be open as a backing file: it is not replaced.
  const present = await stat(imageFile(manifest, dir)).catch(() => undefined);
  if (!present) await rename(disk, imageFile(manifest, dir));
  const temporary = `${disk}.json`;
  const handle = await open(temporary, 'w', 0o644);
  await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
  await handle.sync();
  await handle.close();
  await rename(temporary, join(dir, `${slug}.json`));
  return manifest;
}

/** SHA-256 of a file's content, hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

async function readManifest(path: string): Promise<ImageManifest | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isManifest(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isManifest(value: unknown): value is ImageManifest {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  const texts = [
    'name',
    'family',
    'architecture',
    'loginUser',
    'rootDeviceName',
    'bootMode',
    'file',
    'sha256',
    'recipe',
  ];
  return (
    texts.every(key => typeof fields.get(key) === 'string') &&
    typeof fields.get('sizeGib') === 'number' &&
    Array.isArray(fields.get('ssmAliases'))
  );
}

async function removeAbandonedStaging(dir: string): Promise<void> {
  for (const entry of await readdir(dir)) {
    const pid = /^\.staging-(\d+)-/.exec(entry)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(dir, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } catch (error) {
    throw new ImageError(`cannot write ${path}`, { cause: error });
  } finally {
    await handle.close();
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
