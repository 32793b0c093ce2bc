import { execFile } from 'node:child_process';
import { access, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDisks, type QemuDisks } from './disks.ts';
import { createEmptyQcow2, emptyLength, readImageHeader } from './qcow2.ts';

const run = promisify(execFile);
const hasQemuImg = await run('qemu-img', ['--version']).then(
  () => true,
  () => false,
);
const GIB = 1024 ** 3;
const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, switchUser: false };

let folder: string;
let disks: QemuDisks;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-disks-'));
  disks = createDisks(folder, user);
  await disks.open();
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function image(name = 'ami.qcow2', bytes = 2 * GIB): Promise<string> {
  const file = join(folder, name);
  await createEmptyQcow2(file, bytes);
  await chmod(file, 0o644);
  return file;
}

describe('a qcow2 image of our own', () => {
  test.each([1, 8, 100, 16_384, 65_536])('of %i GiB states its size and its backing file', async sizeGib => {
    const file = join(folder, 'x.qcow2');
    await createEmptyQcow2(file, sizeGib * GIB, { file: '../snapshots/snap-1.qcow2', format: 'qcow2' });
    expect(await readImageHeader(file)).toEqual({
      format: 'qcow2',
      virtualBytes: sizeGib * GIB,
      backingFile: '../snapshots/snap-1.qcow2',
    });
  });

  test.runIf(hasQemuImg).each([1, 8, 511, 513, 65_536])(
    'of %i GiB is sound to qemu-img, with and without backing',
    async sizeGib => {
      const base = await image('base.qcow2', GIB);
      for (const backing of [undefined, { file: 'base.qcow2', format: 'qcow2' as const }]) {
        const file = join(folder, 'x.qcow2');
        await createEmptyQcow2(file, sizeGib * GIB, backing);
        expect((await run('qemu-img', ['check', file])).stdout).toContain('No errors were found');
        const info = JSON.parse((await run('qemu-img', ['info', '--output=json', file])).stdout);
        expect(info['virtual-size']).toBe(sizeGib * GIB);
        expect(info['full-backing-filename']).toBe(backing && base);
        expect(info['backing-filename-format']).toBe(backing?.format);
        expect(info['format-specific'].data).toMatchObject({ compat: '1.1', 'refcount-bits': 16, corrupt: false });
      }
    },
  );

  test.runIf(hasQemuImg)('takes data, keeps it, and shows the backing file where it has none', async () => {
    const file = join(folder, 'x.qcow2');
    await writeFile(join(folder, 'base.raw'), Buffer.alloc(1024 * 1024, 'b'));
    await createEmptyQcow2(file, GIB, { file: 'base.raw', format: 'raw' });
    await run('qemu-io', ['-c', 'write -P 0x61 65536 65536', '-c', 'write -P 0x7a 1073676288 65536', file]);
    await run('qemu-io', [
      ...['-c', 'read -P 0x62 0 65536', '-c', 'read -P 0x61 65536 65536', '-c', 'read -P 0x62 131072 65536'],
      ...['-c', 'read -P 0 1048576 65536', '-c', 'read -P 0x7a 1073676288 65536', file],
    ]);
    expect((await run('qemu-img', ['check', file])).stdout).toContain('No errors were found');
  });

  test('cannot have an odd size', () => {
    expect(() => emptyLength(1000)).toThrow(RangeError);
    expect(() => emptyLength(0)).toThrow(RangeError);
  });
});

