import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { pickFile, pickPrograms, pickTree } from '../debian/pick.ts';
import { run } from '../run.ts';

const programs = [
  '/bin/bash',
  '/bin/ping',
  '/usr/bin/curl',
  '/usr/bin/sudo',
  '/usr/libexec/sudo/sudoers.so',
  '/lib/x86_64-linux-gnu/security/pam_permit.so',
  '/lib/x86_64-linux-gnu/security/pam_deny.so',
  '/usr/sbin/dropbear',
  '/usr/bin/dropbearkey',
  '/usr/bin/dbclient',
  '/usr/lib/openssh/sftp-server → /usr/lib/sftp-server',
  '/sbin/resize2fs',
  '/usr/bin/partx',
  '/sbin/mke2fs',
  '/sbin/mke2fs → /sbin/mkfs.ext4',
  '/sbin/e2fsck',
  '/bin/lsblk',
  '/lib/x86_64-linux-gnu/libnss_files.so.2',
  '/lib/x86_64-linux-gnu/libnss_dns.so.2',
];

/** Kernel modules that are worth their space: those for further disks, file systems and network devices. */
const moduleFolders = [
  'kernel/crypto',
  'kernel/drivers/acpi',
  'kernel/drivers/block/loop.ko',
  'kernel/drivers/block/virtio_blk.ko',
  'kernel/drivers/char/hw_random',
  'kernel/drivers/input',
  'kernel/drivers/md',
  'kernel/drivers/net/dummy.ko',
  'kernel/drivers/net/net_failover.ko',
  'kernel/drivers/net/tun.ko',
  'kernel/drivers/net/veth.ko',
  'kernel/drivers/net/virtio_net.ko',
  'kernel/drivers/net/wireguard',
  'kernel/drivers/nvme/host',
  'kernel/drivers/virtio',
  'kernel/fs/fat',
  'kernel/fs/fuse',
  'kernel/fs/isofs',
  'kernel/fs/nls',
  'kernel/fs/overlayfs',
  'kernel/fs/xfs',
  'kernel/lib',
  'kernel/net/bridge',
  'kernel/net/core',
  'kernel/net/ipv4',
  'kernel/net/ipv6',
  'kernel/net/llc',
  'kernel/net/netfilter',
  'kernel/net/802',
  'kernel/net/8021q',
];

/** Makes the root file system's tree from unpacked packages and this folder's `root`. */
export async function makeMicroTree(packages: string, overlay: string, tree: string, version: string): Promise<void> {
  for (const path of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(tree, 'usr', path), { recursive: true });
    await symlink(`usr/${path}`, join(tree, path));
  }
  for (const path of [
    'boot',
    'dev',
    'etc',
    'home',
    'mnt',
    'opt',
    'proc',
    'run',
    'srv',
    'sys',
    'var/lib/cloud/instances',
  ]) {
    await mkdir(join(tree, path), { recursive: true });
  }
  for (const path of [
    'var/log',
    'var/spool/cron/crontabs',
    'var/tmp',
    'tmp',
    'usr/local/bin',
    'usr/local/sbin',
    'root',
  ]) {
    await mkdir(join(tree, path), { recursive: true });
  }
  await symlink('../run', join(tree, 'var/run'));
  await pickPrograms(packages, tree, programs);
  await pickFile(packages, '/bin/busybox', tree, '/usr/bin/busybox');
  await pickFile(packages, '/etc/mke2fs.conf', tree, '/etc/mke2fs.conf');
  await pickModules(packages, tree, version);
  await pickTree(join(packages, 'usr/share/doc'), join(tree, 'usr/share/doc'), name => name === 'copyright');
  await pickTree(join(packages, 'lib/terminfo'), join(tree, 'usr/lib/terminfo'));
  await writeCertificates(packages, tree);
  await linkApplets(tree);
  await pickTree(overlay, tree);
}

/** Owners, modes and times, after everything is in its place; `epoch` in seconds. */
export async function settleMicroTree(tree: string, epoch: number): Promise<void> {
  const home = join(tree, 'home/ec2-user');
  const keys = join(home, '.ssh/authorized_keys');
  await mkdir(dirname(keys), { recursive: true });
  // Filled at the first start. To write into an empty file is the least work for the file system.
  for (const path of [keys, ...['hosts', 'machine-id', 'resolv.conf'].map(name => join(tree, 'etc', name))]) {
    await writeFile(path, '');
  }
  await walk(tree, async path => {
    const info = await lstat(path);
    if (!info.isSymbolicLink()) {
      await chown(path, 0, 0);
      // Only sudo keeps a set-user-id bit; chown removed it.
      const writable = info.mode & 0o7777 & ~0o022;
      await chmod(path, path === join(tree, 'usr/bin/sudo') ? 0o4755 : writable & 0o0777);
    }
  });
  for (const path of [home, dirname(keys), keys]) await chown(path, 1000, 1000);
  for (const [path, mode] of [
    ['home/ec2-user', 0o700],
    ['home/ec2-user/.ssh', 0o700],
    ['home/ec2-user/.ssh/authorized_keys', 0o600],
    ['root', 0o700],
    ['tmp', 0o1777],
    ['var/tmp', 0o1777],
    ['etc/shadow', 0o600],
    ['etc/sudoers', 0o440],
  ] as const) {
    await chmod(join(tree, path), mode);
  }
  await walk(tree, async path => {
    const set = (await lstat(path)).isSymbolicLink() ? lutimes : utimes;
    await set(path, epoch, epoch);
  });
}

/** Removes all other modules from the unpacked kernel, then lets depmod write its tables. */
export async function pruneModules(packages: string, version: string): Promise<void> {
  const folder = join(packages, 'lib/modules', version);
  const keep = (path: string): boolean =>
    moduleFolders.some(wanted => path === wanted || path.startsWith(`${wanted}/`));
  for (const path of await readdir(folder, { recursive: true })) {
    if (path.endsWith('.ko') && !keep(path)) await rm(join(folder, path));
  }
  await run('chroot', [packages, '/sbin/depmod', version]);
}

/** busybox reads depmod's text tables; the binary ones are for kmod. */
async function pickModules(packages: string, tree: string, version: string): Promise<void> {
  const path = join('lib/modules', version);
  await pickTree(join(packages, path), join(tree, 'usr', path), name => !name.endsWith('.bin'));
}

/** What `update-ca-certificates` would write. */
async function writeCertificates(packages: string, tree: string): Promise<void> {
  const folder = join(packages, 'usr/share/ca-certificates/mozilla');
  const names = (await readdir(folder)).sort();
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')));
  const bundle = join(tree, 'etc/ssl/certs/ca-certificates.crt');
  await mkdir(dirname(bundle), { recursive: true });
  await writeFile(bundle, texts.join(''));
}

/**
 * A link for each of busybox's commands, unless the real program is there. `ip` is in /usr/bin as on Debian: commands over
 * SSH do not find what is in /usr/sbin only.
 */
async function linkApplets(tree: string): Promise<void> {
  const { stdout } = await promisify(execFile)(join(tree, 'usr/bin/busybox'), ['--list-full']);
  for (const path of [...stdout.split('\n').filter(Boolean), 'bin/ip']) {
    const link = join(tree, path.startsWith('usr/') ? path : `usr/${path}`);
    await symlink('/usr/bin/busybox', link).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  }
}

async function walk(path: string, visit: (path: string) => Promise<void>): Promise<void> {
  if ((await lstat(path)).isDirectory()) {
    for (const name of (await readdir(path)).sort()) await walk(join(path, name), visit);
  }
  await visit(path);
}
