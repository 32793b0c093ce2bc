import { join } from 'node:path';
import type { Configuration } from '../../config/resolve.ts';
import { imagePackages, machinePackages, missingPackages } from '../packages.ts';
import { type Check, type Finding, ok, warn } from './check.ts';

/** Tools, AMIs, and whether KVM really works. */
export function virtualizationChecks(configuration: Configuration): Check[] {
  return [
    { name: 'tools', run: tools },
    { name: 'AMIs', run: () => images(configuration.imageCacheDir) },
    { name: 'KVM', run: () => accelerator(configuration) },
  ];
}

function tools(): Finding {
  const missing = missingPackages([...machinePackages, ...imagePackages]);
  if (missing.length === 0) return ok('QEMU, nftables, iproute2, dnsmasq, mmdebstrap and ssh are there');
  return warn(
    `missing: ${missing.join(' ')}`,
    `apt-get install ${missing.join(' ')} (as root, Fogbank does it by itself)`,
  );
}

async function images(cacheDir: string | undefined): Promise<Finding> {
  const { cachedImages } = await import('../../images/cache.ts');
  const found = await cachedImages(cacheDir);
  if (found.length === 0) return warn('none yet', 'fogbank image build micro');
  return ok(found.map(image => image.name).join(', '));
}

async function accelerator(configuration: Configuration): Promise<Finding> {
  if (missingPackages(machinePackages).includes('qemu-system-x86')) return warn('cannot be tried without QEMU');
  const { chooseAccelerator } = await import('../../engine/qemu/accelerator.ts');
  const start = performance.now();
  const chosen = await chooseAccelerator({
    cacheDir: join(configuration.dataDir, 'cache'),
    override: configuration.accel,
    kernelDisk: await kernelDisk(configuration.imageCacheDir),
    force: true,
  });
  const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  if (chosen.name === 'kvm') return ok(`works (${chosen.reason}; ${time})`);
  return warn(
    `not used: ${chosen.reason}`,
    'Instances run, about ten times slower. KVM needs virtualization switched on in the firmware (or nested, in a cloud) and /dev/kvm.',
  );
}

/** A disk with a stock kernel to boot: some machines run small test programs under KVM and hang real kernels. */
async function kernelDisk(cacheDir: string | undefined): Promise<string | undefined> {
  const { cachedImages, imageCacheDir } = await import('../../images/cache.ts');
  const micro = (await cachedImages(cacheDir)).find(image => image.family === 'micro');
  return micro && join(cacheDir ?? imageCacheDir(), micro.file);
}
