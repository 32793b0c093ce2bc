import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DiskAttachment, DiskFileFormat, Engine, MachineSpec } from '../../engine.ts';
import { testGuestDisk } from '../boot-sectors.ts';
import { createQemuEngine } from '../engine.ts';

const run = promisify(execFile);
const GIB = 1024 ** 3;
const BLOCK = 512 * 1024;
const secret = 'a word that nobody may read';
const key = Buffer.alloc(32, 7);
const otherKey = Buffer.alloc(32, 8);

let folder: string;
let dataDir: string;
let engine: Engine;

async function open(): Promise<void> {
  engine = await createQemuEngine({ dataDir, publicPool: '198.19.78.0/24', warmBytes: 0 });
  await engine.open({ machineChanged: () => {} }, { onListening: () => {}, onClosed: () => {} });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-disks-'));
  dataDir = join(folder, 'data');
  await open();
  await writeFile(join(folder, 'boot.raw'), testGuestDisk());
  await engine.disks.ensureSnapshotFromFile('snap-0000000b', join(folder, 'boot.raw'));
});

afterAll(async () => {
  await engine.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** A block that holds the word now and then. */
const words = (): Buffer => Buffer.alloc(BLOCK, `${secret}.`);

async function writeSnapshot(snapshotId: string, diskKey?: Uint8Array): Promise<void> {
  const keyed = diskKey ? { key: diskKey } : {};
  await engine.disks.ensureSnapshotDraft(snapshotId, { sizeGib: 1, ...keyed });
  const draft = await engine.disks.openSnapshot(snapshotId, keyed);
  await draft.write(3, words());
  await draft.close();
  await engine.disks.completeSnapshot(snapshotId);
}

async function readBlock(snapshotId: string, index: number, diskKey?: Uint8Array): Promise<Buffer> {
  const opened = await engine.disks.openSnapshot(snapshotId, diskKey ? { key: diskKey } : {});
  return opened.read(index).finally(() => opened.close());
}

async function machine(instanceId: string, ...disks: DiskAttachment[]): Promise<MachineSpec> {
  const volumeId = instanceId.replace('i-', 'vol-');
  await engine.disks.ensureVolume(volumeId, { sizeGib: 1, snapshotId: 'snap-0000000b' });
  return {
    instanceId,
    instanceType: 't3.nano',
    vcpus: 1,
    memoryMib: 64,
    architecture: 'x86_64',
    uuid: 'ec2f0000-0000-4000-8000-000000000001',
    bootMode: 'legacy-bios',
    disks: [{ volumeId, device: '/dev/xvda', root: true }, ...disks],
    nics: [],
  };
}

/** Everything that is in the files of volumes and snapshots. */
async function onDisk(): Promise<string> {
  const files = ['volumes', 'snapshots'].map(async name => {
    const path = join(dataDir, name);
    const contents = (await readdir(path)).map(async file => (await readFile(join(path, file))).toString('latin1'));
    return (await Promise.all(contents)).join('');
  });
  return (await Promise.all(files)).join('');
}

describe('encryption', () => {
  test('leaves nothing readable without the key, and everything with it', async () => {
    await writeSnapshot('snap-00000001', key);
    expect(await onDisk()).not.toContain(secret);
    expect((await readBlock('snap-00000001', 3, key)).equals(words())).toBe(true);
    await expect(readBlock('snap-00000001', 3, otherKey)).rejects.toThrow(/key|password/i);
    await expect(readBlock('snap-00000001', 3)).rejects.toThrow();
  });

  test('goes with volumes and their snapshots, and changes with copies', async () => {
    const { disks } = engine;
    await disks.ensureVolume('vol-00000001', { sizeGib: 2, snapshotId: 'snap-00000001', key, snapshotKey: key });
    await disks.ensureVolume('vol-00000002', {
      sizeGib: 2,
      snapshotId: 'snap-00000001',
      key: otherKey,
      snapshotKey: key,
    });
    await disks.ensureSnapshots([{ snapshotId: 'snap-00000002', volumeId: 'vol-00000001', key }]);
    await disks.ensureSnapshots([{ snapshotId: 'snap-00000003', volumeId: 'vol-00000002', key: otherKey }]);
    await disks.ensureSnapshotCopy('snap-00000004', { snapshotId: 'snap-00000002', key }, { key: otherKey });
    expect(await onDisk()).not.toContain(secret);
    expect((await readBlock('snap-00000002', 3, key)).equals(words())).toBe(true);
    for (const id of ['snap-00000003', 'snap-00000004']) {
      expect((await readBlock(id, 3, otherKey)).equals(words())).toBe(true);
      await expect(readBlock(id, 3, key)).rejects.toThrow();
    }
  });

  test('is the machine’s, at its start and later; the key is in no argument and no file', async () => {
    const disk = { volumeId: 'vol-00000001', device: '/dev/sdf', root: false };
    const spec = await machine('i-00000011', disk);
    await expect(engine.machines.ensureRunning(spec)).rejects.toMatchObject({ code: 'Failed' });
    await engine.machines.ensureRunning(spec, new Map([['vol-00000001', key]]));
    await engine.machines.attachDisk(
      spec.instanceId,
      { volumeId: 'vol-00000002', device: '/dev/sdg', root: false },
      otherKey,
    );
    expect((await engine.machines.listDisks(spec.instanceId)).sort()).toEqual([
      'vol-00000001',
      'vol-00000002',
      'vol-00000011',
    ]);
    const { stdout } = await run('grep', [
      '-rlaE',
      `${key.toString('hex')}|${otherKey.toString('hex')}`,
      dataDir,
    ]).catch(error => error);
    expect(stdout).toBe('');
    const arguments_ = await run('sh', ['-c', 'cat /proc/[0-9]*/cmdline']);
    expect(arguments_.stdout).toContain('key-vol-00000001');
    expect(arguments_.stdout).not.toContain(key.toString('hex'));
    await engine.machines.remove(spec.instanceId);
  });

  test('keeps nobody from seeing its files go', async () => {
    for (const id of ['vol-00000001', 'vol-00000002', 'vol-00000011']) await engine.disks.removeVolume(id);
    for (let n = 1; n <= 4; n++) await engine.disks.removeSnapshot(`snap-0000000${n}`);
    expect(await readdir(join(dataDir, 'volumes'))).toEqual([]);
    expect(await readdir(join(dataDir, 'snapshots'))).toEqual(['snap-0000000b.raw']);
  });
});

describe('files of disks', () => {
  test.each<DiskFileFormat>(['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx'])('as %s go out and come in', async format => {
    await writeSnapshot('snap-00000005');
    const file = join(folder, `disk.${format}`);
    const seen: number[] = [];
    await engine.disks.exportSnapshot(
      { snapshotId: 'snap-00000005' },
      { file, format, progress: done => seen.push(done) },
    );
    expect(seen.at(-1)).toBe(1);
    expect(await engine.disks.inspectFile(file)).toMatchObject({ format });
    const { virtualBytes } = await engine.disks.inspectFile(file);
    expect(Math.abs(virtualBytes - GIB)).toBeLessThan(2 ** 21);
    await engine.disks.ensureSnapshotImport('snap-00000006', { file, format, sizeGib: 2 });
    expect((await readBlock('snap-00000006', 3)).equals(words())).toBe(true);
    const opened = await engine.disks.openSnapshot('snap-00000006');
    expect(await opened.allocated()).toEqual([3]);
    await opened.close();
    for (const id of ['snap-00000005', 'snap-00000006']) await engine.disks.removeSnapshot(id);
    expect(await readdir(join(dataDir, 'snapshots'))).toEqual(['snap-0000000b.raw']);
  });

  test('that lean on other files are refused, and so are those that are no disks', async () => {
    const base = join(folder, 'base.raw');
    await writeFile(base, Buffer.alloc(1024 * 1024, 'x'));
    const files: [string, () => Promise<unknown>][] = [
      [
        'leaning.qcow2',
        () => run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', join(folder, 'leaning.qcow2')]),
      ],
      [
        'external.qcow2',
        () =>
          run('qemu-img', [
            'create',
            '-q',
            '-f',
            'qcow2',
            '-o',
            `data_file=${base}`,
            join(folder, 'external.qcow2'),
            '1M',
          ]),
      ],
      [
        'flat.vmdk',
        () =>
          run('qemu-img', [
            'create',
            '-q',
            '-f',
            'vmdk',
            '-o',
            'subformat=monolithicFlat',
            join(folder, 'flat.vmdk'),
            '1M',
          ]),
      ],
      ['empty.raw', () => writeFile(join(folder, 'empty.raw'), '')],
      ['cut.vhdx', () => writeFile(join(folder, 'cut.vhdx'), 'vhdxfile')],
    ];
    for (const [name, make] of files) {
      await make();
      await expect(engine.disks.inspectFile(join(folder, name)), name).rejects.toMatchObject({ code: 'Invalid' });
      const source = { file: join(folder, name), format: 'qcow2' as const, sizeGib: 1 };
      await expect(engine.disks.ensureSnapshotImport('snap-00000007', source), name).rejects.toMatchObject({
        code: 'Invalid',
      });
    }
    // A vmdk that says in itself where its data is.
    const sly = Buffer.alloc(4096);
    sly.write('KDMV');
    sly.writeUInt32LE(1, 4);
    await writeFile(join(folder, 'sly.vmdk'), sly);
    await expect(engine.disks.inspectFile(join(folder, 'sly.vmdk'))).rejects.toMatchObject({ code: 'Invalid' });
    await expect(engine.disks.inspectFile('/nonexistent')).rejects.toMatchObject({ code: 'Invalid' });
    expect(await readdir(join(dataDir, 'snapshots'))).toEqual(['snap-0000000b.raw']);
  });

  test('that are too large for the snapshot are refused', async () => {
    const file = join(folder, 'large.raw');
    await writeFile(file, '');
    await truncate(file, GIB + 512);
    const source = { file, format: 'raw' as const, sizeGib: 1 };
    await expect(engine.disks.ensureSnapshotImport('snap-00000007', source)).rejects.toMatchObject({ code: 'Invalid' });
  });
});

describe('a volume of 100 GiB', () => {
  test('takes no space, nor do its snapshot and what is made from that, and all of it is quick', async () => {
    const { disks } = engine;
    await disks.ensureVolume('vol-00000021', { sizeGib: 100 });
    await disks.ensureSnapshots([{ snapshotId: 'snap-00000021', volumeId: 'vol-00000021' }]);
    await disks.ensureVolume('vol-00000022', { sizeGib: 100, snapshotId: 'snap-00000021' });
    for (const file of [
      'volumes/vol-00000021.1.qcow2',
      'volumes/vol-00000022.qcow2',
      'snapshots/snap-00000021.qcow2',
    ]) {
      expect((await stat(join(dataDir, file))).blocks * 512, file).toBeLessThan(64 * 1024);
    }
    for (const id of ['vol-00000021', 'vol-00000022']) await disks.removeVolume(id);
    await disks.removeSnapshot('snap-00000021');
  });
});

describe('removed snapshots', () => {
  test('that others stand on are merged, and what was overwritten goes', async () => {
    const ids = ['snap-00000041', 'snap-00000042', 'snap-00000043', 'snap-00000044'];
    for (const [index, snapshotId] of ids.entries()) {
      const parentId = ids[index - 1];
      await engine.disks.ensureSnapshotDraft(snapshotId, { sizeGib: 1, ...(parentId ? { parentId } : {}) });
      const draft = await engine.disks.openSnapshot(snapshotId);
      // The last one leaves most to those below it.
      for (let block = 0; block < (index === 3 ? 1 : 20); block++)
        await draft.write(block, Buffer.alloc(BLOCK, index + 1));
      await draft.write(100 + index, words());
      await draft.close();
      await engine.disks.completeSnapshot(snapshotId);
    }
    const files = async () =>
      (await readdir(join(dataDir, 'snapshots'))).filter(name => name.endsWith('.qcow2')).sort();
    for (const gone of ids.slice(0, 3)) await engine.disks.removeSnapshot(gone);
    for (let waited = 0; waited < 30_000 && (await files()).length > 2; waited += 100) await sleep(100);
    expect(await files()).toEqual(['snap-00000043.qcow2', 'snap-00000044.qcow2']);
    const { full } = await engine.disks.snapshotBytes('snap-00000044');
    expect(full).toBeLessThan(30 * BLOCK);
    for (const [block, byte] of [
      [0, 4],
      [1, 3],
      [19, 3],
      [20, 0],
    ] as const) {
      expect((await readBlock('snap-00000044', block)).equals(Buffer.alloc(BLOCK, byte)), `block ${block}`).toBe(true);
    }
    for (let index = 0; index < 4; index++) {
      expect((await readBlock('snap-00000044', 100 + index)).equals(words())).toBe(true);
    }
    await engine.disks.removeSnapshot('snap-00000044');
    expect(await files()).toEqual([]);
  });
});

describe('a volume that several machines have', () => {
  const shared = { volumeId: 'vol-00000030', device: '/dev/sdf', root: false, shared: true };
  let first: MachineSpec;
  let second: MachineSpec;

  beforeAll(async () => {
    await engine.disks.ensureVolume('vol-00000030', { sizeGib: 1 });
    first = await machine('i-00000031', shared);
    second = await machine('i-00000032');
  });
  afterAll(async () => {
    for (const { instanceId } of [first, second]) await engine.machines.remove(instanceId);
  });

  test('is plugged into each, cut and grown', async () => {
    await engine.machines.ensureRunning(first);
    await engine.machines.ensureRunning(second);
    await engine.machines.attachDisk(second.instanceId, shared);
    for (const { instanceId } of [first, second])
      expect(await engine.machines.listDisks(instanceId)).toContain('vol-00000030');
    await engine.disks.ensureSnapshots([{ snapshotId: 'snap-00000030', volumeId: 'vol-00000030' }]);
    await engine.disks.ensureVolumeSize('vol-00000030', 2);
    expect(await readdir(join(dataDir, 'volumes'))).toContain('vol-00000030.1.qcow2');
    await expect(engine.disks.removeVolume('vol-00000030')).rejects.toMatchObject({ code: 'Invalid' });
  });

  test('survives the server, and is taken away from one alone', async () => {
    await engine.close();
    await open();
    await engine.disks.ensureSnapshots([{ snapshotId: 'snap-00000031', volumeId: 'vol-00000030' }]);
    await engine.machines.detachDisk(second.instanceId, 'vol-00000030', { force: true });
    expect(await engine.machines.listDisks(second.instanceId)).not.toContain('vol-00000030');
    expect(await engine.machines.listDisks(first.instanceId)).toContain('vol-00000030');
  });

  test('is closed when the last of them has ended', async () => {
    for (const { instanceId } of [first, second]) await engine.machines.powerOff(instanceId);
    const end = Date.now() + 30_000;
    while ((await readdir(join(dataDir, 'shared'))).length > 0 && Date.now() < end) await sleep(100);
    expect(await readdir(join(dataDir, 'shared'))).toEqual([]);
    await engine.disks.removeVolume('vol-00000030');
  });
});
