import { ApiError } from '../../api/errors.ts';
import { idKinds, isId } from '../../api/ids.ts';
import { regionOf } from '../../api/owner.ts';
import { ObjectError, objectFile } from '../../images/buckets.ts';
import { readEntry, type TarEntry, tarEntries } from '../../images/tar.ts';
import { ImageError } from '../../images/types.ts';
import type { ImageBlockDevice, ImageRow } from '../images/model.ts';
import { regionFacts } from '../regions/catalogue.ts';
import type { Tags } from '../tags/model.ts';

/*
 * A stored AMI is a tar archive: `image.json`, then the disks of its snapshots as qcow2 files. Elsewhere nobody can read
 * it, as nobody can read what AWS stores.
 */

export const manifestName = 'image.json';

export interface StoredDisk {
  /** Of its file in the archive. */
  readonly file: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly description: string;
  readonly tags: Tags;
}

/** What an AMI has of its own; `snapshotId` of a device is the file of its disk. */
export type StoredAttributes = Pick<
  ImageRow,
  | 'name'
  | 'description'
  | 'architecture'
  | 'rootDeviceName'
  | 'blockDevices'
  | 'ephemeral'
  | 'bootMode'
  | 'imdsSupport'
  | 'enaSupport'
  | 'sriovNetSupport'
  | 'loginUser'
>;

export interface StoredImage {
  /** Which AMI it was. */
  readonly source: { readonly imageId: string; readonly region: string };
  readonly image: StoredAttributes;
  readonly tags: Tags;
  readonly disks: readonly StoredDisk[];
}

/** What an AMI looks like in its archive. @param disks by their snapshots */
export function manifestOf(row: ImageRow, tags: Tags, disks: ReadonlyMap<string, StoredDisk>): string {
  const { name, description, architecture, rootDeviceName, bootMode } = row;
  const { imdsSupport, enaSupport, sriovNetSupport, loginUser, ephemeral } = row;
  const blockDevices = row.blockDevices.map(device =>
    device.snapshotId === undefined ? device : { ...device, snapshotId: disks.get(device.snapshotId)?.file ?? '' },
  );
  const stored: StoredImage & { readonly version: 1 } = {
    version: 1,
    source: { imageId: row.imageId, region: regionOf(row.owner) },
    image: {
      ...{ name, description, architecture, rootDeviceName, blockDevices, bootMode },
      ...{ imdsSupport, enaSupport, sriovNetSupport, loginUser, ephemeral },
    },
    tags,
    disks: [...disks.values()],
  };
  return JSON.stringify(stored);
}

/**
 * What an object says of the AMI in it.
 * @param folder of all buckets
 * @throws ApiError `InvalidRequest` when there is none, or no AMI in it
 */
export async function storedImage(folder: string, bucket: string, key: string): Promise<StoredImage> {
  try {
    const { file } = await objectFile(folder, bucket, key);
    const entries = await tarEntries(file);
    const stored = parse(await readManifest(file, entries));
    const names = new Set(entries.map(entry => entry.name));
    if (stored?.disks.every(disk => names.has(disk.file))) return stored;
  } catch (error) {
    if (!(error instanceof ObjectError || error instanceof ImageError || error instanceof SyntaxError)) throw error;
    throw new ApiError('InvalidRequest', `The object s3://${bucket}/${key} cannot be restored: ${error.message}.`);
  }
  throw new ApiError('InvalidRequest', `The object s3://${bucket}/${key} is not a stored AMI.`);
}

const largestManifest = 1024 * 1024;

async function readManifest(file: string, entries: readonly TarEntry[]): Promise<string> {
  const entry = entries.find(one => one.name === manifestName);
  if (entry === undefined || entry.size > largestManifest) return 'null';
  const chunks: Buffer[] = [];
  for await (const chunk of readEntry(file, entry)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Whoever can write files into a bucket may have written this one. */
function parse(text: string): StoredImage | undefined {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || value.version !== 1 || !isRecord(value.image) || !Array.isArray(value.disks))
    return undefined;
  const { source, image, disks, tags } = value as unknown as StoredImage;
  const files = new Set(disks.map(disk => disk.file));
  const isGood =
    isRecord(source) &&
    isId(idKinds.image, String(source.imageId)) &&
    regionFacts(String(source.region)) !== undefined &&
    isTags(tags) &&
    disks.every(isDisk) &&
    files.size === disks.length &&
    typeof image.name === 'string' &&
    (image.description === undefined || (typeof image.description === 'string' && image.description.length <= 255)) &&
    ['x86_64', 'arm64', 'i386'].includes(image.architecture) &&
    ['legacy-bios', 'uefi', 'uefi-preferred'].includes(image.bootMode) &&
    (image.imdsSupport === undefined || image.imdsSupport === 'v2.0') &&
    (image.sriovNetSupport === undefined || image.sriovNetSupport === 'simple') &&
    (image.loginUser === undefined || typeof image.loginUser === 'string') &&
    typeof image.enaSupport === 'boolean' &&
    Array.isArray(image.blockDevices) &&
    (image.ephemeral === undefined || (Array.isArray(image.ephemeral) && image.ephemeral.every(isEphemeral))) &&
    image.blockDevices.every(device => isDevice(device, files)) &&
    image.blockDevices.some(device => device.deviceName === image.rootDeviceName && device.snapshotId !== undefined);
  return isGood ? { source, image, tags, disks } : undefined;
}

function isDevice(device: ImageBlockDevice, files: ReadonlySet<string>): boolean {
  return (
    isRecord(device) &&
    isDeviceName(device.deviceName) &&
    (device.snapshotId === undefined || files.has(device.snapshotId)) &&
    (device.volumeSize === undefined || isSize(device.volumeSize)) &&
    (device.iops === undefined || Number.isInteger(device.iops)) &&
    (device.throughput === undefined || Number.isInteger(device.throughput)) &&
    typeof device.deleteOnTermination === 'boolean' &&
    device.encrypted === false
  );
}

function isEphemeral(device: NonNullable<ImageRow['ephemeral']>[number]): boolean {
  return isRecord(device) && isDeviceName(device.deviceName) && Number.isInteger(device.ephemeral);
}

function isDeviceName(name: unknown): boolean {
  return typeof name === 'string' && /^(?:\/dev\/)?(?:xvd|sd)[a-z]{1,2}\d{0,2}$/.test(name);
}

function isDisk(disk: StoredDisk): boolean {
  return (
    isRecord(disk) &&
    /^disk-\d{1,2}\.qcow2$/.test(disk.file) &&
    isSize(disk.volumeSize) &&
    typeof disk.description === 'string' &&
    isTags(disk.tags)
  );
}

function isSize(gib: number): boolean {
  return Number.isInteger(gib) && gib >= 1 && gib <= 65_536;
}

function isTags(tags: unknown): boolean {
  return isRecord(tags) && Object.values(tags).every(value => typeof value === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
