import { chmod, chown, cp, lstat, lutimes, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';

/** Identity of the root file system. */
export const ROOT_UUID = '64656269-616e-4012-8000-666f67626100';

/** Work that no instance needs, or that would reach out to the network by itself. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'systemd-pstore.service',
  // Waits for all devices; cloud-init has waited for the network interface.
  'ifupdown-pre.service',
  // Modules that the kernel loads by itself when they are used, and file systems for debugging it.
  'modprobe@.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'systemd-binfmt.service',
];

const enabled = ['networking.service', 'ssh.service'];

/** Everything that was made while installing and belongs to one machine, or is of no use in another. */
const removed = [
  'etc/hostname',
  'etc/resolv.conf',
  'etc/ssh/ssh_host_ecdsa_key',
  'etc/ssh/ssh_host_ecdsa_key.pub',
  'etc/ssh/ssh_host_ed25519_key',
  'etc/ssh/ssh_host_ed25519_key.pub',
  'etc/ssh/ssh_host_rsa_key',
  'etc/ssh/ssh_host_rsa_key.pub',
  'var/cache/apt/pkgcache.bin',
  'var/cache/apt/srcpkgcache.bin',
  'var/cache/debconf/config.dat-old',
  'var/cache/debconf/templates.dat-old',
  'var/cache/ldconfig/aux-cache',
  'var/lib/dbus/machine-id',
  'var/lib/dpkg/available-old',
  'var/lib/dpkg/diversions-old',
  'var/lib/dpkg/status-old',
  'var/lib/systemd/random-seed',
  'var/log/alternatives.log',
  'var/log/apt',
  'var/log/bootstrap.log',
  'var/log/dpkg.log',
];

/** The first start's GRUB menu; `update-grub` in the instance replaces it, with the settings in /etc/default/grub.d. */
const grubConfig = (commandLine: string): string => `set timeout=0
linux /vmlinuz root=UUID=${ROOT_UUID} ro ${commandLine}
initrd /initrd.img
boot
`;

/** Turns a freshly installed Debian into the content of an AMI. `epoch`: seconds, the newest time a file may have. */
export async function prepareTree(tree: string, overlay: string, epoch: number): Promise<void> {
  await writeConfiguration(tree);
  await run('chroot', [tree, 'systemctl', 'mask', ...masked]);
  await run('chroot', [tree, 'systemctl', 'enable', ...enabled]);
  for (const path of removed) await rm(join(tree, path), { recursive: true, force: true });
  await own(overlay, tree);
  await clampTimes(tree, epoch);
  // Newer than /usr: else the first start would rebuild caches that the packages' installation has made.
  for (const path of ['etc/.updated', 'var/.updated']) {
    await writeFile(join(tree, path), '');
    await utimes(join(tree, path), epoch + 1, epoch + 1);
  }
}

async function writeConfiguration(tree: string): Promise<void> {
  const put = (path: string, text: string): Promise<void> => writeFile(join(tree, path), text);
  await put('etc/fstab', `UUID=${ROOT_UUID} / ext4 rw,discard,errors=remount-ro 0 1\n`);
  await put(
    'etc/apt/sources.list',
    ['bookworm', 'bookworm-updates', 'bookworm-backports']
      .map(suite => `deb http://deb.debian.org/debian ${suite} main\n`)
      .concat('deb http://deb.debian.org/debian-security bookworm-security main\n')
      .join(''),
  );
  await rm(join(tree, 'etc/apt/sources.list.d'), { recursive: true, force: true });
  await mkdir(join(tree, 'etc/apt/sources.list.d'));
  await put('etc/default/locale', 'LANG=C.UTF-8\n');
  // Empty, not missing: a new identity for each machine, without the first-boot work for a system without settings.
  await put('etc/machine-id', '');
  await put('etc/hosts', '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  const kernel = await defaultCommandLine(tree);
  await cp(join(tree, 'usr/lib/grub/i386-pc'), join(tree, 'boot/grub/i386-pc'), { recursive: true });
  await put('boot/grub/grub.cfg', grubConfig(kernel));
}

/** The kernel's arguments as the image's own GRUB settings say them, so that `update-grub` changes nothing. */
async function defaultCommandLine(tree: string): Promise<string> {
  let found = '';
  const script = '. /etc/default/grub; for f in /etc/default/grub.d/*.cfg; do . "$f"; done; echo "$GRUB_CMDLINE_LINUX"';
  await run('chroot', [tree, 'sh', '-c', script], { onLine: line => (found = line) });
  return found.trim();
}

/** The overlay's files came with the owner and the write permissions that they have in the source tree. */
async function own(overlay: string, tree: string): Promise<void> {
  for (const path of ['.', ...(await readdir(overlay, { recursive: true }))]) {
    const target = join(tree, path);
    await chown(target, 0, 0);
    await chmod(target, (await stat(target)).mode & 0o7755);
  }
}

/** No time is later than that of the newest package, so that two builds give the same times. */
async function clampTimes(path: string, epoch: number): Promise<void> {
  const info = await lstat(path);
  if (info.isDirectory()) for (const name of await readdir(path)) await clampTimes(join(path, name), epoch);
  // Again after the directory's content was touched.
  if ((await lstat(path)).mtimeMs / 1000 <= epoch) return;
  if (info.isSymbolicLink()) await lutimes(path, epoch, epoch);
  else await utimes(path, epoch, epoch);
}
