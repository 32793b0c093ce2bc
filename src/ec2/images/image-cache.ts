import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { cachedImages, imageFile } from '../../images/cache.ts';
import type { State } from '../../state/state.ts';
import { preparedRegions } from '../vpcs/default-vpc.ts';
import { isPublished, type PublishedImage, publishImages } from './publish.ts';

/** Keeps the public AMIs of every Region in use equal to the image cache, also while images are built or pulled. */
export class ImageCache {
  readonly #directory: string;
  readonly #log: (line: string) => void;
  #available: readonly PublishedImage[] = [];
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, log: (line: string) => void) {
    this.#directory = directory;
    this.#log = log;
  }

  get available(): readonly PublishedImage[] {
    return this.#available;
  }

  async read(): Promise<void> {
    const manifests = await cachedImages(this.#directory);
    this.#available = manifests.map(manifest => ({ manifest, file: imageFile(manifest, this.#directory) }));
  }

  /** Publishes what is there now in every Region in use, and again whenever the cache changes. */
  async follow(state: State, now: () => number): Promise<void> {
    const refresh = async () => {
      await this.read();
      const regions = new Set<string>();
      for (const { row } of state.entries(preparedRegions)) regions.add(row.owner.slice(row.owner.indexOf('/') + 1));
      // Always, not only when ids differ: the cache may lie elsewhere now.
      state.write(tx => {
        for (const region of regions) publishImages(tx, region, this.#available, now());
      });
    };
    const report = (error: unknown) => this.#log(`images: ${error instanceof Error ? error.message : String(error)}`);
    await refresh();
    await mkdir(this.#directory, { recursive: true });
    this.#watcher = watch(this.#directory, () => {
      // A build renames several files; look once when it is done.
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void refresh().catch(report), 100);
    });
    this.#watcher.on('error', report);
  }

  publish(state: State, region: string, now: number): void {
    if (!isPublished(state, region, this.#available))
      state.write(tx => publishImages(tx, region, this.#available, now));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }
}
