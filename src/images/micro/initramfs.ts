import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadOrderIn } from '../debian/modules.ts';
import { type CpioEntry, cpioArchive } from '../disk/cpio.ts';

/** What the first process needs to find the disk, and what SSH needs: reading modules from RAM is the fastest. */
const modules = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng', 'button', 'evdev'];

const applets = ['blockdev', 'dd', 'findfs', 'insmod', 'mount', 'printf', 'sh', 'switch_root', 'usleep'];

export interface InitramfsFiles {
  busybox: string;
  /** The script that becomes process 1. */
  init: string;
  /** Functions that make the root partition as large as its disk. */
  grow: string;
  /** /lib/modules/VERSION of the unpacked packages, after depmod. */
  moduleDir: string;
}

/** The initial RAM disk, not compressed: it is small, and unpacking costs more than reading. */
export async function microInitramfs({ busybox, init, grow, moduleDir }: InitramfsFiles): Promise<Buffer> {
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
  entries.push({ path: 'grow.sh', content: await readFile(grow) });
  entries.push({ path: 'init', content: await readFile(init), executable: true });
  return cpioArchive(entries);
}

const fileName = (path: string): string => path.split('/').pop() ?? path;
