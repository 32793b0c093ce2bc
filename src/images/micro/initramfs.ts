import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadOrderIn } from '../debian/modules.ts';
import { type CpioEntry, cpioArchive } from '../disk/cpio.ts';

/** What the first process needs to find the disk, and what SSH needs: reading modules from RAM is the fastest. */
const modules = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng', 'button', 'evdev'];

const applets = ['blockdev', 'dd', 'findfs', 'insmod', 'mount', 'printf', 'sh', 'switch_root', 'usleep'];

/**
 * The initial RAM disk, not compressed: it is small, and unpacking costs more than reading.
 * @param init the script that becomes process 1.
 * @param moduleDir /lib/modules/VERSION of the unpacked packages, after depmod.
 */
export async function microInitramfs(busybox: string, init: string, moduleDir: string): Promise<Buffer> {
  const order = await loadOrderIn(moduleDir, modules);
  const entries: CpioEntry[] = ['bin', 'dev', 'modules', 'proc', 'root', 'sys'].map(path => ({
    path,
    directory: true,
  }));
  entries.push({ path: 'bin/busybox', content: await readFile(busybox), executable: true });
  for (const applet of applets) entries.push({ path: `bin/${applet}`, link: 'busybox' });
  for (const path of order) {
    entries.push({ path: `modules/${fileName(path)}`, content: await readFile(join(moduleDir, path)) });
  }
  entries.push({ path: 'modules/order', content: Buffer.from(order.map(path => `${fileName(path)}\n`).join('')) });
  entries.push({ path: 'init', content: await readFile(init), executable: true });
  return cpioArchive(entries);
}

const fileName = (path: string): string => path.split('/').pop() ?? path;
