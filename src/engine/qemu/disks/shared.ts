import { spawn } from 'node:child_process';
import { chown, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DiskKey, EngineError } from '../../engine.ts';
import { reopenBelow, switchNodes } from '../hot-plug-disks.ts';
import { isVolumeId } from '../paths.ts';
import { findSharedDisks, kill, type ProcessId, waitForExit } from '../process.ts';
import { isObject, Qmp, type QmpObject } from '../qmp.ts';
import { openSecrets, secretObject } from '../secrets.ts';
import type { ImageChange, VolumeHost } from './cuts.ts';
import { type DiskImage, imageNode, nodeName, secretName } from './image-nodes.ts';
import { userCommand } from './qemu-img.ts';
import type { DiskStore } from './store.ts';

const SHARED_FOLDER = 'shared';
const START_TIMEOUT_MS = 20_000;
const QUIT_TIMEOUT_MS = 10_000;

/**
 * Volumes that several machines have at the same time: a storage daemon of QEMU's has the image, and each machine an
 * export of it by NBD, which can be taken away from one machine alone. The daemons outlive the server as machines do.
 */
export class SharedDisks {
  readonly #store: DiskStore;
  readonly #disks = new Map<string, SharedDisk>();

  constructor(store: DiskStore) {
    this.#store = store;
  }

