import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';

export interface GrubCoreOptions {
  /** Where GRUB finds its files, e.g. `(,gpt1)/boot/grub`; no drive means the one that it was loaded from. */
  prefix: string;
  /** Runs instead of `grub.cfg`, without the `normal` module: plain commands, one a line. */
  script?: string;
  modules: readonly string[];
}

/** Makes core.img with the grub-mkimage of a tree that holds the packages grub-common and grub-pc-bin. */
export async function grubCore(packages: string, options: GrubCoreOptions): Promise<Buffer> {
  const script = 'tmp/early.cfg';
  const core = 'tmp/core.img';
  const args = ['/usr/bin/grub-mkimage', '-O', 'i386-pc', '-o', `/${core}`, '-p', options.prefix];
  if (options.script !== undefined) {
    await writeFile(join(packages, script), options.script);
    args.push('-c', `/${script}`);
  }
  await run('chroot', [packages, ...args, ...options.modules]);
  try {
    return await readFile(join(packages, core));
  } finally {
    await rm(join(packages, script), { force: true });
    await rm(join(packages, core), { force: true });
  }
}

/** The first sector's code of package grub-pc-bin. */
export function grubBootImage(packages: string): Promise<Buffer> {
  return readFile(join(packages, 'usr/lib/grub/i386-pc/boot.img'));
}
