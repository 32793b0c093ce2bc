import { newId } from '../../api/ids.ts';
import type { WriteContext } from '../../api/operation.ts';
import type { Reader, Tx } from '../../state/state.ts';
import { type EncryptionPlan, encrypt } from '../ebs-encryption/encryption.ts';
import { isFastRestored } from '../fast-snapshot-restores/model.ts';
import { snapshots } from '../snapshots/model.ts';
import { addTags, removeAllTags, type Tags } from '../tags/model.ts';
import { type VolumeAttachment, type VolumeRow, volumes } from './model.ts';
import { volumeModifications } from './modifications.ts';
import type { VolumeSpecification } from './specification.ts';

export interface NewVolume extends VolumeSpecification {
  readonly encryption: EncryptionPlan;
  readonly availabilityZone: string;
  readonly snapshotId?: string | undefined;
  readonly multiAttachEnabled?: boolean;
  readonly copying?: VolumeRow['copying'];
  /** Makes it a part of a launch, whose controller makes the disk; without it, the volumes' controller does. */
  readonly attachment?: VolumeAttachment;
}

/** Records a new volume. */
export function createVolumeRow(context: WriteContext, volume: NewVolume, tags: Tags | undefined): VolumeRow {
  const { db, owner, now } = context;
  const { attachment, availabilityZone, snapshotId } = volume;
  const isFast = snapshotId !== undefined && isFastRestored(db, { owner, snapshotId, availabilityZone });
  const row: VolumeRow = {
    volumeId: newId('vol'),
    owner,
    availabilityZone,
    size: volume.size,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(isFast ? { fastRestored: true } : {}),
    volumeType: volume.volumeType,
    ...(volume.iops === undefined ? {} : { iops: volume.iops }),
    ...(volume.throughput === undefined ? {} : { throughput: volume.throughput }),
    ...encrypt(context, volume.encryption, attachment !== undefined),
    ...(volume.multiAttachEnabled === true ? { multiAttachEnabled: true } : {}),
    state: attachment === undefined ? 'creating' : 'in-use',
    unmade: true,
    ...(volume.copying === undefined ? {} : { copying: volume.copying, sourceVolumeId: volume.copying.volumeId }),
    createTime: now,
    attachments: attachment === undefined ? [] : [attachment],
  };
  db.put(volumes, row);
  addTags(db, { resourceId: row.volumeId, resourceType: 'volume', owner }, tags ?? {});
  return row;
}

/** Whether a snapshot is yet to be cut, or a copy to be made of the volume: its disk must stay until then. */
export function isNeeded(db: Reader, volumeId: string): boolean {
  return db.countBy(snapshots, 'uncut', volumeId) + db.countBy(volumes, 'copySource', volumeId) > 0;
}

/** Ends a volume whose instance has ended, and whose disk is gone unless it is needed. */
export function endVolume(tx: Tx, row: VolumeRow): void {
  if (isNeeded(tx, row.volumeId)) tx.put(volumes, { ...row, state: 'deleting', attachments: [] });
  else forgetVolume(tx, row.volumeId);
}

/** Forgets a volume whose disk is gone. */
export function forgetVolume(tx: Tx, volumeId: string): void {
  tx.delete(volumes, volumeId);
  tx.delete(volumeModifications, volumeId);
  removeAllTags(tx, volumeId);
}

/** The disk is there. */
export function recordCreated(tx: Tx, volumeId: string): void {
  const row = tx.get(volumes, volumeId);
  if (row?.state === 'creating') tx.put(volumes, { ...asMade(row), state: 'available' });
}

/** A volume whose disk is there. */
export function asMade({ unmade: _unmade, copying: _copying, ...rest }: VolumeRow): VolumeRow {
  return rest;
}

/** The disk cannot be made. */
export function recordCreationFailure(tx: Tx, volumeId: string, stateMessage: string): void {
  const row = tx.get(volumes, volumeId);
  if (row?.state !== 'creating') return;
  const { copying: _copying, ...rest } = row;
  tx.put(volumes, { ...rest, state: 'error', stateMessage });
}
