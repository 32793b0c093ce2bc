import { ApiError } from '../../api/errors.ts';
import type { InstanceTypeFacts } from '../instance-types/catalogue.ts';
import type { NetworkInterfaceRow } from './model.ts';

/**
 * Elastic Fabric Adapters are accepted by EC2's rules and shown as such. What they add is hardware that goes past the
 * guest's kernel, of which there is none here: the guest has an ordinary card, as it also has of an EFA on EC2.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html
 */

/** The type that a request asks for. @throws ApiError `UnsupportedOperation`, `InvalidParameterValue`. */
export function requestedType(type: string | undefined): 'interface' | 'efa' {
  switch (type) {
    case undefined:
    case 'interface':
      return 'interface';
    case 'efa':
      return 'efa';
    case 'efa-only':
    case 'branch':
    case 'trunk':
      throw new ApiError(
        'UnsupportedOperation',
        `Network interfaces of the type ${type} are not supported: they are of use to hardware or services that are not here. Leave InterfaceType out.`,
      );
    default:
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${type}) for parameter interfaceType is invalid. Use efa, or leave it out.`,
      );
  }
}

/**
 * Whether an instance may have these interfaces: one EFA on its network card, and that only of some types.
 * @throws ApiError `InvalidParameterCombination`, `AttachmentLimitExceeded`.
 */
export function checkTypes(type: InstanceTypeFacts, interfaces: readonly Pick<NetworkInterfaceRow, 'interfaceType'>[]) {
  const count = interfaces.filter(one => one.interfaceType === 'efa').length;
  if (count > 0 && !type.efa) {
    throw new ApiError(
      'InvalidParameterCombination',
      `Elastic Fabric Adapters are not supported on the instance type ${type.name}. DescribeInstanceTypes tells those that have them (EfaSupported).`,
    );
  }
  if (count > 1) {
    throw new ApiError(
      'AttachmentLimitExceeded',
      `EFA interface count ${count} exceeds the limit for ${type.name}: a network card can have one.`,
    );
  }
}
