import { type Configuration, resolveConfiguration } from '../config/resolve.ts';
import { UserError, usageError } from '../config/user-error.ts';
import type { Command, Invocation } from './command.ts';
import { verbs } from './image/list.ts';
import { ensurePackages, imagePackages } from './packages.ts';
import { progressPrinter } from './progress.ts';

export const command: Command = {
  name: 'image',
  summary: 'lists, builds, downloads, imports and warms AMIs',
  description:
    "list shows the AMIs of the cache and what can be added. build FAMILY makes one from Debian packages (needs root); pull FAMILY downloads a vendor's cloud image and checks its checksum. A running server offers new AMIs at once. import FILE --name NAME makes an AMI of the account's own on the running server from a disk file (raw, qcow2, vmdk, vhd, vhdx, ova), or from what lies behind an http(s) address. warm AMI freezes a guest of an AMI (its id, name or family) for one instance type, so that the first launch on the running server is fast too; with --off, launches of the AMI boot until --on.",
  positionals: [
    { name: 'ACTION', required: true, choices: ['list', 'build', 'pull', 'import', 'warm'] },
    { name: 'FAMILY|AMI|FILE', required: false },
  ],
  settings: ['data', 'listen', 'region', 'accel', 'imageCache'],
  options: [
    { name: 'force', description: 'builds again even when nothing has changed' },
    {
      name: 'mirror',
      placeholder: 'URL',
      description: 'downloads from here instead of the vendor; checksums still apply',
    },
    { name: 'name', placeholder: 'NAME', description: 'import: the name of the AMI' },
    {
      name: 'boot-mode',
      placeholder: 'MODE',
      description: 'import: legacy-bios or uefi (default: what the partitions of the disk say)',
    },
    { name: 'arch', placeholder: 'ARCH', description: 'import: x86_64, i386 or arm64 (default: x86_64)' },
    { name: 'description', placeholder: 'TEXT', description: 'import: the description of the AMI' },
    { name: 'type', placeholder: 'TYPE', description: 'warm: the instance type (default: t3.micro)' },
    { name: 'on', description: 'warm: switches fast launch of the AMI on, for the root account in one region' },
    { name: 'off', description: 'warm: switches it off' },
    { name: 'json', description: 'list: prints JSON' },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const { imageCacheDir } = configuration;
    const [action, family] = invocation.positionals;
    if (action === 'list') {
      if (family !== undefined) throw usageError(`image: unexpected '${family}'`);
      const { list } = await import('./image/list.ts');
      await list(configuration, invocation.has('json'));
    } else if (action === 'warm') await warmOrSwitch(configuration, family, invocation);
    else if (action === 'import') await importFile(configuration, family, invocation);
    else if (family === undefined) {
      const { catalogue } = await import('../images/catalogue.ts');
      throw usageError(`image: which one? ${catalogue.map(entry => entry.family).join(', ')}`);
    } else if (action === 'build') await build(family, imageCacheDir, invocation.has('force'));
    else await pull(family, imageCacheDir, invocation.value('mirror'));
    return 0;
  },
};

async function importFile(
  configuration: Configuration,
  file: string | undefined,
  invocation: Invocation,
): Promise<void> {
  if (file === undefined) throw usageError('image: import which file?');
  const { importImage } = await import('./image/import.ts');
  await importImage(configuration, file, {
    name: invocation.value('name'),
    bootMode: invocation.value('boot-mode'),
    architecture: invocation.value('arch'),
    description: invocation.value('description'),
  });
}

async function warmOrSwitch(
  configuration: Configuration,
  name: string | undefined,
  invocation: Invocation,
): Promise<void> {
  if (name === undefined) throw usageError('image: which AMI? Its id, name or family');
  const [on, off, type] = [invocation.has('on'), invocation.has('off'), invocation.value('type')];
  if ((on && off) || ((on || off) && type !== undefined)) {
    throw usageError('image: --on, --off and --type exclude each other');
  }
  const { switchFastLaunch, warm } = await import('./image/warm.ts');
  if (on || off) await switchFastLaunch(configuration, name, on);
  else await warm(configuration, name, type ?? 't3.micro');
}

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
