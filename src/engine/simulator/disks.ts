import { createReadStream } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { type DiskDriver, type DiskFileFormat, EngineError } from '../engine.ts';

const BLOCK = 512 * 1024;

/**
 * Volumes and snapshots without content, but for the blocks that the EBS direct API writes: those of a snapshot and of
 * copies of it are kept. Nothing is missing after a restart of the server: what is asked for and not known is empty.
 */
export function createSimulatedDisks(): DiskDriver {
  const volumes = new Map<string, { readonly blocks: Blocks }>();
  const snapshots = new Map<string, { readonly blocks: Blocks; draft: boolean }>();

  const blocksOf = (snapshotId: string): Blocks => snapshots.get(snapshotId)?.blocks ?? new Map();

  return {
    async ensureSnapshotFromFile(snapshotId) {
      if (!snapshots.has(snapshotId)) snapshots.set(snapshotId, { blocks: new Map(), draft: false });
    },
    async ensureVolume(volumeId, { snapshotId }) {
      if (volumes.has(volumeId)) return;
      volumes.set(volumeId, { blocks: snapshotId === undefined ? new Map() : new Map(blocksOf(snapshotId)) });
    },
    async ensureVolumeSize() {},
    async ensureSnapshots(cuts) {
      for (const { snapshotId, volumeId } of cuts) {
        if (!snapshots.has(snapshotId))
          snapshots.set(snapshotId, { blocks: new Map(volumes.get(volumeId)?.blocks), draft: false });
      }
    },
    async ensureSnapshotCopy(snapshotId, source, { progress } = {}) {
      if (!snapshots.has(snapshotId))
        snapshots.set(snapshotId, { blocks: new Map(blocksOf(source.snapshotId)), draft: false });
      progress?.(1);
    },
    async inspectFile(file) {
      const { size } = await stat(file).catch(error => {
        throw new EngineError('Invalid', `the file ${file} cannot be read: ${error.message}`, { cause: error });
      });
      return { format: await formatOf(file), virtualBytes: size };
    },
    async ensureSnapshotImport(snapshotId, _source, { progress } = {}) {
      if (!snapshots.has(snapshotId)) snapshots.set(snapshotId, { blocks: new Map(), draft: false });
      progress?.(1);
    },
    async exportSnapshot({ snapshotId }, { file, progress }) {
      const last = Math.max(-1, ...blocksOf(snapshotId).keys());
      const content = Buffer.alloc((last + 1) * BLOCK);
      for (const [index, data] of blocksOf(snapshotId)) content.set(data, index * BLOCK);
      await writeFile(`${file}.partial`, content);
      await rename(`${file}.partial`, file).finally(() => rm(`${file}.partial`, { force: true }));
      progress?.(1);
    },
    async ensureSnapshotDraft(snapshotId, { parentId }) {
      if (snapshots.has(snapshotId)) return;
      snapshots.set(snapshotId, {
        blocks: parentId === undefined ? new Map() : new Map(blocksOf(parentId)),
        draft: true,
      });
    },
    async completeSnapshot(snapshotId) {
      const found = snapshots.get(snapshotId);
      if (found) found.draft = false;
    },
    async openSnapshot(snapshotId) {
      const found = snapshots.get(snapshotId) ?? { blocks: new Map(), draft: false };
      return {
        allocated: async () => [...found.blocks.keys()].sort((a, b) => a - b),
        read: async index => Buffer.from(found.blocks.get(index) ?? Buffer.alloc(BLOCK)),
        write: async (index, data) => {
          if (!found.draft) throw new EngineError('Invalid', `the snapshot ${snapshotId} is complete`);
          found.blocks.set(index, Uint8Array.from(data));
        },
        close: async () => {},
      };
    },
    async changedBlocks(first, second) {
      const [one, other] = [blocksOf(first.snapshotId), blocksOf(second.snapshotId)];
      const all = new Set([...one.keys(), ...other.keys()]);
      return [...all].filter(index => !same(one.get(index), other.get(index))).sort((a, b) => a - b);
    },
    async snapshotBytes(snapshotId) {
      const bytes = blocksOf(snapshotId).size * BLOCK;
      return { full: bytes, own: bytes };
    },
    async removeVolume(volumeId) {
      volumes.delete(volumeId);
    },
    async removeSnapshot(snapshotId) {
      snapshots.delete(snapshotId);
    },
    async listVolumes() {
      return [...volumes.keys()];
    },
    async listSnapshots() {
      return [...snapshots.keys()];
    },
  };
}

type Blocks = Map<number, Uint8Array>;

function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}

/** By the first bytes. */
async function formatOf(file: string): Promise<DiskFileFormat> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(file, { end: 7 })) chunks.push(chunk as Buffer);
  const magic = Buffer.concat(chunks).toString('latin1');
  if (magic.startsWith('QFI\xfb')) return 'qcow2';
  if (magic.startsWith('KDMV')) return 'vmdk';
  if (magic === 'vhdxfile') return 'vhdx';
  return magic === 'conectix' ? 'vhd' : 'raw';
}
