import { constants } from 'node:fs';
import { access, chmod, chown, link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DiskKey, EngineError } from '../../engine.ts';
import { isVolumeId, snapshotFile, VOLUME_FOLDER, volumeFile, WARM_FOLDER } from '../paths.ts';
import { type Backing, emptyLength, type ImageHeader, readImageHeader, writeEmptyQcow2 } from '../qcow2.ts';
import { passphrase } from '../secrets.ts';
import type { MachineUser } from '../user.ts';

export const GIB = 1024 ** 3;

/** Disk space that stays free for the server's own state and for what machines write next. */
const DISK_RESERVE_BYTES = 1 * GIB;

/** What has this ending is not whole yet. */
export const PARTIAL = '.partial';

/** A snapshot's file, and what is known of it. */
export interface FoundSnapshot {
  /** Relative to the data folder. */
  readonly file: string;
  readonly header: ImageHeader;
}

/**
 * The files behind volumes and snapshots.
 *
 * A volume is a qcow2 overlay over the snapshot that it was made from, if there is one. Taking a snapshot freezes the
 * volume's file, which becomes the snapshot's, and the volume goes on in a new overlay over it: `vol-….1.qcow2`,
 * `vol-….2.qcow2` and so on, of which the one with the highest number is the volume. Nothing is copied, whatever is
 * written later is in one file only, and it makes no difference who took which snapshot of whom.
 */
export class DiskStore {
  readonly dataDir: string;
  readonly user: MachineUser;
  #stopping = new AbortController();
  #canBeDirect: Promise<boolean> | undefined;
  /** Calls for one name at a time. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(dataDir: string, user: MachineUser) {
    this.dataDir = dataDir;
    this.user = user;
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Ends copies that are under way: who asked for them asks again. */
  stop(): void {
    this.#stopping.abort();
    this.#stopping = new AbortController();
  }

  absolute(relative: string): string {
    return join(this.dataDir, relative);
  }

  /** Runs `work` when all earlier work under that name has ended. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#busy.get(name) ?? Promise.resolve()).then(work);
    const settled = result.catch(() => {});
    this.#busy.set(name, settled);
    settled.then(() => {
      if (this.#busy.get(name) === settled) this.#busy.delete(name);
    });
    return result;
  }

  /** Work on volumes during which nobody else starts, attaches, cuts, grows or removes them. */
  withVolumes<T>(volumeIds: readonly string[], work: () => Promise<T>): Promise<T> {
    // In one order for everybody, so that nobody waits for one who waits for him.
    const names = [...new Set(volumeIds)].sort();
    return names.reduceRight<() => Promise<T>>((inner, name) => () => this.exclusively(name, inner), work)();
  }

