import type { CopyVolumesRequest, CopyVolumesResult } from '@aws-sdk/client-ec2';
import type { AccessTarget } from '../../api/access.ts';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type ReadContext, writeOperation } from '../../api/operation.ts';
import { volumeKeys } from '../access/condition-keys.ts';
import { planVolume } from '../ebs-encryption/encryption.ts';
import { parseTagSpecifications } from '../tags/model.ts';
import { createVolumeRow, type NewVolume } from './lifecycle.ts';
import { volumes } from './model.ts';
import { checkQuotas } from './quotas.ts';
import { renderVolume } from './render.ts';
import { checkMultiAttach, volumeSpecification } from './specification.ts';

/** Milliseconds. */
const longestWait = 10_000;

/**
 * A volume with what another one in the same zone holds now. The copy has its content when this answers, unless that takes
 * longer than ten seconds: what is written to the source after the answer is not in it.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html
 */
export const copyVolumes = writeOperation<CopyVolumesRequest, CopyVolumesResult>({
  service: 'ec2',
  name: 'CopyVolumes',
  resources: (input, context) => [arn(context, 'volume', input.SourceVolumeId), copyTarget(input, context)],
  run: (input, context) => {
    const tags = parseTagSpecifications(input.TagSpecifications, ['volume']).volume;
    const volume = copyOf(context, input);
    checkQuotas(context.db, context.owner, volume);
    return { Volumes: [renderVolume(context.db, createVolumeRow(context, volume, tags))] };
  },
  afterwards: ({ Volumes: [copy] = [] }, { db, services }) =>
    services.until(() => db.get(volumes, copy?.VolumeId ?? '')?.state !== 'creating', longestWait),
});

/** @throws ApiError `InvalidVolume.NotFound`, `IncorrectState`, `InvalidParameterValue` and those of `volumeSpecification` */
function copyOf(context: ReadContext, input: CopyVolumesRequest): NewVolume {
  const source = findById(context, volumes, idKinds.volume, input.SourceVolumeId ?? '');
  const { volumeId, size } = source;
  if (source.state !== 'available' && source.state !== 'in-use') {
    throw new ApiError(
      'IncorrectState',
      `Volume '${volumeId}' is in the '${source.state}' state; it must be 'available' or 'in-use'.`,
    );
  }
  const specification = volumeSpecification(input, { size, volumeType: 'gp2' });
  if (specification.size < size) {
    throw new ApiError(
      'InvalidParameterValue',
      `The size of a copy can't be smaller than that of its source: ${volumeId} has ${size} GiB, the request ${specification.size} GiB.`,
    );
  }
  const multiAttachEnabled = input.MultiAttachEnabled === true;
  if (multiAttachEnabled) checkMultiAttach(specification.volumeType);
  // A copy of what is encrypted is, whatever is asked for.
  const { KmsKeyId } = input;
  const encryption = { ...(input.Encrypted === true ? { Encrypted: true } : {}), ...(KmsKeyId && { KmsKeyId }) };
  return {
    ...specification,
    encryption: planVolume(context, encryption, source),
    availabilityZone: source.availabilityZone,
    copying: { volumeId, snapshotId: newId('snap') },
    ...(multiAttachEnabled ? { multiAttachEnabled } : {}),
  };
}

/** The copy that would be; of a request that is wrong in itself, nothing is known but that it is a volume. */
function copyTarget(input: CopyVolumesRequest, context: ReadContext): string | AccessTarget {
  try {
    const copy = copyOf(context, input);
    const { encrypted } = copy.encryption;
    return { arn: arn(context, 'volume'), keys: volumeKeys({ ...copy, encrypted }, context.region) };
  } catch (error) {
    if (error instanceof ApiError) return arn(context, 'volume');
    throw error;
  }
}
