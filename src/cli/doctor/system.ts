import { readFileSync, statSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { arch, platform, release } from 'node:os';
import { dirname } from 'node:path';
import type { Configuration } from '../../config/resolve.ts';
import { type Check, type Finding, fail, ok, warn } from './check.ts';

const gib = 2 ** 30;

/** The machine itself: system, Node, memory, disk, clock. */
export function systemChecks(configuration: Configuration): Check[] {
  return [
    { name: 'system', run: () => system(configuration.engine) },
    { name: 'node', run: () => nodeVersion(process.versions.node) },
    { name: 'memory', run: () => memory(readFileSync('/proc/meminfo', 'utf8')) },
    { name: 'data folder', run: () => dataFolder(configuration.dataDir) },
    { name: 'disk', run: () => disk(configuration.dataDir, configuration.engine) },
    { name: 'clock', run: () => clock(Date.now()) },
  ];
}

function system(engine: Configuration['engine']): Finding {
  const found = `${platform()} ${release()} on ${arch()}`;
  if (platform() !== 'linux') return fail(found, 'Fogbank runs on Linux.');
  if (arch() !== 'x64' && engine === 'qemu') {
    return fail(found, 'Machines need an x86-64 host for now; the API alone runs with --engine simulator.');
  }
  return ok(found);
}

/** Judges a Node version such as `26.10.0`. */
export function nodeVersion(version: string): Finding {
  const major = Number(version.split('.')[0]);
  return major >= 24
    ? ok(version)
    : fail(version, 'Install Node 24 or newer, or start Fogbank by its launcher ./fogbank');
}

/** Judges the text of /proc/meminfo. */
export function memory(meminfo: string): Finding {
  const kib = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0);
  const detail = `${(kib / 2 ** 20).toFixed(1)} GiB free`;
  if (kib < 256 * 1024) return fail(detail, 'The server and one small instance need 256 MiB: end other programs.');
  if (kib < 2 * 2 ** 20) return warn(detail, 'Enough for instances of type nano and micro only.');
  return ok(detail);
}

async function nearestFolder(path: string): Promise<string> {
  const there = await stat(path).then(
    entry => entry.isDirectory(),
    () => false,
  );
  return there || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function dataFolder(path: string): Promise<Finding> {
  const folder = await nearestFolder(path);
  const writable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable) return fail(`${path} cannot be written`, 'Run this as root, or choose another one with --data DIR.');
  if (folder !== path) return ok(`${path} (made at the first start)`);
  const mode = statSync(path).mode & 0o077;
  if ((mode & 0o022) !== 0) return fail(`${path} can be changed by other users`, `chmod 700 ${path}`);
  return ok(path);
}

async function disk(path: string, engine: Configuration['engine']): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestFolder(path));
  return diskSpace(bavail * bsize, engine);
}

/** Judges free bytes. */
export function diskSpace(bytes: number, engine: Configuration['engine']): Finding {
  const detail = `${(bytes / gib).toFixed(1)} GiB free`;
  const [least, comfortable] = engine === 'qemu' ? [2 * gib, 10 * gib] : [0.1 * gib, 0.5 * gib];
  if (bytes < least)
    return fail(detail, `Fogbank needs ${least / gib} GiB there at least; choose another disk with --data DIR.`);
  if (bytes < comfortable)
    return warn(detail, 'Enough for a few small instances; volumes grow with what is written to them.');
  return ok(detail);
}

/** Guests and certificates take the time from here; a clock that was never set makes both useless. */
export function clock(now: number): Finding {
  const built = statSync(new URL('../../../package.json', import.meta.url)).mtimeMs;
  const time = new Date(now).toISOString();
  if (now < built - 24 * 3600_000)
    return fail(`${time} is before this program was installed`, 'Set the clock, e.g. with timedatectl.');
  return ok(time);
}
