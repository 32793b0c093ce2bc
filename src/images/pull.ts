import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedImage, imageCacheDir, publish, withStaging } from './cache.ts';
import { catalogueEntry, type PulledEntry } from './catalogue.ts';
import { compressDisk, inspectDisk } from './disk/qcow2.ts';
import { download, fetchText } from './download.ts';
import { ImageError, type ImageManifest, type Progress } from './types.ts';

export interface PullOptions {
  /** Default: {@link imageCacheDir}. */
  cacheDir?: string;
  onProgress?: Progress;
  /** URL of a folder that stands for the vendor's: it holds the image and the checksums under the vendor's names. */
  mirror?: string;
}

const GIB = 2 ** 30;

/**
 * Downloads a vendor's cloud image, unless the cache holds the one that the vendor publishes now. A download that was
 * cut continues where it ended, also in a later run; a file of the wrong checksum is deleted.
 * @throws ImageError with a message for the user.
 */
export async function pullImage(family: string, options: PullOptions = {}): Promise<ImageManifest> {
  const cacheDir = options.cacheDir ?? imageCacheDir();
  const progress: Progress = options.onProgress ?? (() => undefined);
  const entry = pulledEntry(family);
  const published = await findPublished(entry, options.mirror ?? entry.url);
  const recipe = createHash('sha256').update(`${family}\0${published.sha256}`).digest('hex');
  const cached = await cachedImage(cacheDir, family, recipe);
  if (cached) return cached;

  await mkdir(cacheDir, { recursive: true });
  // Named by its checksum: what a later run finds under this name is the beginning of the same file.
  const file = join(cacheDir, `.download-${published.sha256}`);
  progress(`downloading ${published.url}`, 0);
  const { lastModified } = await download(published.url, file, published.sha256, {
    onProgress: (line, fraction) => progress(line, fraction === undefined ? undefined : fraction * 0.8),
  });
  try {
    return await convert(entry, { file, cacheDir, recipe, name: nameOf(entry, published, lastModified) }, progress);
  } finally {
    await rm(file, { force: true });
  }
}

interface Published {
  url: string;
  sha256: string;
  version: string;
}

/** Reads the vendor's checksums: they name the image that is published now. */
async function findPublished(entry: PulledEntry, folder: string): Promise<Published> {
  const base = folder.endsWith('/') ? folder : `${folder}/`;
  const { text, url } = await fetchText(new URL(entry.checksums, base).href);
  for (const line of text.split('\n')) {
    const [, sha256, name] = /^([0-9a-f]{64})\s+\*?(\S+)$/i.exec(line.trim()) ?? [];
    const match = name ? entry.filePattern.exec(name) : null;
    if (sha256 && name && match) {
      return { url: new URL(name, url).href, sha256: sha256.toLowerCase(), version: match[1] ?? '' };
    }
  }
  throw new ImageError(`${url} names no image of ${entry.family}`);
}

interface Conversion {
  file: string;
  cacheDir: string;
  recipe: string;
  name: string;
}

function convert(entry: PulledEntry, conversion: Conversion, progress: Progress): Promise<ImageManifest> {
  const { cacheDir, file, name, recipe } = conversion;
  return withStaging(cacheDir, async staging => {
    const { format, virtualSize } = await inspectDisk(file);
    progress('converting the disk', 0.85);
    const disk = join(staging, 'disk.qcow2');
    await compressDisk(file, format, disk);
    const sizeGib = Math.max(entry.manifest.sizeGib, Math.ceil(virtualSize / GIB));
    const manifest = await publish(cacheDir, disk, { ...entry.manifest, sizeGib, name, family: entry.family, recipe });
    progress(`${manifest.name} is in ${cacheDir}`, 1);
    return manifest;
  });
}

/** The day is the file's, not today's; a server that does not tell it gets a part of the checksum in its place. */
function nameOf(entry: PulledEntry, published: Published, lastModified: Date | undefined): string {
  const day = lastModified?.toISOString().slice(0, 10).replaceAll('-', '') ?? published.sha256.slice(0, 8);
  return entry.amiName(published.version, day);
}

function pulledEntry(family: string): PulledEntry {
  const entry = catalogueEntry(family);
  if (entry.source !== 'pulled')
    throw new ImageError(`${family} is not downloaded but built: fogbank image build ${family}`);
  return entry;
}
