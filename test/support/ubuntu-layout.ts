import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BIOS_BOOT,
  guidLimit,
  guidTable,
  LINUX_FILESYSTEM,
  protectiveTable,
} from '../../src/images/disk/partition-table.ts';
import { output } from './process.ts';

const SECTOR = 512;
const MIB = 2048;
const EFI_SYSTEM = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const EXTENDED_BOOT = 'bc13c2ff-59e6-4262-a352-b275fd6f7172';
/** Boot code of the first sector. */
const CODE_BYTES = 440;
/** Where the image of Debian's layout has its boot loader and its root file system. */
const LOADER = { start: 1 * MIB, end: 2 * MIB };
const SOURCE_ROOT = 2 * MIB;

/**
 * Lays a Debian disk out as Ubuntu's cloud images are since 24.04: BIOS boot loader in partition 14, an EFI partition
 * 15, /boot in 16, and the root file system in partition 1 behind all of them.
 * @param source qcow2 file of the `debian-12` AMI
 * @returns file of the raw disk
 */
export async function ubuntuLayout(source: string, folder: string): Promise<string> {
  const debian = join(folder, 'debian.raw');
  await output('qemu-img', ['convert', '-O', 'raw', source, debian]);
  const size = Number(JSON.parse(await output('qemu-img', ['info', '--output=json', debian]))['virtual-size']) / SECTOR;
  const efi = 5 * MIB;
  const boot = 111 * MIB;
  const root = 367 * MIB;
  const sectors = root + size - SOURCE_ROOT + MIB;
  const disk = join(folder, 'ubuntu.raw');
  await writeFile(disk, '');
  await output('truncate', ['-s', String(sectors * SECTOR), disk]);
  await copySparse(debian, disk, SOURCE_ROOT, root);
  await copySparse(debian, disk, LOADER.start, LOADER.start, LOADER.end - LOADER.start);

  const kernels = join(folder, 'boot');
  await mkdir(kernels);
  const inRoot = `${disk}?offset=${root * SECTOR}`;
  await output('debugfs', ['-R', `rdump /boot ${kernels}`, inRoot]);
  await output('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-L', 'BOOT', '-E', `offset=${boot * SECTOR}`, '-d', join(kernels, 'boot')],
    ...[disk, `${((root - boot) * SECTOR) / 1024}k`],
  ]);
  const table = join(folder, 'fstab');
  await writeFile(table, 'LABEL=root / ext4 defaults 0 1\nLABEL=BOOT /boot ext4 defaults 0 2\n');
  await output('debugfs', ['-w', '-R', 'rm /etc/fstab', inRoot]);
  await output('debugfs', ['-w', '-R', `write ${table} /etc/fstab`, inRoot]);
  await partition(debian, disk, sectors, { efi, boot, root });
  return disk;
}

async function partition(
  debian: string,
  disk: string,
  sectors: number,
  { efi, boot, root }: { efi: number; boot: number; root: number },
): Promise<void> {
  const id = (n: number): string => `75627475-6e74-4204-8000-0000000000${n.toString(16).padStart(2, '0')}`;
  const table = guidTable(sectors, id(0), [
    { number: 1, type: LINUX_FILESYSTEM, uuid: id(1), name: '', start: root, end: guidLimit(sectors) },
    { number: 14, type: BIOS_BOOT, uuid: id(14), name: '', start: LOADER.start, end: efi },
    { number: 15, type: EFI_SYSTEM, uuid: id(15), name: '', start: efi, end: boot },
    { number: 16, type: EXTENDED_BOOT, uuid: id(16), name: '', start: boot, end: root },
  ]);
  const code = Buffer.alloc(CODE_BYTES);
  const from = await open(debian);
  await from.read(code, 0, CODE_BYTES, 0);
  await from.close();
  const to = await open(disk, 'r+');
  await to.write(code, 0, CODE_BYTES, 0);
  const protective = protectiveTable(sectors);
  await to.write(protective, 0, protective.length, CODE_BYTES);
  for (const [sector, bytes] of table) await to.write(bytes, 0, bytes.length, sector * SECTOR);
  await to.close();
}

/** Copies sectors, leaving out what is zeros; all places are whole MiB. */
async function copySparse(from: string, to: string, skip: number, seek: number, count?: number): Promise<void> {
  await output('dd', [
    ...[`if=${from}`, `of=${to}`, 'bs=1M', `skip=${skip / MIB}`, `seek=${seek / MIB}`],
    ...[...(count === undefined ? [] : [`count=${count / MIB}`]), 'conv=sparse,notrunc', 'status=none'],
  ]);
}
