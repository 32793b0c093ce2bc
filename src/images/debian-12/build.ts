import { join } from 'node:path';
import { bootstrap, dateOf, packageEpoch } from '../debian/archive.ts';
import { makeDisk, sectorsOf } from '../disk/disk.ts';
import { guidBoot, guidRoot } from '../disk/gpt-grub.ts';
import { grubBootImage, grubCore } from '../disk/grub-core.ts';
import { compressDisk } from '../disk/qcow2.ts';
import type { Progress } from '../types.ts';
import { prepareTree, ROOT_UUID } from './prepare.ts';

/** Debian packages besides the essential ones; recommended packages are not installed. */
const packages = [
  'bash-completion',
  'ca-certificates',
  'cloud-guest-utils',
  'cloud-init',
  'curl',
  'dbus',
  'e2fsprogs',
  'fdisk',
  'grub-pc',
  'ifupdown',
  'iproute2',
  'iputils-ping',
  'isc-dhcp-client',
  'less',
  'libpam-systemd',
  'linux-image-cloud-amd64',
  'lsof',
  'lz4',
  'nano',
  'netbase',
  'openssh-server',
  'openssh-sftp-server',
  'procps',
  'python3',
  'sudo',
  'systemd-sysv',
  'udev',
  'vim-tiny',
  'wget',
];

const SIZE_GIB = 8;

/** Modules that GRUB needs to read its configuration without loading others from the disk one by one. */
const grubModules = [
  ...['biosdisk', 'part_gpt', 'ext2', 'normal', 'linux', 'configfile', 'echo', 'test', 'search', 'search_fs_uuid'],
  ...['serial', 'terminal', 'minicmd', 'gzio', 'loadenv'],
];

/** Builds the `debian-12` AMI: a Debian system with cloud-init, as Debian publishes for EC2. */
export async function buildDebian12(staging: string, onProgress: Progress): Promise<{ disk: string; name: string }> {
  const tree = join(staging, 'tree');
  const overlay = join(import.meta.dirname, 'root');
  onProgress('installing Debian packages', 0.02);
  await bootstrap({
    target: tree,
    variant: 'apt',
    include: packages,
    args: [
      '--dpkgopt=force-confold',
      '--aptopt=Apt::Install-Recommends "false"',
      // Settings must be there when the kernel's installation makes the initial RAM disk.
      `--essential-hook=sync-in '${overlay}' /`,
      '--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true | chroot "$1" debconf-set-selections',
    ],
    onProgress,
  });
  const epoch = await packageEpoch(tree);

  onProgress('preparing the system', 0.7);
  await prepareTree(tree, overlay, epoch);
  const bootImg = await grubBootImage(tree);
  const coreImg = await grubCore(tree, { prefix: '(,gpt1)/boot/grub', modules: grubModules });

  onProgress('making the disk', 0.8);
  const raw = join(staging, 'disk.raw');
  const disk = sectorsOf(SIZE_GIB);
  await makeDisk(raw, {
    tree,
    sizeGib: SIZE_GIB,
    ...guidRoot(disk),
    label: 'root',
    uuid: ROOT_UUID,
    epoch,
    sectors: guidBoot(disk, ROOT_UUID, bootImg, coreImg),
  });
  onProgress('compressing the disk', 0.85);
  const qcow2 = join(staging, 'disk.qcow2');
  await compressDisk(raw, 'raw', qcow2);
  return { disk: qcow2, name: `debian-12-amd64-${dateOf(epoch)}` };
}
