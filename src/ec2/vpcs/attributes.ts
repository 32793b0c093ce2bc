import type {
  DescribeVpcAttributeRequest,
  DescribeVpcAttributeResult,
  ModifyVpcAttributeRequest,
  ModifyVpcTenancyRequest,
  ModifyVpcTenancyResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { vpcs } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html */
const describeVpcAttribute = readOperation<DescribeVpcAttributeRequest, DescribeVpcAttributeResult>({
  service: 'ec2',
  name: 'DescribeVpcAttribute',
  resources: (input, context) => [arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const row = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const attribute = input.Attribute;
    switch (attribute) {
      case 'enableDnsSupport':
        return { VpcId: row.vpcId, EnableDnsSupport: { Value: row.enableDnsSupport } };
      case 'enableDnsHostnames':
        return { VpcId: row.vpcId, EnableDnsHostnames: { Value: row.enableDnsHostnames } };
      case 'enableNetworkAddressUsageMetrics':
        // Nothing can turn these metrics on yet.
        return { VpcId: row.vpcId, EnableNetworkAddressUsageMetrics: { Value: false } };
      default:
        throw new ApiError(
          'InvalidParameterValue',
          `Value (${String(attribute)}) for parameter attribute is invalid. Use enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics.`,
        );
    }
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html */
const modifyVpcAttribute = writeOperation<ModifyVpcAttributeRequest, object>({
  service: 'ec2',
  name: 'ModifyVpcAttribute',
  resources: (input, context) => [{ arn: arn(context, 'vpc', input.VpcId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const row = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const support = input.EnableDnsSupport?.Value;
    const hostnames = input.EnableDnsHostnames?.Value;
    const metrics = input.EnableNetworkAddressUsageMetrics?.Value;
    const given = [support, hostnames, metrics].filter(one => one !== undefined).length;
    if (given === 0) throw new ApiError('InvalidParameterCombination', 'No attributes specified.');
    if (given > 1) {
      throw new ApiError(
        'InvalidParameterCombination',
        'Fields for multiple attribute types specified. Change one attribute in each request.',
      );
    }
    if (metrics === true)
      throw new ApiError('UnsupportedOperation', 'Network address usage metrics are not supported. Leave them off.');
    if (hostnames === true && !row.enableDnsSupport) {
      throw new ApiError(
        'InvalidParameterCombination',
        'DNS hostnames need DNS support. Set EnableDnsSupport to true first.',
      );
    }
    context.db.put(vpcs, {
      ...row,
      enableDnsSupport: support ?? row.enableDnsSupport,
      enableDnsHostnames: hostnames ?? row.enableDnsHostnames,
    });
    return {};
  },
});

/**
 * Every VPC here has the tenancy `default`, which is the only one that a VPC can be changed to.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcTenancy.html
 */
const modifyVpcTenancy = writeOperation<ModifyVpcTenancyRequest, ModifyVpcTenancyResult>({
  service: 'ec2',
  name: 'ModifyVpcTenancy',
  resources: (input, context) => [{ arn: arn(context, 'vpc', input.VpcId), keys: attributeKeys(input) }],
  run: (input, context) => {
    findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    if (input.InstanceTenancy !== 'default') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${String(input.InstanceTenancy)}) for parameter instanceTenancy is invalid. Use default.`,
      );
    }
    return { ReturnValue: true };
  },
});

export const attributeOperations: readonly AnyOperation[] = [
  describeVpcAttribute,
  modifyVpcAttribute,
  modifyVpcTenancy,
];
