import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { output, run } from './process.ts';

/**
 * What the machine shows of something, found by names and numbers that nothing else has (ids, addresses, a folder):
 * processes, files, network namespaces, interfaces, addresses, routes, rules and firewall elements, on the host and in
 * every namespace. Nothing here knows how Fogbank names or arranges them.
 * @returns one line a trace, told by kind
 */
export async function tracesOf(names: readonly string[], folders: readonly string[]): Promise<string[]> {
  if (names.length === 0 || names.includes('')) throw new Error(`there is a name missing in ${names}`);
  const lines = [...(await processes()), ...(await network())];
  for (const folder of [...folders, '/run', '/sys/fs/cgroup']) lines.push(...(await files(folder)));
  return lines.filter(line => names.some(name => hasWord(line, name)));
}

/** As a word of its own, so that 198.19.105.1 is not found in 198.19.105.10; the last digits of an id count too. */
function hasWord(line: string, name: string): boolean {
  const escaped = name.replace(/[.\\/]/g, '\\$&');
  return new RegExp(`(?<![0-9.])${escaped}(?![0-9a-z]|\\.[0-9])`, 'i').test(line);
}

async function processes(): Promise<string[]> {
  const lines = (await output('ps', ['-eo', 'pid=,args=', '-ww'])).split('\n').map(line => line.trim());
  const found = await Promise.all(
    lines.map(async line => {
      const folder = await readlink(`/proc/${line.split(' ')[0]}/cwd`).catch(() => '');
      return `process ${line} (in ${folder})`;
    }),
  );
  // The search itself is no trace.
  return found.filter(line => !line.includes('ps -eo'));
}

async function network(): Promise<string[]> {
  const namespaces = (await output('ip', ['netns', 'list']))
    .split('\n')
    .map(line => line.split(' ')[0] ?? '')
    .filter(Boolean);
  const lines = namespaces.map(name => `namespace ${name}`);
  for (const namespace of [undefined, ...namespaces]) {
    const inside = namespace === undefined ? [] : ['netns', 'exec', namespace];
    const where = namespace ?? 'host';
    for (const words of [
      ['ip', '-o', 'address'],
      ['ip', '-o', 'link'],
      ['ip', '-o', 'route', 'show', 'table', 'all'],
      ['ip', '-o', 'rule'],
      ['ip', '-o', 'neighbour'],
      ['nft', 'list', 'ruleset'],
    ]) {
      const [program = '', ...rest] = [...(inside.length > 0 ? ['ip', ...inside] : []), ...words];
      // A namespace of somebody else may go while we look.
      const { stdout } = await run(program, rest);
      for (const line of stdout.split('\n')) lines.push(`${words.slice(0, 3).join(' ')} (${where}): ${line.trim()}`);
    }
  }
  return lines;
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries.map(entry => `file ${join(folder, entry)}`);
}
