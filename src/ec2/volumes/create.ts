import type { CreateVolumeRequest, DeleteVolumeRequest, Volume } from '@aws-sdk/client-ec2';
import type { AccessTarget } from '../../api/access.ts';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type ReadContext, writeOperation } from '../../api/operation.ts';
import { volumeKeys } from '../access/condition-keys.ts';
import { planVolume } from '../ebs-encryption/encryption.ts';
import { zonesOf } from '../regions/zones.ts';
import { usableSnapshot } from '../snapshots/access.ts';
import { parseTagSpecifications } from '../tags/model.ts';
import { createVolumeRow, type NewVolume } from './lifecycle.ts';
import { volumes } from './model.ts';
import { checkQuotas } from './quotas.ts';
import { renderVolume } from './render.ts';
import { checkMultiAttach, volumeSpecification } from './specification.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html */
export const createVolume = writeOperation<CreateVolumeRequest, Volume>({
  service: 'ec2',
  name: 'CreateVolume',
  resources: (input, context) => [
    volumeTarget(input, context),
    ...(input.SnapshotId === undefined ? [] : [arn(context, 'snapshot', input.SnapshotId)]),
  ],
  run: (input, context) => {
    refuseUnsupported(input);
    const tags = parseTagSpecifications(input.TagSpecifications, ['volume']).volume;
    const volume = newVolume(context, input);
    checkQuotas(context.db, context.owner, volume);
    const row = createVolumeRow(context, volume, tags);
    return renderVolume(context.db, row);
  },
});

/**
 * What a request asks for, complete and checked.
 * @throws ApiError `MissingParameter`, `InvalidParameterCombination`, `InvalidZone.NotFound`, those of snapshots, and what
 * `volumeSpecification` throws.
 */
function newVolume(context: ReadContext, input: CreateVolumeRequest): NewVolume {
  const availabilityZone = zoneName(context.region, input);
  const snapshot = input.SnapshotId === undefined ? undefined : usableSnapshot(context, input.SnapshotId);
  const specification = volumeSpecification(input, { size: snapshot?.volumeSize, volumeType: 'gp2' });
  if (snapshot !== undefined && specification.size < snapshot.volumeSize) {
    throw new ApiError(
      'InvalidParameterValue',
      `The size of a volume can't be smaller than that of its snapshot: ${snapshot.snapshotId} has ${snapshot.volumeSize} GiB, the request ${specification.size} GiB.`,
    );
  }
  const multiAttachEnabled = input.MultiAttachEnabled === true;
  if (multiAttachEnabled) checkMultiAttach(specification.volumeType);
  return {
    ...specification,
    encryption: planVolume(context, input, snapshot),
    availabilityZone,
    ...(snapshot === undefined ? {} : { snapshotId: snapshot.snapshotId }),
    ...(multiAttachEnabled ? { multiAttachEnabled } : {}),
  };
}

function zoneName(region: string, input: CreateVolumeRequest): string {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input;
  if (name !== undefined && id !== undefined)
    throw new ApiError('InvalidParameterCombination', 'Give availabilityZone or availabilityZoneId, not both.');
  if (name === undefined && id === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter availabilityZone');
  const zone = zonesOf(region).find(one => one.name === name || one.id === id);
  if (zone === undefined) throw new ApiError('InvalidZone.NotFound', `The zone '${name ?? id}' does not exist.`);
  return zone.name;
}

function refuseUnsupported(input: CreateVolumeRequest): void {
  if (input.OutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out OutpostArn.');
  const other = (['VolumeInitializationRate', 'Operator'] as const).find(name => input[name] !== undefined);
  if (other !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter ${other} is not supported. Leave it out.`);
}

/** The volume that would be; of a request that is wrong in itself, nothing is known but that it is one. */
function volumeTarget(input: CreateVolumeRequest, context: ReadContext): string | AccessTarget {
  try {
    const volume = newVolume(context, input);
    const { encrypted } = volume.encryption;
    return { arn: arn(context, 'volume'), keys: volumeKeys({ ...volume, encrypted }, context.region) };
  } catch (error) {
    if (error instanceof ApiError) return arn(context, 'volume');
    throw error;
  }
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html */
export const deleteVolume = writeOperation<DeleteVolumeRequest, object>({
  service: 'ec2',
  name: 'DeleteVolume',
  resources: (input, context) => [arn(context, 'volume', input.VolumeId)],
  run: (input, context) => {
    const row = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const [attachment] = row.attachments;
    if (attachment !== undefined) {
      throw new ApiError(
        'VolumeInUse',
        `Volume ${row.volumeId} is currently attached to ${attachment.instanceId}. Detach it first.`,
      );
    }
    if (row.state === 'creating') {
      throw new ApiError(
        'IncorrectState',
        `The volume '${row.volumeId}' is 'creating'. Delete it when it is available.`,
      );
    }
    if (row.state !== 'deleting') context.db.put(volumes, { ...row, state: 'deleting' });
    return {};
  },
});
