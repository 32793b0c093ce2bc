import type {
  DescribeVolumeAttributeRequest,
  DescribeVolumeAttributeResult,
  EnableVolumeIORequest,
  ModifyVolumeAttributeRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { volumes } from './model.ts';

const resources = (input: { readonly VolumeId?: string | undefined }, context: ReadContext) => [
  arn(context, 'volume', input.VolumeId),
];

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeAttribute.html */
export const describeVolumeAttribute = readOperation<DescribeVolumeAttributeRequest, DescribeVolumeAttributeResult>({
  service: 'ec2',
  name: 'DescribeVolumeAttribute',
  resources,
  run: (input, context) => {
    const { volumeId: VolumeId, autoEnableIo } = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    switch (input.Attribute) {
      case 'autoEnableIO':
        return { VolumeId, AutoEnableIO: { Value: autoEnableIo === true } };
      case 'productCodes':
        return { VolumeId, ProductCodes: [] };
      default:
        throw new ApiError(
          'InvalidParameterValue',
          `Value (${String(input.Attribute)}) for parameter attribute is invalid. Use autoEnableIO or productCodes.`,
        );
    }
  },
});

/**
 * `AutoEnableIO` says whether the I/O of a volume whose data may be inconsistent goes on by itself. Here I/O is never
 * disabled, so that either value is kept to.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolumeAttribute.html
 */
export const modifyVolumeAttribute = writeOperation<ModifyVolumeAttributeRequest, object>({
  service: 'ec2',
  name: 'ModifyVolumeAttribute',
  resources,
  run: (input, context) => {
    const row = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const value = input.AutoEnableIO?.Value;
    if (value === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter AutoEnableIO');
    context.db.put(volumes, { ...row, autoEnableIo: value });
    return {};
  },
});

/**
 * I/O of a volume is never disabled here: it is enabled when this answers.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableVolumeIO.html
 */
export const enableVolumeIo = writeOperation<EnableVolumeIORequest, object>({
  service: 'ec2',
  name: 'EnableVolumeIO',
  resources,
  run: (input, context) => {
    const row = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    if (row.state !== 'available' && row.state !== 'in-use')
      throw new ApiError('IncorrectState', `Volume '${row.volumeId}' is in the '${row.state}' state.`);
    return {};
  },
});
