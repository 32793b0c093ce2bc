import { join } from 'node:path';
import type { Configuration } from '../../config/resolve.ts';
import { UserError, usageError } from '../../config/user-error.ts';
import { connect, type Ec2Client } from '../client.ts';
import { progressPrinter } from '../progress.ts';

/** What DescribeImages says of an AMI, as far as a frozen guest of it depends on it. */
export interface WarmableImage {
  readonly imageId: string;
  readonly name: string;
  readonly rootDeviceName: string;
  readonly snapshotId: string;
}

/** Switches fast launch of an AMI on or off for the launches of this account and Region. */
export async function switchFastLaunch(configuration: Configuration, name: string, on: boolean): Promise<void> {
  const client = connect(configuration);
  const { imageId } = await findImage(client, name, configuration.imageCacheDir);
  await client.call(on ? 'EnableFastLaunch' : 'DisableFastLaunch', { ImageId: imageId });
  process.stdout.write(
    on ? `instances of ${imageId} may continue from a frozen guest\n` : `instances of ${imageId} boot from now on\n`,
  );
}

/**
 * Freezes a guest of an AMI for an instance type, so that the first launch is fast too.
 * @throws UserError, EngineError
 */
export async function warm(configuration: Configuration, name: string, typeName: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new UserError('machines need root', `sudo fogbank image warm ${name}`);
  const { instanceType } = await import('../../ec2/instance-types/catalogue.ts');
  const type = instanceType(typeName);
  if (!type?.architectures.includes('x86_64')) {
    throw usageError(`image: there is no x86_64 instance type '${typeName}'`);
  }
  const client = connect(configuration);
  const image = await findImage(client, name, configuration.imageCacheDir);
  await requireFastLaunch(client, image);
  const { warmAhead } = await import('../../engine/qemu/warm/ahead.ts');
  const progress = progressPrinter();
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const { image: made, made: isNew } = await warmAhead({
      dataDir: configuration.dataDir,
      instanceType: type.name,
      vcpus: type.cores * type.threadsPerCore,
      memoryMib: type.memoryMib,
      rootDeviceName: image.rootDeviceName,
      snapshotId: image.snapshotId,
      sourceFile: await cachedFile(image, configuration),
      accelerator: await accelerator(configuration),
      signal: interrupted.signal,
      onProgress: progress.report,
    }).finally(progress.end);
    const boot = `its guest booted in ${(made.bootMs / 1000).toFixed(1)} s`;
    process.stdout.write(
      isNew
        ? `${image.imageId} (${image.name}) is warm for ${type.name}; ${boot}\n`
        : `${image.imageId} (${image.name}) was warm for ${type.name} already\n`,
    );
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/**
 * An AMI by its id, its name, or its family, of which the newest in the cache is taken.
 * @throws UserError when there is none, or several have the name.
 */
export async function findImage(
  client: Ec2Client,
  name: string,
  imageCacheDir: string | undefined,
): Promise<WarmableImage> {
  const { cachedImages } = await import('../../images/cache.ts');
  const ofFamily = (await cachedImages(imageCacheDir)).filter(image => image.family === name).at(-1);
  const answer = await client.call(
    'DescribeImages',
    name.startsWith('ami-') ? { ImageId: [name] } : { Filter: [{ Name: 'name', Value: [ofFamily?.name ?? name] }] },
  );
  const found = answer.items('imagesSet');
  const [image] = found;
  if (image === undefined) {
    throw new UserError(`there is no AMI ${name}`, 'Give an id, a name or a family; fogbank image list shows them.');
  }
  if (found.length > 1) {
    const ids = found.map(one => one.get('imageId')).join(', ');
    throw new UserError(`several AMIs are called ${name}: ${ids}`, 'Name one by its id.');
  }
  const rootDeviceName = image.get('rootDeviceName') ?? '';
  const root = image.items('blockDeviceMapping').find(device => device.get('deviceName') === rootDeviceName);
  return {
    imageId: image.get('imageId') ?? name,
    name: image.get('name') ?? '',
    rootDeviceName,
    snapshotId: root?.get('ebs', 'snapshotId') ?? '',
  };
}

/** @throws UserError when launches of this AMI do not use frozen guests. */
async function requireFastLaunch(client: Ec2Client, { imageId }: WarmableImage): Promise<void> {
  const answer = await client.call('DescribeFastLaunchImages', { ImageId: [imageId] });
  if (answer.items('fastLaunchImageSet').length > 0) return;
  throw new UserError(
    `instances of ${imageId} boot: fast launch is switched off, or its guest cannot be frozen`,
    `This switches it on where it can be: fogbank image warm ${imageId} --on`,
  );
}

/** The disk of an AMI in the image cache, for a snapshot that no launch has made yet. */
async function cachedFile(image: WarmableImage, configuration: Configuration): Promise<string | undefined> {
  const [{ cachedImages, imageFile }, { publishedSnapshotId }] = await Promise.all([
    import('../../images/cache.ts'),
    import('../../ec2/images/publish.ts'),
  ]);
  const { imageCacheDir, region } = configuration;
  const images = await cachedImages(imageCacheDir);
  const manifest = images.find(one => publishedSnapshotId(region, one) === image.snapshotId);
  return manifest && imageFile(manifest, imageCacheDir);
}

/** As the server chooses it. */
async function accelerator({ dataDir, accel, imageCacheDir }: Configuration) {
  const [{ chooseAccelerator }, { cachedImages, imageFile }] = await Promise.all([
    import('../../engine/qemu/accelerator.ts'),
    import('../../images/cache.ts'),
  ]);
  const micro = (await cachedImages(imageCacheDir)).find(image => image.family === 'micro');
  return chooseAccelerator({
    cacheDir: join(dataDir, 'cache'),
    override: accel,
    kernelDisk: micro && imageFile(micro, imageCacheDir),
  });
}
