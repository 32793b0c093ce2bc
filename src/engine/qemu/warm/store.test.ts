import { mkdir, mkdtemp, open, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDisks, type QemuDisks } from '../disks.ts';
import { createEmptyQcow2, readImageHeader } from '../qcow2.ts';
import { digestAll, type WarmManifest } from './image.ts';
import { listWarmImages, WarmStore } from './store.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const key = '00112233445566aa';

let folder: string;
let disks: QemuDisks;
let store: WarmStore;
let removals: string[];

function makeStore(budgetBytes = GIB): WarmStore {
  return new WarmStore({ dataDir: folder, disks, budgetBytes, log: line => removals.push(line) });
}

beforeEach(async () => {
  removals = [];
  folder = await mkdtemp(join(tmpdir(), 'fogbank-warm-'));
  disks = createDisks(folder, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, switchUser: false });
  await disks.open();
  await createEmptyQcow2(join(folder, 'ami.qcow2'), GIB);
  await disks.ensureSnapshotFromFile('snap-00000001', join(folder, 'ami.qcow2'));
  store = makeStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A warm image as a build leaves it: with holes in its memory, and a disk that stands on the snapshot. */
async function image(id: string, environment = 'now'): Promise<string> {
  const path = join(folder, 'warm', id);
  await mkdir(path);
  await writeFile(join(path, 'ram'), Buffer.alloc(MIB, 7));
  await truncate(join(path, 'ram'), 64 * MIB);
  await writeFile(join(path, 'state'), 'state');
  await writeFile(join(path, 'console.log'), 'booting\n');
  const backing = { file: '../../snapshots/snap-00000001.qcow2', format: 'qcow2' as const };
  await createEmptyQcow2(join(path, 'disk.qcow2'), GIB, backing);
  const manifest: Partial<WarmManifest> = { id, key, environment, places: [], digests: await digestAll(path) };
  await writeFile(join(path, 'warm.json'), JSON.stringify(manifest));
  return path;
}

const first = `${key}00000001`;
const second = `${key}00000002`;

describe('warm images on the disk', () => {
  test('are found by their key', async () => {
    await image(first);
    expect((await store.find(key))?.id).toBe(first);
    expect(await store.find('ffffffffffffffff')).toBeUndefined();
    const [listed] = await listWarmImages(folder);
    expect(listed?.bytes).toBeGreaterThan(MIB);
    expect(listed?.bytes).toBeLessThan(4 * MIB);
  });

  test.each(['ram', 'state', 'disk.qcow2', 'console.log'])(
    'are not used once their %s has changed, even behind their back',
    async name => {
      const path = join(await image(first), name);
      expect((await store.find(key))?.id).toBe(first);
      const { atime, mtime, size } = await stat(path);
      const file = await open(path, 'r+');
      await file.write(Buffer.from([1]), 0, 1, size - 1);
      await file.close();
      await utimes(path, atime, mtime);
      expect(await store.find(key)).toBeUndefined();
      expect(removals.join()).toMatch(/have changed/);
      expect(await readdir(join(folder, 'warm'))).toEqual([]);
    },
  );

  test('are looked at in full by every new server', async () => {
    const path = await image(first);
    const file = await open(join(path, 'ram'), 'r+');
    await file.write(Buffer.from([1]), 0, 1, 32 * MIB);
    await file.close();
    expect(await makeStore().find(key)).toBeUndefined();
  });

  test('whose files have only been touched stay', async () => {
    const path = await image(first);
    await store.find(key);
    await utimes(join(path, 'ram'), new Date(), new Date());
    expect((await store.find(key))?.id).toBe(first);
  });

  test('without a manifest, or with half of one, are none', async () => {
    await rm(join(await image(first), 'warm.json'));
    await writeFile(join(await image(second), 'warm.json'), '{"id":');
    expect(await store.find(key)).toBeUndefined();
    expect(await listWarmImages(folder)).toEqual([]);
  });

  test('go when QEMU is another one, and what killed builds left goes too', async () => {
    await image(first, 'now');
    await image(second, 'before');
    await mkdir(join(folder, 'warm', '.new-999999999-x'));
    await mkdir(join(folder, 'warm', `.new-${process.pid}-x`));
    await store.open('now');
    expect((await readdir(join(folder, 'warm'))).sort()).toEqual([`.new-${process.pid}-x`, first]);
  });

  test('keep within their budget: the least recently used goes first, the last one stays', async () => {
    const path = await image(first);
    await image(second);
    await utimes(join(path, 'warm.json'), new Date(), new Date(Date.now() - 60_000));
    await makeStore(2 * MIB).trim();
    expect((await listWarmImages(folder)).map(({ id }) => id)).toEqual([second]);
    await makeStore(1).trim();
    expect((await listWarmImages(folder)).map(({ id }) => id)).toEqual([second]);
  });
});

describe('a volume over a warm image', () => {
  const volumeId = 'vol-00000001';
  const volume = () => join(folder, 'volumes', `${volumeId}.qcow2`);

  beforeEach(async () => {
    await image(first);
    await disks.ensureVolume(volumeId, { sizeGib: 3, snapshotId: 'snap-00000001' });
  });

  test('has its own size, stands on the warm disk, and goes back to the snapshot without what was written', async () => {
    const before = await disks.origin(volumeId);
    expect(before).toEqual({ snapshot: 'snapshots/snap-00000001.qcow2', untouched: true, virtualBytes: 3 * GIB });
    expect(await disks.layOverWarm(volumeId, first)).toBe(true);
    const header = await readImageHeader(volume());
    expect(header).toMatchObject({ backingFile: `../warm/${first}/disk.qcow2`, virtualBytes: 3 * GIB });
    expect(await disks.origin(volumeId)).toEqual(before);
    await truncate(volume(), 10 * MIB);
    expect(await disks.origin(volumeId)).toMatchObject({ untouched: false });
    await disks.layBack(volumeId);
    expect(await disks.origin(volumeId)).toEqual(before);
    expect((await readImageHeader(volume())).backingFile).toBe('../snapshots/snap-00000001.qcow2');
  });

  test('is none once something was written to it, and none without the warm image', async () => {
    expect(await disks.layOverWarm(volumeId, second)).toBe(false);
    await truncate(volume(), 10 * MIB);
    expect(await disks.layOverWarm(volumeId, first)).toBe(false);
    expect((await readImageHeader(volume())).backingFile).toBe('../snapshots/snap-00000001.qcow2');
  });

  test('is none of another snapshot than the warm image', async () => {
    await createEmptyQcow2(join(folder, 'other.qcow2'), GIB);
    await disks.ensureSnapshotFromFile('snap-00000002', join(folder, 'other.qcow2'));
    await disks.ensureVolume('vol-00000002', { sizeGib: 3, snapshotId: 'snap-00000002' });
    expect(await disks.layOverWarm('vol-00000002', first)).toBe(false);
  });

  test('keeps what it stands on when the snapshot is removed, though the warm image goes', async () => {
    await disks.layOverWarm(volumeId, first);
    await disks.removeSnapshot('snap-00000001');
    expect(await store.find(key)).toBeUndefined();
    expect(await readdir(join(folder, 'warm', first))).toContain('disk.qcow2');
    expect(await disks.origin(volumeId)).toMatchObject({ snapshot: 'snapshots/snap-00000001.qcow2' });
    await disks.removeVolume(volumeId);
    expect(await readdir(join(folder, 'warm'))).toEqual([]);
    expect(await readdir(join(folder, 'snapshots'))).toEqual([]);
  });

  test('keeps the warm disk, and that the snapshot, until it goes', async () => {
    await disks.layOverWarm(volumeId, first);
    await disks.retireWarm(first);
    expect(await readdir(join(folder, 'warm', first))).toEqual(expect.arrayContaining(['disk.qcow2']));
    expect(await readdir(join(folder, 'warm', first))).not.toContain('ram');
    await disks.removeSnapshot('snap-00000001');
    expect(await readdir(join(folder, 'snapshots'))).toContain('snap-00000001.qcow2');
    await disks.removeVolume(volumeId);
    expect(await readdir(join(folder, 'warm'))).toEqual([]);
    expect(await readdir(join(folder, 'snapshots'))).toEqual([]);
  });
});