  /** Work on snapshots' files during which none of them goes. */
  withSnapshots<T>(work: () => Promise<T>): Promise<T> {
    return this.exclusively('snapshots', work);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.dataDir);
    return Math.max(0, bavail * bsize - DISK_RESERVE_BYTES);
  }

  /** @throws EngineError `InsufficientCapacity` when so much cannot be written now. */
  async requireSpace(bytes: number, what: string): Promise<void> {
    const free = await this.freeBytes();
    if (bytes <= free) return;
    const gib = (value: number) => (value / GIB).toFixed(1);
    throw new EngineError(
      'InsufficientCapacity',
      `not enough disk space for ${what}: ${gib(bytes)} GiB wanted, ${gib(free)} GiB free in ${this.dataDir}`,
    );
  }

  async findSnapshot(snapshotId: string): Promise<FoundSnapshot | undefined> {
    for (const format of ['qcow2', 'raw'] as const) {
      const file = snapshotFile(snapshotId, format);
      if (await exists(this.absolute(file))) return { file, header: await readImageHeader(this.absolute(file)) };
    }
    return undefined;
  }

  /** @throws EngineError `NotFound` */
  async requireSnapshot(snapshotId: string): Promise<FoundSnapshot> {
    const found = await this.findSnapshot(snapshotId);
    if (!found) throw new EngineError('NotFound', `there is no snapshot ${snapshotId}`);
    return found;
  }

  /** Numbers of a volume's files, the newest last: one, or two while a snapshot is taken. */
  async generations(volumeId: string): Promise<number[]> {
    volumeFile(volumeId, 0);
    return (await this.#volumeFiles()).get(volumeId) ?? [];
  }

  /** The volume's file (relative to the data folder) and its number; undefined where there is no such volume. */
  async newest(volumeId: string): Promise<{ readonly file: string; readonly generation: number } | undefined> {
    const generation = (await this.generations(volumeId)).at(-1);
    return generation === undefined ? undefined : { file: volumeFile(volumeId, generation), generation };
  }

  async volumeIds(): Promise<string[]> {
    return [...(await this.#volumeFiles()).keys()];
  }

  async #volumeFiles(): Promise<Map<string, number[]>> {
    const files = new Map<string, number[]>();
    for (const name of await readdir(this.absolute(VOLUME_FOLDER))) {
      const [, volumeId = '', generation = '0'] = /^(vol-[0-9a-f]+)(?:\.(\d+))?\.qcow2$/.exec(name) ?? [];
      if (isVolumeId(volumeId)) files.set(volumeId, [...(files.get(volumeId) ?? []), Number(generation)]);
    }
    for (const generations of files.values()) generations.sort((a, b) => a - b);
    return files;
  }

  /**
   * An overlay without data, under its name only when it is whole.
   * @param backing as it is written into the header
   */
  async writeOverlay(file: string, virtualBytes: number, backing?: Backing, key?: DiskKey): Promise<void> {
    const partial = this.absolute(`${file}${PARTIAL}`);
    await rm(partial, { force: true });
    const handle = await open(partial, 'w', 0o600);
    try {
      if (this.user.switchUser) await handle.chown(this.user.uid, this.user.gid);
      await writeEmptyQcow2(handle, virtualBytes, { backing, passphrase: key && passphrase(key) });
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(partial, this.absolute(file));
  }

  /** From now on nobody writes to a file, and machines may read it. */
  async seal(file: string): Promise<void> {
    await chmod(this.absolute(file), 0o440);
    if (this.user.switchUser) await chown(this.absolute(file), 0, this.user.gid);
  }

  /** What a qcow2 file (relative to the data folder) stands on, relative to the data folder too. */
  async backingOf(file: string): Promise<string | undefined> {
    const { backingFile } = await readImageHeader(this.absolute(file));
    return backingFile === undefined ? undefined : join(dirname(file), backingFile);
  }

  /** A file and all below it, from the top. */
  async chain(file: string): Promise<string[]> {
    const files = [];
    for (let next: string | undefined = file; next !== undefined; next = await this.backingOf(next)) files.push(next);
    return files;
  }

  /**
   * Whether a chain of files is read and written past the host's page cache: where the file system can, and no AMI of the
   * image cache is at its bottom, which others read too.
   */
  async isDirect(chain: readonly string[]): Promise<boolean> {
    this.#canBeDirect ??= canBeDirect(this.absolute(join(VOLUME_FOLDER, `direct${PARTIAL}`)));
    if (!(await this.#canBeDirect)) return false;
    const bottom = chain.at(-1) ?? '';
    return !bottom.endsWith('.raw') && (await stat(this.absolute(bottom))).nlink === 1;
  }

  async isUntouched(file: string, virtualBytes: number): Promise<boolean> {
    // Whatever is written takes at least one more cluster, at the end of the file.
    return (await stat(this.absolute(file))).size === emptyLength(virtualBytes);
  }

  async makeFolders(): Promise<void> {
    for (const folder of [VOLUME_FOLDER, 'snapshots', WARM_FOLDER]) {
      await mkdir(this.absolute(folder), { recursive: true, mode: 0o750 });
      if (this.user.switchUser) await chown(this.absolute(folder), 0, this.user.gid);
      const leftovers = (await readdir(this.absolute(folder))).filter(name => name.endsWith(PARTIAL));
      for (const name of leftovers) await rm(this.absolute(join(folder, name)), { force: true });
    }
  }

  /** Gives a file a second name, if it has not got it. */
  async alsoNamed(file: string, name: string): Promise<void> {
    await link(this.absolute(file), this.absolute(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  async isSameFile(one: string, other: string): Promise<boolean> {
    const [a, b] = await Promise.all([one, other].map(file => stat(this.absolute(file)).catch(() => undefined)));
    return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
  }

  /** Names that were given and taken in a folder survive a loss of power from now on. */
  async flushFolder(folder: string): Promise<void> {
    await flush(this.absolute(folder));
  }
}

/** As it stands in the header of a file in another folder of the data folder. */
export function backingFor(file: string, format: Backing['format']): Backing {
  return { file: join('..', file), format };
}

/** Some file systems refuse it: tmpfs did until Linux 6.6. */
async function canBeDirect(probe: string): Promise<boolean> {
  try {
    const handle = await open(probe, constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT, 0o600);
    await handle.close();
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { force: true });
  }
}

export function sameKey(one: DiskKey | undefined, other: DiskKey | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Its content is on the disk when this returns. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
