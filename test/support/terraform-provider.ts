import { readdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where people and images put provider mirrors; looked through a few levels deep. */
const places = ['/opt', '/srv', '/usr/local', '/usr/share', '/var/cache', '/var/lib', homedir()];
const depth = 3;

/**
 * Looks for a local mirror that has AWS's provider (`…/registry.terraform.io/hashicorp/aws`) and writes a CLI
 * configuration that names it. Returns that file, or undefined where there is none.
 * @see https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
 */
export async function writeMirrorConfiguration(folder: string): Promise<string | undefined> {
  for (const place of places) {
    const mirror = await findMirror(place, depth);
    if (mirror === undefined) continue;
    const file = join(folder, 'mirror.tfrc');
    await writeFile(
      file,
      `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
    );
    return file;
  }
  return undefined;
}

async function findMirror(folder: string, levels: number): Promise<string | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter(entry => entry.isDirectory()).map(entry => entry.name);
  if (names.includes('registry.terraform.io')) {
    const vendors: string[] = await readdir(join(folder, 'registry.terraform.io', 'hashicorp')).catch(() => []);
    if (vendors.includes('aws')) return folder;
  }
  if (levels === 0) return undefined;
  for (const name of names) {
    const mirror = await findMirror(join(folder, name), levels - 1);
    if (mirror !== undefined) return mirror;
  }
  return undefined;
}
