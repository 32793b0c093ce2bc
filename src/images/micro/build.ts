import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, dateOf, packageEpoch } from '../debian/archive.ts';
import { makeDisk, sectorsOf } from '../disk/disk.ts';
import { MBR_DATA, MBR_LINUX, mbrTable, SECTOR } from '../disk/partition-table.ts';
import { compressDisk } from '../disk/qcow2.ts';
import { run } from '../run.ts';
import { ImageError, type Progress } from '../types.ts';
import { bootArea } from './boot.ts';
import { microInitramfs } from './initramfs.ts';
import { makeMicroTree, pruneModules, settleMicroTree } from './tree.ts';

/** Debian packages that the image is made from. */
const packages = [
  'bash',
  'busybox-static',
  'ca-certificates',
  'curl',
  'dropbear-bin',
  'e2fsprogs',
  'iputils-ping',
  'kmod',
  'linux-image-cloud-amd64',
  'nasm',
  'ncurses-base',
  'openssh-sftp-server',
  'sudo',
  'tcc',
  'util-linux',
];

const LABEL = 'micro-root';
const UUID = '6d696372-6f00-4000-8000-666f67626100';
const SIZE_GIB = 1;

/**
 * What the kernel is told: messages go to the screen and the serial console, whose log GetConsoleOutput shows; nothing
 * that costs translations under emulation and protects nobody there (`rcS` gives addresses their random offsets back
 * where the processor is real).
 */
const commandLine =
  'console=tty0 console=ttyS0,115200n8 panic=5 random.trust_cpu=on norandmaps lsm=capability transparent_hugepage=madvise';

/** The kernel lies outside of file systems, in partition 2; the root file system, partition 1, can grow after it. */
const BOOT_START = 2048;
const ROOT_START = 65536;

/**
 * Builds the `micro` AMI: Debian's cloud kernel, busybox, bash and dropbear on an ext4 root.
 * @returns the finished qcow2 file in `staging` and the time of the newest package.
 */
export async function buildMicro(staging: string, onProgress: Progress): Promise<{ disk: string; name: string }> {
  const unpacked = join(staging, 'packages');
  const tree = join(staging, 'tree');
  onProgress('unpacking Debian packages', 0.05);
  await bootstrap({ target: unpacked, variant: 'extract', include: packages, onProgress });
  const epoch = await packageEpoch(unpacked);
  const version = (await readdir(join(unpacked, 'lib/modules')))[0];
  if (!version) throw new ImageError('the kernel package contains no modules');

  onProgress('making the root file system', 0.5);
  await pruneModules(unpacked, version);
  await mkdir(tree);
  await makeMicroTree(unpacked, join(import.meta.dirname, 'root'), tree, version);
  await compileAgent(unpacked, join(tree, 'usr/lib/micro/agent'));
  const kernel = await readFile(join(unpacked, 'boot', `vmlinuz-${version}`));
  const init = join(import.meta.dirname, 'initramfs-init');
  const initramfs = await microInitramfs({
    busybox: join(unpacked, 'bin/busybox'),
    init,
    grow: join(import.meta.dirname, 'root/usr/lib/micro/grow.sh'),
    moduleDir: join(unpacked, 'lib/modules', version),
  });
  const boot = await bootArea(unpacked, kernel, initramfs, commandLine, BOOT_START);
  await settleMicroTree(tree, epoch);

  onProgress('making the disk', 0.7);
  const raw = join(staging, 'disk.raw');
  const rootEnd = sectorsOf(SIZE_GIB);
  const table = mbrTable(Number.parseInt(UUID.slice(0, 8), 16), [
    { number: 1, type: MBR_LINUX, active: true, start: ROOT_START, end: rootEnd },
    { number: 2, type: MBR_DATA, start: BOOT_START, end: ROOT_START },
  ]);
  if (boot.area.length > (ROOT_START - BOOT_START) * SECTOR) throw new ImageError('the kernel is too large');
  await makeDisk(raw, {
    tree,
    sizeGib: SIZE_GIB,
    rootStart: ROOT_START,
    rootEnd,
    label: LABEL,
    uuid: UUID,
    epoch,
    sectors: [
      [0, Buffer.concat([boot.code, table])],
      [BOOT_START, boot.area],
    ],
  });
  onProgress('compressing the disk', 0.8);
  const disk = join(staging, 'disk.qcow2');
  await compressDisk(raw, 'raw', disk);
  return { disk, name: `fogbank-micro-${dateOf(epoch)}` };
}

/** Compiles `agent.c` with the compiler of the tree `packages`. */
async function compileAgent(packages: string, target: string): Promise<void> {
  await copyFile(join(import.meta.dirname, 'agent.c'), join(packages, 'tmp/agent.c'));
  await run('chroot', [packages, '/usr/bin/tcc', '-nostdlib', '-static', '-o', '/tmp/agent', '/tmp/agent.c']);
  await copyFile(join(packages, 'tmp/agent'), target);
  await rm(join(packages, 'tmp/agent.c'));
}
