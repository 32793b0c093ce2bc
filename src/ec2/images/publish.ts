import { createHash } from 'node:crypto';
import { catalogue } from '../../images/catalogue.ts';
import type { ImageManifest } from '../../images/types.ts';
import type { Reader, Tx } from '../../state/state.ts';
import { snapshots } from '../snapshots/model.ts';
import { volumes } from '../volumes/model.ts';
import { type ImageRow, images } from './model.ts';

/** An image in the cache and the absolute path of its disk. */
export interface PublishedImage {
  readonly manifest: ImageManifest;
  readonly file: string;
}

/**
 * Makes the public AMIs of a Region those of the image cache: new ones appear, ones whose disk is gone and that no
 * volume or other AMI needs disappear. Ids follow from content, name and Region, so that they are the same after a restart.
 */
export function publishImages(tx: Tx, region: string, available: readonly PublishedImage[], now: number): void {
  const wanted = new Set<string>();
  for (const { manifest, file } of available) {
    const imageId = stableId('ami', region, manifest);
    wanted.add(imageId);
    if (tx.get(images, imageId)?.state === 'available') {
      const snapshot = tx.get(snapshots, stableId('snap', region, manifest));
      if (snapshot !== undefined && snapshot.sourceFile !== file) tx.put(snapshots, { ...snapshot, sourceFile: file });
      continue;
    }
    publish(tx, region, imageId, manifest, file, now);
  }
  for (const row of published(tx, region)) {
    if (wanted.has(row.imageId)) continue;
    withdraw(tx, row);
  }
}

/** Whether `publishImages` would change anything; cheap enough for every call. */
export function isPublished(db: Reader, region: string, available: readonly PublishedImage[]): boolean {
  return (
    published(db, region).length === available.length &&
    available.every(({ manifest }) => db.get(images, stableId('ami', region, manifest)) !== undefined)
  );
}

/**
 * The account that publishes the AMIs of a family on AWS, so that Terraform's `owners` find them here too; Amazon's for
 * families that another version of Fogbank left in the cache.
 */
function ownerId(family: string): string {
  return catalogue.find(entry => entry.family === family)?.ownerId ?? '137112412989';
}

function publish(tx: Tx, region: string, imageId: string, manifest: ImageManifest, file: string, now: number): void {
  const owner = `${ownerId(manifest.family)}/${region}`;
  const snapshotId = stableId('snap', region, manifest);
  tx.put(snapshots, {
    snapshotId,
    owner,
    volumeId: 'vol-ffffffff',
    volumeSize: manifest.sizeGib,
    state: 'completed',
    description: `Root disk of ${manifest.name}`,
    encrypted: false,
    startTime: now,
    ownerAlias: 'amazon',
    sourceFile: file,
  });
  tx.put(images, {
    imageId,
    owner,
    name: manifest.name,
    description: manifest.description,
    architecture: manifest.architecture,
    state: 'available',
    public: true,
    launchPermissions: [],
    ownerAlias: 'amazon',
    rootDeviceName: manifest.rootDeviceName,
    blockDevices: [
      {
        deviceName: manifest.rootDeviceName,
        snapshotId,
        volumeSize: manifest.sizeGib,
        volumeType: 'gp3',
        deleteOnTermination: true,
        encrypted: false,
      },
    ],
    bootMode: manifest.bootMode,
    ...(manifest.imdsSupport === undefined ? {} : { imdsSupport: manifest.imdsSupport }),
    ...(manifest.fastStart === undefined ? {} : { fastStart: true }),
    enaSupport: true,
    creationDate: now,
    loginUser: manifest.loginUser,
    ssmAliases: manifest.ssmAliases,
  });
}

function withdraw(tx: Tx, row: ImageRow): void {
  tx.delete(images, row.imageId);
  for (const { snapshotId } of row.blockDevices) {
    if (snapshotId === undefined) continue;
    const needed = tx.countBy(volumes, 'snapshot', snapshotId) + tx.countBy(images, 'snapshot', snapshotId);
    if (needed === 0) tx.delete(snapshots, snapshotId);
  }
}

function published(db: Reader, region: string): ImageRow[] {
  return db.by(images, 'shared', region).filter(row => row.ownerAlias === 'amazon');
}

/** The id of the snapshot under an AMI of the cache, in one Region. */
export function publishedSnapshotId(region: string, manifest: ImageManifest): string {
  return stableId('snap', region, manifest);
}

const ids = new WeakMap<ImageManifest, Map<string, string>>();

/** Remembered by manifest, since every call asks whether its Region's images are published. */
function stableId(prefix: string, region: string, manifest: ImageManifest): string {
  const known = ids.get(manifest) ?? new Map<string, string>();
  ids.set(manifest, known);
  const name = `${prefix}/${region}`;
  const id = known.get(name) ?? computeId(prefix, region, manifest);
  known.set(name, id);
  return id;
}

function computeId(prefix: string, region: string, manifest: ImageManifest): string {
  const hash = createHash('sha256').update(`${prefix}\0${region}\0${manifest.name}\0${manifest.sha256}`).digest('hex');
  return `${prefix}-0${hash.slice(0, 16)}`;
}
