import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../../config/resolve.ts';
import { UserError, usageError } from '../../config/user-error.ts';
import { compressionOf } from '../../images/compressed.ts';
import { connect, type Ec2Client, type Parameters } from '../client.ts';
import { type ProgressPrinter, progressPrinter } from '../progress.ts';
import type { XmlElement } from '../xml.ts';

export interface ImportOptions {
  readonly name: string | undefined;
  readonly bootMode: string | undefined;
  readonly architecture: string | undefined;
  readonly description: string | undefined;
}

/** The bucket in which files wait for the server to take them. */
const bucket = 'fogbank-image-import';

/**
 * Makes an AMI of a disk file, or of what lies behind an address: ImportImage, and then the name that was asked for, which
 * that does not take.
 * @throws UserError
 */
export async function importImage(
  configuration: Configuration,
  source: string,
  options: ImportOptions,
  progress: ProgressPrinter = progressPrinter(),
): Promise<void> {
  const { name } = options;
  if (name === undefined) throw usageError('image: import needs a name for the AMI', '--name NAME');
  const client = connect(configuration);
  const isRemote = /^(?:https?|s3):\/\//.test(source);
  const key = `${randomUUID()}${extname(source)}`;
  const file = join(configuration.dataDir, 'buckets', bucket, key);
  try {
    if (!isRemote) await putFile(source, file, progress);
    const container: Parameters = {
      ...(isRemote ? { Url: source } : { UserBucket: { S3Bucket: bucket, S3Key: key } }),
      DeviceName: '/dev/xvda',
      Format: /\.ova$/i.test(source) ? 'OVA' : undefined,
    };
    const answer = await client.call('ImportImage', {
      DiskContainer: [container],
      BootMode: options.bootMode,
      Architecture: options.architecture,
      Description: options.description,
    });
    const imported = await finished(client, answer.get('importTaskId') ?? '', progress);
    const imageId = await rename(client, imported, name, options.description);
    process.stdout.write(`${imageId} is ready (${name})\n`);
  } finally {
    progress.end();
    if (!isRemote) await rm(file, { force: true });
  }
}

async function putFile(source: string, target: string, progress: ProgressPrinter): Promise<void> {
  const found = await stat(source).catch(() => undefined);
  if (!found?.isFile()) throw new UserError(`there is no file ${source}`);
  await checkCompression(source);
  progress.report(`copying ${source}`);
  try {
    await mkdir(join(target, '..'), { recursive: true, mode: 0o700 });
    await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    throw new UserError(
      `${source} cannot be copied into the data folder: ${error instanceof Error ? error.message : error}`,
      'Run it as the user who runs the server.',
    );
  }
}

async function checkCompression(file: string): Promise<void> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    const program = compressionOf(buffer);
    if (program !== undefined) throw new UserError(`${file} is compressed with ${program}`, 'Decompress it first.');
  } finally {
    await handle.close();
  }
}

/** Waits for an import, and tells of it. @returns the AMI that it made */
async function finished(client: Ec2Client, taskId: string, progress: ProgressPrinter): Promise<string> {
  for (;;) {
    const answer = await client.call('DescribeImportImageTasks', { ImportTaskId: [taskId] });
    const task = answer.items('importImageTaskSet')[0];
    const message = task?.get('statusMessage');
    switch (task?.get('status')) {
      case 'completed':
        return task.get('imageId') ?? '';
      case 'active':
        progress.report(message ?? 'importing', Number(task.get('progress') ?? 0) / 100);
        break;
      default:
        throw new UserError(`the import failed: ${message ?? 'it has gone'}`);
    }
    await sleep(300);
  }
}

/** Registers an AMI again under a name, and takes the first away; both stand on the same snapshot. */
async function rename(
  client: Ec2Client,
  imageId: string,
  name: string,
  description: string | undefined,
): Promise<string> {
  const image = (await client.call('DescribeImages', { ImageId: [imageId] })).items('imagesSet')[0];
  if (image === undefined) throw new UserError(`the AMI ${imageId} has gone`);
  const registered = await client.call('RegisterImage', {
    Name: name,
    Description: description,
    Architecture: image.get('architecture'),
    BootMode: image.get('bootMode'),
    EnaSupport: true,
    VirtualizationType: 'hvm',
    RootDeviceName: image.get('rootDeviceName'),
    BlockDeviceMapping: image.items('blockDeviceMapping').map(deviceOf),
  });
  await client.call('DeregisterImage', { ImageId: imageId });
  return registered.get('imageId') ?? '';
}

function deviceOf(device: XmlElement): Parameters {
  return {
    DeviceName: device.get('deviceName'),
    Ebs: { SnapshotId: device.get('ebs', 'snapshotId'), VolumeType: 'gp3' },
  };
}
