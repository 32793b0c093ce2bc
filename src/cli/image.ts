import { resolveConfiguration } from '../config/resolve.ts';
import { UserError, usageError } from '../config/user-error.ts';
import type { Command } from './command.ts';
import { ensurePackages, imagePackages } from './packages.ts';
import { progressPrinter } from './progress.ts';

export const command: Command = {
  name: 'image',
  summary: 'lists, builds and downloads AMIs',
  description:
    "list shows the AMIs of the cache and what can be added. build FAMILY makes one from Debian packages (needs root); pull FAMILY downloads a vendor's cloud image and checks its checksum. A running server offers new AMIs at once.",
  positionals: [
    { name: 'ACTION', required: true, choices: ['list', 'build', 'pull'] },
    { name: 'FAMILY', required: false },
  ],
  settings: ['imageCache'],
  options: [
    { name: 'force', description: 'builds again even when nothing has changed' },
    {
      name: 'mirror',
      placeholder: 'URL',
      description: 'downloads from here instead of the vendor; checksums still apply',
    },
    { name: 'json', description: 'list: prints JSON' },
  ],
  async run(invocation) {
    const { imageCacheDir } = await resolveConfiguration({
      flags: invocation.settings,
      configFile: invocation.configFile,
    });
    const [action, family] = invocation.positionals;
    if (action === 'list') {
      if (family !== undefined) throw usageError(`image: unexpected '${family}'`);
      await list(imageCacheDir, invocation.has('json'));
    } else if (family === undefined) {
      const { catalogue } = await import('../images/catalogue.ts');
      throw usageError(`image: which one? ${catalogue.map(entry => entry.family).join(', ')}`);
    } else if (action === 'build') await build(family, imageCacheDir, invocation.has('force'));
    else await pull(family, imageCacheDir, invocation.value('mirror'));
    return 0;
  },
};

async function list(cacheDir: string | undefined, json: boolean): Promise<void> {
  const [{ cachedImages }, { catalogue }] = await Promise.all([
    import('../images/cache.ts'),
    import('../images/catalogue.ts'),
  ]);
  const images = await cachedImages(cacheDir);
  if (json) {
    process.stdout.write(`${JSON.stringify(images, undefined, 2)}\n`);
    return;
  }
  const rows = images.map(image => [image.family, image.name, `${image.sizeGib} GiB`, image.loginUser]);
  const present = new Set(images.map(image => image.family));
  for (const { family, source } of catalogue) {
    if (!present.has(family)) rows.push([family, '–', '–', `fogbank image ${verbs[source]} ${family}`]);
  }
  process.stdout.write(table([['FAMILY', 'AMI', 'SIZE', 'LOGIN USER'], ...rows]));
}

const verbs = { built: 'build', pulled: 'pull' } as const;

async function build(family: string, cacheDir: string | undefined, force: boolean): Promise<void> {
  await checkFamily(family, 'built');
  if (process.getuid?.() !== 0) throw new UserError('building an AMI needs root', `sudo fogbank image build ${family}`);
  await ensurePackages(imagePackages, 'to build AMIs');
  const { buildImage } = await import('../images/build.ts');
  const progress = progressPrinter();
  const image = await buildImage(family, { cacheDir, force, onProgress: progress.report }).finally(progress.end);
  process.stdout.write(`${image.name} is ready (log in as ${image.loginUser})\n`);
}

async function pull(family: string, cacheDir: string | undefined, mirror: string | undefined): Promise<void> {
  await checkFamily(family, 'pulled');
  await ensurePackages([{ provides: 'qemu-img', name: 'qemu-utils' }], 'to convert images');
  const { pullImage } = await import('../images/pull.ts');
  const progress = progressPrinter();
  const image = await pullImage(family, { cacheDir, mirror, onProgress: progress.report }).finally(progress.end);
  process.stdout.write(`${image.name} is ready (log in as ${image.loginUser})\n`);
}

/** @throws UserError when there is no such family, or it is had in the other way. */
async function checkFamily(family: string, source: keyof typeof verbs): Promise<void> {
  const { catalogue } = await import('../images/catalogue.ts');
  const entry = catalogue.find(candidate => candidate.family === family);
  if (entry === undefined) {
    throw usageError(`image: there is no '${family}'`, `There are ${catalogue.map(each => each.family).join(', ')}`);
  }
  if (entry.source === source) return;
  throw usageError(
    `image: ${family} is ${entry.source}, not ${source}`,
    `fogbank image ${verbs[entry.source]} ${family}`,
  );
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map(row => `${line(row).trimEnd()}\n`).join('');
}