describe('disks', () => {
  test('a snapshot is the image itself where that is possible, and read-only', async () => {
    const source = await image();
    await disks.ensureSnapshotFromFile('snap-00000001', source);
    const snapshot = await stat(join(folder, 'snapshots/snap-00000001.qcow2'));
    expect(snapshot.ino).toBe((await stat(source)).ino);
    expect(snapshot.mode & 0o222).toBe(0);
    expect(await disks.listSnapshots()).toEqual(['snap-00000001']);
    await disks.ensureSnapshotFromFile('snap-00000001', join(folder, 'gone.qcow2'));
  });

  test('a snapshot of a file that machines could not read is a copy that they can', async () => {
    const source = await image();
    await chmod(source, 0o600);
    await disks.ensureSnapshotFromFile('snap-00000001', source);
    const snapshot = await stat(join(folder, 'snapshots/snap-00000001.qcow2'));
    expect(snapshot.ino).not.toBe((await stat(source)).ino);
    expect(snapshot.mode & 0o777).toBe(0o440);
    expect((await stat(source)).mode & 0o777).toBe(0o600);
  });

  test('a raw image stays raw, and volumes on it say so', async () => {
    await writeFile(join(folder, 'ami.raw'), Buffer.alloc(1024 * 1024, 7));
    await disks.ensureSnapshotFromFile('snap-00000001', join(folder, 'ami.raw'));
    await disks.ensureVolume('vol-00000001', { sizeGib: 1, snapshotId: 'snap-00000001' });
    expect(await readImageHeader(join(folder, 'volumes/vol-00000001.qcow2'))).toMatchObject({
      virtualBytes: GIB,
      backingFile: '../snapshots/snap-00000001.raw',
    });
  });

  test('a volume is made once and never touched again', async () => {
    await disks.ensureSnapshotFromFile('snap-00000001', await image());
    const options = { sizeGib: 8, snapshotId: 'snap-00000001' };
    await Promise.all([disks.ensureVolume('vol-00000001', options), disks.ensureVolume('vol-00000001', options)]);
    const file = join(folder, 'volumes/vol-00000001.qcow2');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, 'data of a guest');
    await disks.ensureVolume('vol-00000001', options);
    expect(await readFile(file, 'utf8')).toBe('data of a guest');
    expect(await disks.listVolumes()).toEqual(['vol-00000001']);
    expect(await readdir(join(folder, 'volumes'))).toEqual(['vol-00000001.qcow2']);
  });

  test('bad requests are refused, with nothing left behind', async () => {
    await disks.ensureSnapshotFromFile('snap-00000001', await image());
    const attempt = (volumeId: string, sizeGib: number, snapshotId?: string) =>
      disks.ensureVolume(volumeId, { sizeGib, ...(snapshotId ? { snapshotId } : {}) });
    await expect(attempt('vol-00000001', 1, 'snap-00000001')).rejects.toMatchObject({ code: 'Invalid' });
    await expect(attempt('vol-00000001', 8, 'snap-00000002')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(attempt('vol-00000001', 0)).rejects.toMatchObject({ code: 'Invalid' });
    await expect(attempt('vol-00000001', 65_537)).rejects.toMatchObject({ code: 'Invalid' });
    await expect(attempt('../../etc/passwd', 1)).rejects.toMatchObject({ code: 'Invalid' });

    await expect(disks.ensureSnapshotFromFile('snap-00000003', '/nonexistent')).rejects.toMatchObject({
      code: 'NotFound',
    });
    expect(await readdir(join(folder, 'volumes'))).toEqual([]);
  });

  test('a removed snapshot stays on the disk as long as volumes stand on it', async () => {
    await disks.ensureSnapshotFromFile('snap-00000001', await image());
    for (const id of ['vol-00000001', 'vol-00000002'])
      await disks.ensureVolume(id, { sizeGib: 2, snapshotId: 'snap-00000001' });
    await disks.removeSnapshot('snap-00000001');
    expect(await disks.listSnapshots()).toEqual([]);
    await access(join(folder, 'snapshots/snap-00000001.qcow2'));
    await disks.removeVolume('vol-00000001');
    await access(join(folder, 'snapshots/snap-00000001.qcow2'));
    await disks.removeVolume('vol-00000002');
    expect(await readdir(join(folder, 'snapshots'))).toEqual([]);
  });

  test('a chain of removed snapshots goes from its top', async () => {
    await disks.ensureSnapshotFromFile('snap-00000001', await image());
    const second = join(folder, 'second.qcow2');
    await createEmptyQcow2(second, 2 * GIB, { file: '../snapshots/snap-00000001.qcow2', format: 'qcow2' });
    await disks.ensureSnapshotFromFile('snap-00000002', second);
    await disks.removeSnapshot('snap-00000001');
    expect(await disks.listSnapshots()).toEqual(['snap-00000002']);
    await access(join(folder, 'snapshots/snap-00000001.qcow2'));
    await disks.removeSnapshot('snap-00000002');
    expect(await readdir(join(folder, 'snapshots'))).toEqual([]);
  });

  test('what an interrupted call left is gone after the next start', async () => {
    await writeFile(join(folder, 'volumes/vol-00000001.qcow2.partial'), 'half');
    await writeFile(join(folder, 'snapshots/snap-00000001.qcow2.partial'), 'half');
    expect(await disks.listVolumes()).toEqual([]);
    expect(await disks.listSnapshots()).toEqual([]);
    await disks.open();
    expect(await readdir(join(folder, 'volumes'))).toEqual([]);
    expect(await readdir(join(folder, 'snapshots'))).toEqual([]);
  });
});
