import { type FileHandle, open } from 'node:fs/promises';
import { run } from '../run.ts';
import { bootSectorCode, coreAt } from './grub.ts';
import {
  BIOS_BOOT,
  GPT_BOOT_START,
  GPT_ROOT_START,
  guidLimit,
  guidTable,
  LINUX_FILESYSTEM,
  MBR_ROOT_START,
  mbrTable,
  protectiveTable,
  SECTOR,
} from './partition-table.ts';

export interface DiskPlan {
  /** Directory whose content becomes the root file system, with owners and modes as they are. */
  tree: string;
  sizeGib: number;
  partitions: 'mbr' | 'gpt';
  /** ext4 label, at most 16 bytes. */
  label: string;
  /** UUID of the file system; the disk's and partitions' identities are derived from it. */
  uuid: string;
  /** Seconds since 1970 that stand for every time stamp. */
  epoch: number;
  bootImg: Buffer;
  coreImg: Buffer;
}

/** Makes the raw, sparse disk `file`: partition table, GRUB and an ext4 root file system filled from a directory. */
export async function makeDisk(file: string, plan: DiskPlan): Promise<void> {
  const sectors = (plan.sizeGib * 2 ** 30) / SECTOR;
  const start = plan.partitions === 'gpt' ? GPT_ROOT_START : MBR_ROOT_START;
  const end = plan.partitions === 'gpt' ? guidLimit(sectors) : sectors;
  const disk = await open(file, 'wx+', 0o600);
  try {
    await disk.truncate(sectors * SECTOR);
    await makeFileSystem(file, start, end, plan);
    if (plan.partitions === 'gpt') await writeGptBoot(disk, sectors, end, plan);
    else await writeMbrBoot(disk, sectors, plan);
  } finally {
    await disk.close();
  }
}

async function makeFileSystem(file: string, start: number, end: number, plan: DiskPlan): Promise<void> {
  // Inode tables are written now: else every new instance would write them in the background of its first minutes.
  const extended = `offset=${start * SECTOR},lazy_itable_init=0,lazy_journal_init=1,hash_seed=${plan.uuid},root_owner=0:0`;
  const args = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '1', '-O', '64bit,metadata_csum'];
  args.push(
    '-L',
    plan.label,
    '-U',
    plan.uuid,
    '-E',
    extended,
    '-d',
    plan.tree,
    file,
    `${((end - start) * SECTOR) / 1024}k`,
  );
  const time = String(plan.epoch);
  await run('mke2fs', args, { env: { SOURCE_DATE_EPOCH: time, E2FSPROGS_FAKE_TIME: time } });
}

async function writeMbrBoot(disk: FileHandle, sectors: number, plan: DiskPlan): Promise<void> {
  const signature = Number.parseInt(plan.uuid.slice(0, 8), 16);
  await put(disk, 0, Buffer.concat([bootSectorCode(plan.bootImg, 1), mbrTable(sectors, signature)]));
  await put(disk, 1, coreAt(plan.coreImg, 1, MBR_ROOT_START - 1));
}

async function writeGptBoot(disk: FileHandle, sectors: number, end: number, plan: DiskPlan): Promise<void> {
  await put(disk, 0, Buffer.concat([bootSectorCode(plan.bootImg, GPT_BOOT_START), protectiveTable(sectors)]));
  const table = guidTable(sectors, derived(plan.uuid, 0), [
    { number: 1, type: LINUX_FILESYSTEM, uuid: derived(plan.uuid, 1), name: 'root', start: GPT_ROOT_START, end },
    {
      number: 14,
      type: BIOS_BOOT,
      uuid: derived(plan.uuid, 14),
      name: 'bios-boot',
      start: GPT_BOOT_START,
      end: GPT_ROOT_START,
    },
  ]);
  for (const [sector, bytes] of table) await put(disk, sector, bytes);
  await put(disk, GPT_BOOT_START, coreAt(plan.coreImg, GPT_BOOT_START, GPT_ROOT_START - GPT_BOOT_START));
}

async function put(disk: FileHandle, sector: number, bytes: Buffer): Promise<void> {
  await disk.write(bytes, 0, bytes.length, sector * SECTOR);
}

/** Another UUID that differs from `uuid` in its last two digits. */
const derived = (uuid: string, n: number): string => uuid.slice(0, -2) + (0xa0 + n).toString(16).padStart(2, '0');