  /** Finds what an earlier server left. */
  async open(): Promise<void> {
    for (const [volumeId, process] of await findSharedDisks(this.#store.dataDir)) {
      if (isVolumeId(volumeId)) this.#disks.set(volumeId, new SharedDisk(this.#store, volumeId, process));
    }
    const folder = this.#store.absolute(SHARED_FOLDER);
    for (const name of await readdir(folder).catch(() => [])) {
      if (!this.#disks.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
  }

  hostOf(volumeId: string): VolumeHost | undefined {
    return this.#disks.get(volumeId);
  }

  /** The image as a machine opens it. The volume's work must be excluded. @throws EngineError */
  async share(volumeId: string, image: DiskImage, instanceId: string, key: DiskKey | undefined): Promise<DiskImage> {
    let disk = this.#disks.get(volumeId);
    if (disk && !(await disk.answers())) {
      await this.unshare(volumeId);
      disk = undefined;
    }
    disk ??= await startSharedDisk(this.#store, volumeId, image, key);
    this.#disks.set(volumeId, disk);
    await disk.export(instanceId);
    return {
      file: image.file,
      generation: 0,
      server: { socket: join(sharedFolder(volumeId), 'nbd.sock'), instanceId },
    };
  }

  /** Takes the volume away from a machine, whatever that still does with it. */
  async takeAway(volumeId: string, instanceId: string): Promise<void> {
    await this.#disks.get(volumeId)?.takeAway(instanceId);
  }

  /** Closes a volume's image; nothing happens when nobody shares it. */
  async unshare(volumeId: string): Promise<void> {
    const disk = this.#disks.get(volumeId);
    if (!disk) return;
    await disk.end();
    this.#disks.delete(volumeId);
  }

  async unshareUnused(isUsed: (volumeId: string) => boolean): Promise<void> {
    for (const volumeId of this.#disks.keys()) {
      if (isUsed(volumeId)) continue;
      await this.#store.withVolumes([volumeId], async () => {
        if (!isUsed(volumeId)) await this.unshare(volumeId);
      });
    }
  }

  /** Lets go of the daemons, which go on. */
  close(): void {
    for (const disk of this.#disks.values()) disk.close();
    this.#disks.clear();
  }
}

function sharedFolder(volumeId: string): string {
  return join(SHARED_FOLDER, volumeId);
}

async function startSharedDisk(
  store: DiskStore,
  volumeId: string,
  image: DiskImage,
  key: DiskKey | undefined,
): Promise<SharedDisk> {
  const relative = sharedFolder(volumeId);
  const folder = store.absolute(relative);
  await rm(folder, { recursive: true, force: true });
  await mkdir(store.absolute(SHARED_FOLDER), { recursive: true, mode: 0o750 });
  await mkdir(folder, { mode: 0o700 });
  if (store.user.switchUser) {
    await chown(store.absolute(SHARED_FOLDER), 0, store.user.gid);
    await chown(folder, store.user.uid, store.user.gid);
  }
  const [program = '', ...argv] = userCommand(store.user, 'qemu-storage-daemon', [
    ...(key ? ['--object', secretObject(secretName(volumeId), 0)] : []),
    ...['--blockdev', JSON.stringify(imageNode(volumeId, image, false))],
    ...['--nbd-server', `addr.type=unix,addr.path=${relative}/nbd.sock,max-connections=0`],
    ...['--chardev', `socket,id=qmp,path=${relative}/qmp.sock,server=on,wait=off`, '--monitor', 'chardev=qmp'],
  ]);
  const secrets = await openSecrets(key ? [key] : [], store.user);
  const log = await open(join(folder, 'daemon.log'), 'w', 0o600);
  try {
    const child = spawn(program, argv, {
      cwd: store.dataDir,
      detached: true,
      stdio: ['ignore', log.fd, log.fd, ...secrets.map(secret => secret.fd)],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    let ended: string | undefined;
    child.once('error', error => {
      ended = error.message;
    });
    child.once('exit', code => {
      ended = `the storage daemon ended with status ${code}`;
    });
    child.unref();
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (ended === undefined && Date.now() < deadline) {
      const found = (await findSharedDisks(store.dataDir)).get(volumeId);
      const disk = found && new SharedDisk(store, volumeId, found);
      if (disk && (await disk.answers())) return disk;
      await sleep(10);
    }
    child.kill('SIGKILL');
    throw new EngineError('Failed', `the shared volume ${volumeId} cannot be opened: ${ended ?? 'no answer in time'}`);
  } finally {
    await log.close();
    for (const secret of secrets) await secret.close();
  }
}

class SharedDisk implements VolumeHost {
  readonly #store: DiskStore;
  readonly #volumeId: string;
  readonly #process: ProcessId;
  #qmp: Qmp | undefined;

  constructor(store: DiskStore, volumeId: string, process: ProcessId) {
    this.#store = store;
    this.#volumeId = volumeId;
    this.#process = process;
  }

  async answers(): Promise<boolean> {
    return this.#connection().then(
      () => true,
      () => false,
    );
  }

  async export(instanceId: string): Promise<void> {
    const qmp = await this.#connection();
    if ((await exportsOf(qmp)).includes(instanceId)) return;
    const node = nodeName(this.#volumeId, await this.#generation(qmp));
    const names = { id: instanceId, name: instanceId, 'node-name': node };
    await qmp.execute('block-export-add', { type: 'nbd', writable: true, ...names });
  }

  async takeAway(instanceId: string): Promise<void> {
    const qmp = await this.#connection();
    if (!(await exportsOf(qmp)).includes(instanceId)) return;
    await qmp.execute('block-export-del', { id: instanceId, mode: 'hard' });
  }

  async generationOf(): Promise<number | undefined> {
    return this.#generation(await this.#connection());
  }

  async switchImages(changes: readonly ImageChange[]): Promise<void> {
    const qmp = await this.#connection();
    await switchNodes(qmp, new Map([[this.#volumeId, await this.#generation(qmp)]]), changes);
  }

  async reopenBelow(volumeId: string, file: string, below: readonly string[]): Promise<void> {
    const qmp = await this.#connection();
    await reopenBelow(qmp, volumeId, await this.#generation(qmp), file, below);
  }

  /**
   * Machines learn the new size when they open the disk anew: NBD has no word for it. An image that is exported keeps its
   * size, so the exports go for a moment; what machines ask meanwhile waits, and is asked again.
   */
  async resize(volumeId: string, bytes: number): Promise<boolean> {
    const qmp = await this.#connection();
    const exported = await exportsOf(qmp);
    for (const instanceId of exported) await qmp.execute('block-export-del', { id: instanceId, mode: 'hard' });
    try {
      for (let rest = exported; rest.length > 0; rest = await exportsOf(qmp)) await sleep(1);
      const node = nodeName(volumeId, await this.#generation(qmp));
      await qmp.execute('block_resize', { 'node-name': node, size: bytes });
    } finally {
      for (const instanceId of exported) await this.export(instanceId);
    }
    return true;
  }

  async end(): Promise<void> {
    const qmp = await this.#connection().catch(() => undefined);
    await qmp?.execute('quit').catch(() => {});
    if (!qmp || !(await waitForExit(this.#process, QUIT_TIMEOUT_MS))) await kill(this.#process);
    this.close();
    await rm(this.#store.absolute(sharedFolder(this.#volumeId)), { recursive: true, force: true });
  }

  close(): void {
    this.#qmp?.close();
    this.#qmp = undefined;
  }

  /** The number of the image that is written to. */
  async #generation(qmp: Qmp): Promise<number> {
    const [exported] = await exportList(qmp);
    if (exported) return generationIn(String(exported['node-name']));
    const nodes = await qmp.execute('query-named-block-nodes', { flat: true });
    const names = (Array.isArray(nodes) ? nodes : []).filter(isObject).map(node => String(node['node-name']));
    return Math.max(0, ...names.filter(name => name.startsWith(nodeName(this.#volumeId, 0))).map(generationIn));
  }

  async #connection(): Promise<Qmp> {
    if (this.#qmp && !this.#qmp.closed) return this.#qmp;
    const folder = await open(this.#store.absolute(sharedFolder(this.#volumeId)));
    try {
      this.#qmp = await Qmp.connect(`/proc/self/fd/${folder.fd}/qmp.sock`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new EngineError('Failed', `the shared volume ${this.#volumeId} does not answer: ${reason}`, {
        cause: error,
      });
    } finally {
      await folder.close();
    }
    return this.#qmp;
  }
}

async function exportsOf(qmp: Qmp): Promise<string[]> {
  return (await exportList(qmp)).map(one => String(one.id));
}

async function exportList(qmp: Qmp): Promise<QmpObject[]> {
  const list = await qmp.execute('query-block-exports');
  return (Array.isArray(list) ? list : []).filter(isObject);
}

function generationIn(node: string): number {
  return Number(/-(\d+)$/.exec(node)?.[1] ?? 0);
}
