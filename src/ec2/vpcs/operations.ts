import type {
  DescribeVpcAttributeRequest,
  DescribeVpcAttributeResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  Vpc,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
import { type VpcRow, vpcs } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html */
export function renderVpc(db: Reader, row: VpcRow): Vpc {
  return {
    VpcId: row.vpcId,
    OwnerId: accountOf(row.owner),
    State: row.state,
    CidrBlock: row.cidrBlock,
    CidrBlockAssociationSet: row.cidrAssociations.map(one => ({
      AssociationId: one.associationId,
      CidrBlock: one.cidrBlock,
      CidrBlockState: { State: 'associated' },
    })),
    DhcpOptionsId: row.dhcpOptionsId,
    InstanceTenancy: row.instanceTenancy,
    IsDefault: row.isDefault,
    Tags: tagList(db, row.vpcId),
  };
}

const filters: FilterTable<VpcRow> = {
  cidr: row => row.cidrBlock,
  cidrBlock: row => row.cidrBlock,
  'cidr-block': row => row.cidrBlock,
  'cidr-block-association.cidr-block': row => row.cidrAssociations.map(one => one.cidrBlock),
  'cidr-block-association.association-id': row => row.cidrAssociations.map(one => one.associationId),
  'cidr-block-association.state': row => row.cidrAssociations.map(() => 'associated'),
  'dhcp-options-id': row => row.dhcpOptionsId,
  dhcpOptionsId: row => row.dhcpOptionsId,
  'ipv6-cidr-block-association.ipv6-cidr-block': () => undefined,
  'ipv6-cidr-block-association.ipv6-pool': () => undefined,
  'ipv6-cidr-block-association.association-id': () => undefined,
  'ipv6-cidr-block-association.state': () => undefined,
  'is-default': row => row.isDefault,
  isDefault: row => row.isDefault,
  'owner-id': row => accountOf(row.owner),
  state: row => row.state,
  'vpc-id': row => row.vpcId,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html */
const describeVpcs = readOperation<DescribeVpcsRequest, DescribeVpcsResult>({
  service: 'ec2',
  name: 'DescribeVpcs',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: vpcs,
      kind: idKinds.vpc,
      ids: input.VpcIds,
      filters,
      keyFilter: 'vpc-id',
    });
    return { Vpcs: page.rows.map(row => renderVpc(context.db, row)), NextToken: page.nextToken };
  },
});

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

export const vpcOperations: readonly AnyOperation[] = [describeVpcs, describeVpcAttribute];
