import type { CreateReplaceRootVolumeTaskRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { planVolume } from '../ebs-encryption/encryption.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { launchableImage, launchBootMode } from '../instances/launch/image.ts';
import type { InstanceRow } from '../instances/model.ts';
import { usableSnapshot } from '../snapshots/access.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import type { NewVolume } from '../volumes/lifecycle.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { volumeSpecification } from '../volumes/specification.ts';
import type { ReplaceRootVolumeTaskRow } from './model.ts';

export interface Replacement {
  /** A volume that exists, or the one to be made. */
  readonly replacement: VolumeRow | NewVolume;
  readonly imageId?: string;
  readonly snapshotId?: string;
  /** Of which the instance's first root volume was made. */
  readonly launchSnapshotId?: string | undefined;
}

export function rootOf(db: Reader, instance: InstanceRow): VolumeRow | undefined {
  const device = instance.blockDevices.find(one => one.deviceName === instance.rootDeviceName);
  return device && db.get(volumes, device.volumeId);
}

/**
 * What takes the place of an instance's root volume: a volume, what an AMI or a snapshot of the root volume holds, or what
 * the instance was launched with. It has the size (or more) and the type of the one that it replaces.
 * @param earlier replacements of this instance's root volume
 * @throws ApiError `InvalidParameterCombination`, `InvalidParameterValue`, `IncorrectState`, `InvalidVolume.ZoneMismatch`,
 * and those of volumes, snapshots and AMIs that are not there or not the caller's
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html
 */
export function planReplacement(
  context: ReadContext,
  instance: InstanceRow,
  earlier: readonly ReplaceRootVolumeTaskRow[],
  input: CreateReplaceRootVolumeTaskRequest,
): Replacement {
  const given = [input.SnapshotId, input.ImageId, input.VolumeId].filter(one => one !== undefined);
  if (given.length > 1)
    throw new ApiError('InvalidParameterCombination', 'Give one of SnapshotId, ImageId and VolumeId.');
  const root = rootOf(context.db, instance);
  if (root === undefined) throw new ApiError('IncorrectState', `${instance.instanceId} has no root volume.`);
  const launchSnapshotId = earlier[0]?.launchSnapshotId ?? root.snapshotId;
  if (input.VolumeId !== undefined)
    return { replacement: givenVolume(context, instance, root, input.VolumeId), launchSnapshotId };
  if (input.ImageId !== undefined) {
    const { imageId, snapshot } = imageSnapshot(context, instance, input.ImageId);
    return {
      replacement: volumeOf(context, root, snapshot),
      imageId,
      snapshotId: snapshot.snapshotId,
      launchSnapshotId,
    };
  }
  if (input.SnapshotId !== undefined) {
    const snapshot = usableSnapshot(context, input.SnapshotId);
    checkLineage(context.db, root, snapshot);
    return { replacement: volumeOf(context, root, snapshot), snapshotId: snapshot.snapshotId, launchSnapshotId };
  }
  const snapshot = launchSnapshotId === undefined ? undefined : context.db.get(snapshots, launchSnapshotId);
  if (snapshot === undefined) {
    throw new ApiError(
      'IncorrectState',
      `The snapshot that ${instance.instanceId} was launched with does not exist any more. Give a SnapshotId or ImageId.`,
    );
  }
  return { replacement: volumeOf(context, root, snapshot), launchSnapshotId };
}

function volumeOf(context: ReadContext, root: VolumeRow, snapshot: SnapshotRow): NewVolume {
  const { volumeType, iops, throughput } = root;
  // What takes the place of an encrypted volume is encrypted under its key.
  const key = root.kmsKeyId === undefined ? {} : { KmsKeyId: root.kmsKeyId };
  const request = root.encrypted && !snapshot.encrypted ? { Encrypted: true, ...key } : {};
  const provisioned = volumeType === 'io1' || volumeType === 'io2' || volumeType === 'gp3';
  return {
    ...volumeSpecification(
      {
        VolumeType: volumeType,
        Size: Math.max(root.size, snapshot.volumeSize),
        Iops: provisioned ? iops : undefined,
        Throughput: throughput,
      },
      { volumeType },
    ),
    encryption: planVolume(context, request, snapshot),
    availabilityZone: root.availabilityZone,
    snapshotId: snapshot.snapshotId,
  };
}

function givenVolume(context: ReadContext, instance: InstanceRow, root: VolumeRow, id: string): VolumeRow {
  const volume = findById(context, volumes, idKinds.volume, id);
  const { volumeId } = volume;
  if (volume.state !== 'available')
    throw new ApiError(
      'IncorrectState',
      `Volume '${volumeId}' is in the '${volume.state}' state; it must be 'available'.`,
    );
  if (volume.availabilityZone !== instance.availabilityZone) {
    throw new ApiError(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volumeId}' is not in the same availability zone as instance '${instance.instanceId}'`,
    );
  }
  if (volume.multiAttachEnabled === true)
    throw new ApiError('InvalidParameterValue', 'A volume with Multi-Attach cannot be a root device.');
  if (root.encrypted && !volume.encrypted)
    throw new ApiError('InvalidParameterValue', `The root volume is encrypted, and ${volumeId} is not.`);
  return volume;
}

function imageSnapshot(context: ReadContext, instance: InstanceRow, reference: string) {
  const image = launchableImage(context, reference);
  const { imageId } = image;
  const type = instanceType(instance.instanceType);
  const fits = image.architecture === instance.architecture && type !== undefined;
  if (!fits || launchBootMode(image, type).bootMode !== instance.bootMode) {
    throw new ApiError(
      'InvalidParameterValue',
      `The image ${imageId} (${image.architecture}, ${image.bootMode}) does not fit ${instance.instanceId} (${instance.architecture}, ${instance.bootMode}).`,
    );
  }
  const root = image.blockDevices.find(device => device.deviceName === image.rootDeviceName);
  if (root?.snapshotId === undefined) throw new ApiError('InvalidParameterValue', `${imageId} has no root snapshot.`);
  return { imageId, snapshot: usableSnapshot(context, root.snapshotId, true) };
}

/** The snapshot must be of the root volume, of one that this was made of, or the one that it was made of. */
function checkLineage(db: Reader, root: VolumeRow, snapshot: SnapshotRow): void {
  const seen = new Set<string>();
  let volumeId: string | undefined = root.volumeId;
  while (volumeId !== undefined && !seen.has(volumeId)) {
    if (snapshot.volumeId === volumeId) return;
    seen.add(volumeId);
    const parent: string | undefined = db.get(volumes, volumeId)?.snapshotId;
    if (parent === snapshot.snapshotId) return;
    volumeId = parent === undefined ? undefined : db.get(snapshots, parent)?.volumeId;
  }
  throw new ApiError(
    'InvalidParameterValue',
    `The snapshot ${snapshot.snapshotId} was not made of the root volume ${root.volumeId}. Give one that was, or an ImageId.`,
  );
}
