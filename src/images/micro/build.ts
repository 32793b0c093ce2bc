import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, dateOf, packageEpoch } from '../debian/archive.ts';
import { makeDisk } from '../disk/disk.ts';
import { grubBootImage, grubCore } from '../disk/grub-core.ts';
import { compressDisk } from '../disk/qcow2.ts';
import { ImageError, type Progress } from '../types.ts';
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
  'grub-common',
  'grub-pc-bin',
  'kmod',
  'linux-image-cloud-amd64',
  'ncurses-base',
  'openssh-sftp-server',
  'sudo',
  'util-linux',
];

const LABEL = 'micro-root';
const UUID = '6d696372-6f00-4000-8000-666f67626100';
const SIZE_GIB = 1;

/** What the kernel is told: messages go to the screen and the serial console, whose log GetConsoleOutput shows. */
const commandLine = 'console=tty0 console=ttyS0,115200n8 panic=5 random.trust_cpu=on';

/** GRUB reads this from its own core image: no menu, no configuration file, no delay. */
const grubScript = `
set root=$root
linux /boot/vmlinuz ${commandLine}
initrd /boot/initramfs
boot
`;

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
  await writeFile(join(tree, 'boot/vmlinuz'), await readFile(join(unpacked, 'boot', `vmlinuz-${version}`)));
  const init = join(import.meta.dirname, 'initramfs-init');
  const initramfs = await microInitramfs(join(unpacked, 'bin/busybox'), init, join(unpacked, 'lib/modules', version));
  await writeFile(join(tree, 'boot/initramfs'), initramfs);
  await settleMicroTree(tree, epoch);

  onProgress('making the disk', 0.7);
  const raw = join(staging, 'disk.raw');
  await makeDisk(raw, {
    tree,
    sizeGib: SIZE_GIB,
    partitions: 'mbr',
    label: LABEL,
    uuid: UUID,
    epoch,
    bootImg: await grubBootImage(unpacked),
    coreImg: await grubCore(unpacked, {
      prefix: '(,msdos1)/boot/grub',
      script: grubScript,
      modules: ['biosdisk', 'part_msdos', 'ext2', 'linux'],
    }),
  });
  onProgress('compressing the disk', 0.8);
  const disk = join(staging, 'disk.qcow2');
  await compressDisk(raw, 'raw', disk);
  return { disk, name: `fogbank-micro-${dateOf(epoch)}` };
}
