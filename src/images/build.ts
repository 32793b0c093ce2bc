import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedImage, imageCacheDir, publish, withStaging } from './cache.ts';
import { type BuiltEntry, catalogueEntry } from './catalogue.ts';
import { ImageError, type ImageManifest, type Progress } from './types.ts';

export type { Progress } from './types.ts';

export interface BuildOptions {
  /** Default: {@link imageCacheDir}. */
  cacheDir?: string;
  /** Build although the cache holds an image of the same recipe: takes the newest packages. */
  force?: boolean;
  onProgress?: Progress;
}

/** Folders beside a family's own on which every build depends. */
const shared = ['debian', 'disk'];

/**
 * Builds an AMI from Debian packages, unless the cache holds one of the same recipe. Needs root, mmdebstrap, mke2fs
 * and qemu-img. An interrupted build leaves nothing.
 * @throws ImageError with a message for the user.
 */
export async function buildImage(family: string, options: BuildOptions = {}): Promise<ImageManifest> {
  const cacheDir = options.cacheDir ?? imageCacheDir();
  const progress: Progress = options.onProgress ?? (() => undefined);
  const entry = builtEntry(family);
  const recipe = await recipeOf(family);
  const cached = options.force ? undefined : await cachedImage(cacheDir, family, recipe);
  if (cached) return cached;
  if (process.getuid?.() !== 0) throw new ImageError(`building the AMI ${family} needs root (files keep their owners)`);
  const build = await builderOf(family);
  return withStaging(cacheDir, async staging => {
    const { disk, name } = await build(staging, progress);
    progress('computing the checksum', 0.97);
    const manifest = await publish(cacheDir, disk, { ...entry.manifest, name, family, recipe });
    progress(`${manifest.name} is in ${cacheDir}`, 1);
    return manifest;
  });
}

/**
 * Hash of everything of ours that a build depends on: the family's entry, its folder and the shared ones. Debian's packages are
 * not part of it: they are as new as they are when the image is built.
 */
export async function recipeOf(family: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(builtEntry(family).manifest));
  for (const folder of [...shared, family]) {
    const base = join(import.meta.dirname, folder);
    for (const path of (await readdir(base, { recursive: true })).sort()) {
      const file = join(base, path);
      const info = await stat(file);
      if (!info.isFile() || path.endsWith('.test.ts')) continue;
      hash.update(`${folder}/${path}\0${info.mode & 0o111}\0`).update(await readFile(file));
    }
  }
  return hash.digest('hex');
}

type Builder = (staging: string, onProgress: Progress) => Promise<{ disk: string; name: string }>;

async function builderOf(family: string): Promise<Builder> {
  if (family === 'micro') return (await import('./micro/build.ts')).buildMicro;
  if (family === 'debian-12') return (await import('./debian-12/build.ts')).buildDebian12;
  throw new ImageError(`${family} is not built here`);
}

function builtEntry(family: string): BuiltEntry {
  const entry = catalogueEntry(family);
  if (entry.source !== 'built')
    throw new ImageError(`${family} is not built but downloaded: fogbank image pull ${family}`);
  return entry;
}
