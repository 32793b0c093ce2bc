import type { Configuration } from '../../config/resolve.ts';
import type { StoredWarmImage } from '../../engine/qemu/warm/store.ts';
import { findCommand } from '../packages.ts';
import { type Check, type Finding, ok, warn } from './check.ts';

/** Frozen guests from which launches continue, and what copies of them need. */
export function warmCheck(configuration: Configuration): Check {
  return {
    name: 'fast start',
    async run() {
      if (configuration.warmBytes === 0) return ok('switched off: every instance boots');
      const { PERL } = await import('../../engine/qemu/warm/guard.ts');
      const { listWarmImages } = await import('../../engine/qemu/warm/store.ts');
      return fastStart(await listWarmImages(configuration.dataDir), findCommand(PERL) !== undefined);
    },
  };
}

/** Judges the frozen guests of a data folder and whether Perl is there. */
export function fastStart(
  images: readonly Pick<StoredWarmImage, 'instanceType' | 'bytes'>[],
  hasPerl: boolean,
): Finding {
  if (!hasPerl) return warn('every instance boots: copies of a guest need Perl', 'apt-get install perl-base (as root)');
  if (images.length === 0) return ok('no frozen guest yet; the first launch of an AMI and type makes one');
  const mib = images.reduce((sum, image) => sum + image.bytes, 0) / 2 ** 20;
  const types = [...new Set(images.map(image => image.instanceType))].sort().join(', ');
  const guests = images.length === 1 ? '1 frozen guest' : `${images.length} frozen guests`;
  return ok(`${guests} (${types}), ${Math.ceil(mib)} MiB on the disk`);
}
