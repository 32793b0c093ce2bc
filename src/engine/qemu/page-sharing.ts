import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from './qmp.ts';

/**
 * Lets the host's kernel keep equal pages of guests once (KSM). QEMU marks the memory of every machine as mergeable,
 * but the kernel merges private pages only: those that copies of a frozen guest have changed, and not the memory of
 * machines that booted, which is a shared mapping. How long a write takes tells a guest that another one has the same
 * page, so this is for tenants who trust each other.
 * https://docs.kernel.org/admin-guide/mm/ksm.html
 */

/** 40 MiB a second: all changed pages of a hundred small machines in a few minutes, for a few per cent of a processor. */
const PACE = { pages_to_scan: '1000', sleep_millisecs: '100' };

/** What was there before, for whoever ends this: perhaps another process, since servers can be killed. */
const RECORD = 'page-sharing.json';

const FOLDER = '/sys/kernel/mm/ksm';

type Knobs = Readonly<Record<string, string>>;

/** Switches page sharing on, unless it is on already. Where it cannot be, that is logged, and nothing else happens. */
export async function sharePages(dataDir: string, log: (line: string) => void, folder = FOLDER): Promise<void> {
  try {
    const before = await readKnobs(folder);
    if (before.run === '1') {
      log('equal pages of guests are shared by the kernel (KSM), which was switched on before');
      return;
    }
    await keepRecord(dataDir, before);
    await writeKnobs(folder, { ...(before.pages_to_scan === undefined ? {} : PACE), run: '1' });
    log('equal pages of guests are shared by the kernel (KSM)');
  } catch (error) {
    log(`equal pages of guests are not shared: ${reason(error)}`);
  }
}

/** Puts back what was there before `sharePages`, also that of an earlier process; pages that are shared stay so. */
export async function endSharing(dataDir: string, log: (line: string) => void, folder = FOLDER): Promise<void> {
  try {
    const before = await readRecord(dataDir);
    if (!before) return;
    await writeKnobs(folder, before);
    await rm(join(dataDir, RECORD), { force: true });
  } catch (error) {
    log(`the kernel still shares equal pages: ${reason(error)}`);
  }
}

/** Where the kernel's own advisor sets the pace, the pace is none of ours and is left out. */
async function readKnobs(folder: string): Promise<Knobs> {
  const read = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim();
  const advised = await read('advisor_mode').then(
    modes => !modes.includes('[none]'),
    () => false,
  );
  const names = ['run', ...(advised ? [] : Object.keys(PACE))];
  return Object.fromEntries(await Promise.all(names.map(async name => [name, await read(name)] as const)));
}

/** `run` comes last. */
async function writeKnobs(folder: string, { run, ...pace }: Knobs): Promise<void> {
  for (const [name, value] of Object.entries(pace)) await writeFile(join(folder, name), value);
  if (run !== undefined) await writeFile(join(folder, 'run'), run);
}

/** A record that is there is of the time before a server that was killed. */
async function keepRecord(dataDir: string, knobs: Knobs): Promise<void> {
  if (await readRecord(dataDir)) return;
  const file = join(dataDir, RECORD);
  await writeFile(`${file}.partial`, JSON.stringify(knobs), { mode: 0o600, flush: true });
  await rename(`${file}.partial`, file);
}

async function readRecord(dataDir: string): Promise<Knobs | undefined> {
  const value: unknown = await readFile(join(dataDir, RECORD), 'utf8')
    .then(JSON.parse)
    .catch(() => undefined);
  if (!isObject(value)) return undefined;
  const known = ['run', ...Object.keys(PACE)].flatMap(name => {
    const text = value[name];
    return typeof text === 'string' && /^\d+$/.test(text) ? [[name, text] as const] : [];
  });
  return Object.fromEntries(known);
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'this kernel has no KSM';
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return 'the settings of KSM cannot be written here';
  return error instanceof Error ? error.message : String(error);
}
