import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { QemuDisks } from '../disks.ts';
import { isWarmId, WARM_FOLDER, WARM_MANIFEST, warmFolder } from '../paths.ts';
import { digestAll, readManifest, type WarmManifest, warmBytes, warmFiles, warmStamp } from './image.ts';

export interface StoredWarmImage extends WarmManifest {
  /** Bytes on the disk. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly usedAt: number;
}

/** The whole warm images of a data folder, those used last first. Reads only. */
export async function listWarmImages(dataDir: string): Promise<StoredWarmImage[]> {
  const names = await readdir(join(dataDir, WARM_FOLDER)).catch(() => []);
  const images = await Promise.all(
    names.filter(isWarmId).map(async id => {
      const manifest = await readManifest(dataDir, id);
      const folder = join(dataDir, warmFolder(id));
      const used = await stat(join(folder, WARM_MANIFEST)).catch(() => undefined);
      return manifest && used ? [{ ...manifest, bytes: await warmBytes(folder), usedAt: used.mtimeMs }] : [];
    }),
  );
  return images.flat().sort((a, b) => b.usedAt - a.usedAt);
}

export interface WarmStoreOptions {
  readonly dataDir: string;
  readonly disks: Pick<QemuDisks, 'retireWarm'>;
  /** Bytes that all warm images together may take; the least recently used go first. */
  readonly budgetBytes: number;
  readonly log: (line: string) => void;
}

/**
 * Warm images on the disk. They may be made by other processes too, so the folder is looked at anew each time; an image
 * is checked against its checksums when this process uses it first and whenever one of its files has changed since.
 */
export class WarmStore {
  readonly #options: WarmStoreOptions;
  /** Stamps of images whose checksums were right. */
  readonly #verified = new Map<string, Promise<string | undefined>>();

  constructor(options: WarmStoreOptions) {
    this.#options = options;
  }

  /** Removes what interrupted builds left and images that this machine's QEMU cannot use any more. */
  async open(environment: string): Promise<void> {
    const { dataDir } = this.#options;
    for (const name of await readdir(join(dataDir, WARM_FOLDER))) {
      const pid = /^\.new-(\d+)-/.exec(name)?.[1];
      if (pid && !isAlive(Number(pid))) await rm(join(dataDir, WARM_FOLDER, name), { recursive: true, force: true });
    }
    for (const image of await listWarmImages(dataDir)) {
      if (image.environment !== environment) await this.retire(image.id, 'QEMU or the accelerator has changed');
    }
    await this.trim();
  }

  /** An image for this key that is as it was made; undefined where there is none. */
  async find(key: string): Promise<WarmManifest | undefined> {
    const { dataDir } = this.#options;
    for (const id of (await readdir(join(dataDir, WARM_FOLDER))).filter(name => name.startsWith(key))) {
      const manifest = isWarmId(id) ? await readManifest(dataDir, id) : undefined;
      if (!manifest) continue;
      if (await this.#isSound(manifest)) return manifest;
      await this.retire(id, 'its files have changed');
    }
    return undefined;
  }

  async touch(id: string): Promise<void> {
    const now = new Date();
    await utimes(join(this.#options.dataDir, warmFolder(id), WARM_MANIFEST), now, now).catch(() => {});
  }

  async retire(id: string, reason: string): Promise<void> {
    this.#options.log(`the warm image ${id} is removed: ${reason}`);
    this.#verified.delete(id);
    await this.#options.disks.retireWarm(id);
  }

  /** Keeps within the budget; the newest stays in any case. */
  async trim(): Promise<void> {
    let sum = 0;
    for (const [index, image] of (await listWarmImages(this.#options.dataDir)).entries()) {
      sum += image.bytes;
      if (index > 0 && sum > this.#options.budgetBytes) {
        await this.retire(image.id, 'warm images take more than their share of the disk');
        sum -= image.bytes;
      }
    }
  }

  async #isSound(manifest: WarmManifest): Promise<boolean> {
    const folder = join(this.#options.dataDir, warmFolder(manifest.id));
    const stamp = await warmStamp(folder).catch(() => undefined);
    if (stamp === undefined) return false;
    if ((await this.#verified.get(manifest.id)) === stamp) return true;
    // Launches that come together share one look.
    const check = digestAll(folder).then(
      digests => (warmFiles.every(name => digests[name] === manifest.digests[name]) ? stamp : undefined),
      () => undefined,
    );
    this.#verified.set(manifest.id, check);
    return (await check) === stamp;
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
