import { rename, rm, stat } from 'node:fs/promises';
import type { DiskKey, Progress } from '../../engine.ts';
import type { QmpObject } from '../qmp.ts';
import { encryptedChain } from './image-nodes.ts';
import { qemuImg } from './qemu-img.ts';
import { type DiskStore, flush, PARTIAL } from './store.ts';

/** Names of secrets in the arguments of qemu-img. */
export const SOURCE_SECRET = 'source';
const TARGET_SECRET = 'target';

/** A disk to be read: its node as QEMU opens it, its key under `SOURCE_SECRET`. */
export interface ConvertSource {
  readonly node: QmpObject;
  readonly key?: DiskKey | undefined;
  /** Bytes that it takes on the disk, and at most its copy. */
  readonly bytes: number;
}

/** A chain of image files, from the top. */
export async function chainSource(store: DiskStore, file: string, key: DiskKey | undefined): Promise<ConvertSource> {
  const files = await store.chain(file);
  const sizes = await Promise.all(files.map(async one => (await stat(store.absolute(one))).blocks * 512));
  return { node: chainNode(files, key), key, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** How QEMU opens a chain for reading only; without a key the files say themselves what they stand on. */
export function chainNode(files: readonly string[], key: DiskKey | undefined): QmpObject {
  const [file = ''] = files;
  if (key) return { ...encryptedChain(files, SOURCE_SECRET) };
  const driver = file.endsWith('.raw') ? 'raw' : 'qcow2';
  return { driver, 'read-only': true, file: { driver: 'file', filename: file } };
}

/**
 * Makes `file` (relative to the data folder) a qcow2 image of its own with a disk's content, and zeros beyond that.
 * @throws EngineError `InsufficientCapacity`, `Failed`; nothing is left then.
 */
export async function convertInto(
  store: DiskStore,
  file: string,
  source: ConvertSource,
  target: {
    readonly virtualBytes: number;
    readonly key?: DiskKey | undefined;
    readonly progress?: Progress | undefined;
  },
): Promise<void> {
  const { virtualBytes, key, progress = () => {} } = target;
  await store.requireSpace(source.bytes, file);
  // Under a name of its own until it is whole.
  const staged = `${file}.copy${PARTIAL}`;
  try {
    await store.writeOverlay(staged, virtualBytes, undefined, key);
    const encryption = key ? [`encrypt.format=luks,encrypt.key-secret=${TARGET_SECRET}`] : [];
    const options = ['driver=qcow2', 'file.driver=file', `file.filename=${staged}`, ...encryption].join(',');
    await qemuImg(
      store,
      'convert',
      ['-p', '-n', '--target-is-zero', '--target-image-opts', `json:${JSON.stringify(source.node)}`, options],
      { keys: { [SOURCE_SECRET]: source.key, [TARGET_SECRET]: key }, progress },
    );
    await flush(store.absolute(staged));
    await rename(store.absolute(staged), store.absolute(file));
  } finally {
    await rm(store.absolute(staged), { force: true });
  }
}

/** Makes an image larger that nobody has open: the first of a chain of files. */
export async function growImage(
  store: DiskStore,
  files: readonly string[],
  virtualBytes: number,
  key: DiskKey | undefined,
): Promise<void> {
  const node = JSON.stringify({ ...chainNode(files, key), 'read-only': false });
  await qemuImg(store, 'resize', ['-q', `json:${node}`, String(virtualBytes)], { keys: { [SOURCE_SECRET]: key } });
}
