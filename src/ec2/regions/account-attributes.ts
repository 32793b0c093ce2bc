import type { DescribeAccountAttributesRequest, DescribeAccountAttributesResult } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { vpcs } from '../vpcs/model.ts';

/** The values of each attribute, in the order of answers. Limits are EC2's defaults. */
const attributes: Readonly<Record<string, (context: ReadContext) => string>> = {
  'supported-platforms': () => 'VPC',
  'vpc-max-security-groups-per-interface': () => '5',
  'max-elastic-ips': () => '5',
  'max-instances': () => '20',
  'vpc-max-elastic-ips': () => '5',
  'default-vpc': context => context.db.firstBy(vpcs, 'default', context.owner)?.vpcId ?? 'none',
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html */
const describeAccountAttributes = readOperation<DescribeAccountAttributesRequest, DescribeAccountAttributesResult>({
  service: 'ec2',
  name: 'DescribeAccountAttributes',
  resources: () => ['*'],
  run: (input, context) => {
    const wanted: readonly string[] = input.AttributeNames ?? [];
    const unknown = wanted.find(name => !Object.hasOwn(attributes, name));
    if (unknown !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `Invalid attribute name '${unknown}'. Use one of: ${Object.keys(attributes).join(', ')}.`,
      );
    }
    const shown = Object.entries(attributes).filter(([name]) => wanted.length === 0 || wanted.includes(name));
    return {
      AccountAttributes: shown.map(([AttributeName, value]) => ({
        AttributeName,
        AttributeValues: [{ AttributeValue: value(context) }],
      })),
    };
  },
});

export const accountAttributeOperations: readonly AnyOperation[] = [describeAccountAttributes];
