import { type FileHandle, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import { SECTOR } from './partition-table.ts';

/** Bytes that belong to a sector of the disk and those that follow it. */
export type SectorBytes = readonly [sector: number, bytes: Buffer];

export interface DiskPlan {
  /** Directory whose content becomes the root file system, with owners and modes as they are. */
  tree: string;
  sizeGib: number;
  /** First sector of the root partition and, exclusive, its last. */
  rootStart: number;
  rootEnd: number;
  /** ext4 label, at most 16 bytes. */
  label: string;
  uuid: string;
  /** Seconds since 1970 that stand for every time stamp. */
  epoch: number;
  /** Boot code and partition tables. */
  sectors: readonly SectorBytes[];
}

export const sectorsOf = (gib: number): number => (gib * 2 ** 30) / SECTOR;

/** Makes the raw, sparse disk `file`: an ext4 root file system filled from a directory, and what makes it boot. */
export async function makeDisk(file: string, plan: DiskPlan): Promise<void> {
  const disk = await open(file, 'wx+', 0o600);
  try {
    await disk.truncate(sectorsOf(plan.sizeGib) * SECTOR);
    await makeFileSystem(file, plan);
    await settleChangeTimes(file, plan);
    for (const [sector, bytes] of plan.sectors) await put(disk, sector, bytes);
  } finally {
    await disk.close();
  }
}

async function makeFileSystem(file: string, plan: DiskPlan): Promise<void> {
  const size = `${((plan.rootEnd - plan.rootStart) * SECTOR) / 1024}k`;
  // Inode tables are written now: else every new instance would write them in the background of its first minutes.
  const lazy = 'lazy_itable_init=0,lazy_journal_init=1';
  const extended = `offset=${plan.rootStart * SECTOR},${lazy},hash_seed=${plan.uuid},root_owner=0:0`;
  const args = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '1', '-O', '64bit,metadata_csum'];
  args.push('-L', plan.label, '-U', plan.uuid, '-E', extended, '-d', plan.tree, file, size);
  await run('mke2fs', args, { env: fixedTime(plan) });
}

/**
 * mke2fs copies the times when the tree's inodes were last changed, which nobody can set: each build would have others.
 * Inodes were given numbers one after the other, those below 11 are the file system's own.
 */
async function settleChangeTimes(file: string, plan: DiskPlan): Promise<void> {
  const inodes = (await countEntries(plan.tree)) + 12;
  const commands: string[] = [];
  for (let inode = 1; inode <= inodes; inode += 1) {
    if (inode <= 10 && ![2, 7, 8].includes(inode)) continue;
    commands.push(`sif <${inode}> ctime @${plan.epoch}`, `sif <${inode}> ctime_extra 0`);
  }
  const script = `${file}.debugfs`;
  await writeFile(script, `${commands.join('\n')}\n`);
  await run('debugfs', ['-w', '-f', script, `${file}?offset=${plan.rootStart * SECTOR}`], { env: fixedTime(plan) });
  await rm(script);
}

/** How many files, folders and links are below a folder. A link is not followed: /dev/fd leads to files of this process. */
export async function countEntries(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  let count = entries.length;
  for (const entry of entries) if (entry.isDirectory()) count += await countEntries(join(folder, entry.name));
  return count;
}

/** What e2fsprogs takes for the present, by its newer and its older name. */
const fixedTime = (plan: DiskPlan): Record<string, string> => ({
  SOURCE_DATE_EPOCH: String(plan.epoch),
  E2FSPROGS_FAKE_TIME: String(plan.epoch),
});

async function put(disk: FileHandle, sector: number, bytes: Buffer): Promise<void> {
  await disk.write(bytes, 0, bytes.length, sector * SECTOR);
}
