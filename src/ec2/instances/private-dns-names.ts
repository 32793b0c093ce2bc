import type { ModifyPrivateDnsNameOptionsRequest, ModifyPrivateDnsNameOptionsResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { instances } from './model.ts';

/**
 * The type of an instance's host name, and which requests for its resource name (its ID) VPC DNS answers.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyPrivateDnsNameOptions.html
 */
export const modifyPrivateDnsNameOptions = writeOperation<
  ModifyPrivateDnsNameOptionsRequest,
  ModifyPrivateDnsNameOptionsResult
>({
  service: 'ec2',
  name: 'ModifyPrivateDnsNameOptions',
  resources: (input, context) => [{ arn: arn(context, 'instance', input.InstanceId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const now = row.privateDnsNameOptions;
    const hostnameType = input.PrivateDnsHostnameType ?? now.hostnameType;
    if (hostnameType !== 'ip-name' && hostnameType !== 'resource-name') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${hostnameType} ) for parameter PrivateDnsHostnameType is invalid. Use ip-name or resource-name.`,
      );
    }
    if (row.state === 'terminated' || row.state === 'shutting-down') {
      throw new ApiError('IncorrectInstanceState', `The instance '${row.instanceId}' is ${row.state}.`);
    }
    if (hostnameType !== now.hostnameType && row.state !== 'stopped') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is ${row.state}. Stop it to change the type of its host name.`,
      );
    }
    const privateDnsNameOptions = {
      hostnameType,
      enableResourceNameDnsARecord: input.EnableResourceNameDnsARecord ?? now.enableResourceNameDnsARecord,
      enableResourceNameDnsAaaaRecord:
        input.EnableResourceNameDnsAAAARecord ?? now.enableResourceNameDnsAaaaRecord ?? false,
    };
    context.db.put(instances, { ...row, privateDnsNameOptions });
    return { Return: true };
  },
});
