/** What every engine promises of disks that no machine has, as tests; part of `contract.ts`. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { DiskDriver } from './engine.ts';

const BLOCK = 512 * 1024;

function id(prefix: string): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

/** A block that is full of one byte. */
const full = (byte: number): Buffer => Buffer.alloc(BLOCK, byte);

/** A snapshot of 1 GiB with these blocks, the byte of each by its index. */
async function written(disks: DiskDriver, blocks: Record<number, number>, parentId?: string): Promise<string> {
  const snapshotId = id('snap');
  await disks.ensureSnapshotDraft(snapshotId, { sizeGib: 1, ...(parentId ? { parentId } : {}) });
  const draft = await disks.openSnapshot(snapshotId);
  for (const [index, byte] of Object.entries(blocks)) await draft.write(Number(index), full(byte));
  await draft.close();
  await disks.completeSnapshot(snapshotId);
  return snapshotId;
}

async function bytesOf(disks: DiskDriver, snapshotId: string, ...indexes: number[]): Promise<(number | undefined)[]> {
  const snapshot = await disks.openSnapshot(snapshotId);
  try {
    const blocks = [];
    for (const index of indexes) blocks.push(await snapshot.read(index));
    return blocks.map(block => (block.equals(full(block[0] ?? 0)) ? block[0] : undefined));
  } finally {
    await snapshot.close();
  }
}

export function describeDiskContract(disksOf: () => DiskDriver): void {
  describe('snapshots', () => {
    test('are written block by block, and no more when they are complete', async () => {
      const disks = disksOf();
      const snapshotId = await written(disks, { 0: 1, 7: 2, 2047: 3 });
      expect(await bytesOf(disks, snapshotId, 0, 1, 7, 2047)).toEqual([1, 0, 2, 3]);
      const snapshot = await disks.openSnapshot(snapshotId);
      expect(await snapshot.allocated()).toEqual([0, 7, 2047]);
      await expect(snapshot.write(0, full(9))).rejects.toMatchObject({ code: 'Invalid' });
      await snapshot.close();
      expect(await disks.listSnapshots()).toContain(snapshotId);
    });

    test('stand on others, and differ from them where they were written to', async () => {
      const disks = disksOf();
      const parent = await written(disks, { 1: 1, 2: 2 });
      const child = await written(disks, { 2: 5, 3: 6 }, parent);
      expect(await bytesOf(disks, child, 1, 2, 3)).toEqual([1, 5, 6]);
      expect(await bytesOf(disks, parent, 1, 2, 3)).toEqual([1, 2, 0]);
      expect(await disks.changedBlocks({ snapshotId: parent }, { snapshotId: child })).toEqual([2, 3]);
      const stranger = await written(disks, { 1: 1, 2: 5 });
      expect(await disks.changedBlocks({ snapshotId: child }, { snapshotId: stranger })).toEqual([3]);
    });

    test('live on in volumes, their snapshots and copies when they are gone, in any order', async () => {
      const disks = disksOf();
      const first = await written(disks, { 4: 44 });
      const volumeId = id('vol');
      await disks.ensureVolume(volumeId, { sizeGib: 2, snapshotId: first });
      const [second, third, copy] = [id('snap'), id('snap'), id('snap')];
      await disks.ensureSnapshots([{ snapshotId: second, volumeId }]);
      await disks.ensureSnapshots([{ snapshotId: second, volumeId }]);
      await disks.ensureSnapshots([{ snapshotId: third, volumeId }]);
      await disks.ensureSnapshotCopy(copy, { snapshotId: second });
      for (const gone of [first, second]) await disks.removeSnapshot(gone);
      expect(await bytesOf(disks, third, 4, 5)).toEqual([44, 0]);
      await disks.removeVolume(volumeId);
      await disks.removeSnapshot(third);
      expect(await bytesOf(disks, copy, 4, 5)).toEqual([44, 0]);
      await disks.removeSnapshot(copy);
      const left = await disks.listSnapshots();
      for (const gone of [first, second, third, copy]) expect(left).not.toContain(gone);
    });

    test('keep the size that their volume had', async () => {
      const disks = disksOf();
      const volumeId = id('vol');
      await disks.ensureVolume(volumeId, { sizeGib: 1 });
      const snapshotId = id('snap');
      await disks.ensureSnapshots([{ snapshotId, volumeId }]);
      await disks.ensureVolumeSize(volumeId, 3);
      await disks.ensureVolumeSize(volumeId, 2);
      const later = id('vol');
      await disks.ensureVolume(later, { sizeGib: 1, snapshotId });
      for (const one of [volumeId, later]) await disks.removeVolume(one);
      await disks.removeSnapshot(snapshotId);
      expect(await disks.listVolumes()).toEqual(expect.not.arrayContaining([volumeId, later]));
    });
  });
}
