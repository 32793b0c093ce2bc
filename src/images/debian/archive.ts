import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import type { Progress } from '../types.ts';

/** The Debian release that images are made from. */
export const SUITE = 'bookworm';

const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const DEFAULT_SECURITY_MIRROR = 'http://deb.debian.org/debian-security';

export interface BootstrapOptions {
  target: string;
  /** `extract` only unpacks; `apt` is a complete minimal system whose packages are configured. */
  variant: 'extract' | 'apt';
  include: readonly string[];
  /** Further mmdebstrap arguments, such as hooks. */
  args?: readonly string[];
  onProgress?: Progress;
}

/**
 * Unpacks or installs Debian packages into a directory with mmdebstrap, from the release, its updates and its security
 * archive. `FOGBANK_DEBIAN_MIRROR` and `FOGBANK_DEBIAN_SECURITY_MIRROR` name other archives, else the archives that this
 * machine's apt uses are taken.
 */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const configured = await configuredMirrors();
  const mirror = process.env.FOGBANK_DEBIAN_MIRROR || configured.main || DEFAULT_MIRROR;
  const security = process.env.FOGBANK_DEBIAN_SECURITY_MIRROR || configured.security || DEFAULT_SECURITY_MIRROR;
  await run(
    'mmdebstrap',
    [
      '--mode=root',
      `--variant=${options.variant}`,
      '--architectures=amd64',
      `--include=${options.include.join(',')}`,
      ...(options.args ?? []),
      SUITE,
      options.target,
      `deb ${mirror} ${SUITE} main`,
      `deb ${mirror} ${SUITE}-updates main`,
      `deb ${security} ${SUITE}-security main`,
    ],
    { onLine: line => reportStage(line, options.onProgress) },
  );
}

/**
 * When the newest of the unpacked packages was made (seconds since 1970): the time of every package's files is that of
 * its changelog entry, so equal packages give an equal time.
 */
export async function packageEpoch(tree: string): Promise<number> {
  const docs = join(tree, 'usr/share/doc');
  let newest = 0;
  for (const name of await readdir(docs)) {
    for (const file of ['changelog.Debian.gz', 'changelog.gz', 'copyright']) {
      const info = await stat(join(docs, name, file)).catch(() => undefined);
      if (info) newest = Math.max(newest, Math.floor(info.mtimeMs / 1000));
    }
  }
  return newest;
}

/** `20261123` */
export function dateOf(epoch: number): string {
  return new Date(epoch * 1000).toISOString().slice(0, 10).replaceAll('-', '');
}

/** The Debian archives in this machine's apt sources, if it is a Debian. */
export async function configuredMirrors(etcApt = '/etc/apt'): Promise<{ main?: string; security?: string }> {
  const files = [join(etcApt, 'sources.list')];
  const parts = join(etcApt, 'sources.list.d');
  for (const name of await readdir(parts).catch(() => [])) files.push(join(parts, name));
  const found: { main?: string; security?: string } = {};
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const match of text.matchAll(/^(?!\s*#).*?(https?:\/\/\S+?)\/?(?=\s|$)/gm)) {
      const uri = match[1] ?? '';
      if (/\/debian-security$/.test(uri)) found.security ??= uri;
      else if (/\/debian$/.test(uri)) found.main ??= uri;
    }
  }
  return found;
}

function reportStage(line: string, onProgress?: Progress): void {
  const stage =
    /^I: (?!success|cleaning|finding|running -|running special|chroot |automatically|skipping)(.+?)(?:\.\.\.)?$/.exec(
      line,
    )?.[1];
  if (stage) onProgress?.(`  ${stage}`);
}
