import type {
  CreateDefaultVpcRequest,
  CreateDefaultVpcResult,
  CreateVpcRequest,
  CreateVpcResult,
  DeleteVpcRequest,
  DescribeVpcsRequest,
  DescribeVpcsResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { attributeOperations } from './attributes.ts';
import { addIpv6Block, asksForIpv6, blockOperations, refuseIpam } from './block-operations.ts';
import { vpcBlock } from './blocks.ts';
import { createVpcRow } from './create.ts';
import { createDefaultVpc } from './default-vpc.ts';
import { deleteVpcWithParts } from './delete.ts';
import { vpcs } from './model.ts';
import { renderVpc, vpcFilters } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html */
const createVpc = writeOperation<CreateVpcRequest, CreateVpcResult>({
  service: 'ec2',
  name: 'CreateVpc',
  resources: (_input, context) => [arn(context, 'vpc')],
  run: (input, context) => {
    const { db, owner } = context;
    refuseIpam(input);
    if (input.VpcEncryptionControl !== undefined)
      throw new ApiError('UnsupportedOperation', 'VPC encryption control is not supported. Leave it out.');
    checkTenancy(input.InstanceTenancy);
    if (input.CidrBlock === undefined)
      throw new ApiError('MissingParameter', 'Either the parameter cidrBlock or ipv4IpamPoolId must be specified');
    const cidrBlock = vpcBlock(input.CidrBlock);
    const tags = parseTagSpecifications(input.TagSpecifications, ['vpc']).vpc ?? {};
    checkVpcLimit(context);
    const row = createVpcRow(db, owner, cidrBlock, false);
    addTags(db, { resourceId: row.vpcId, resourceType: 'vpc', owner }, tags);
    const withIpv6 = asksForIpv6(input) ? addIpv6Block(context, row, input) : row;
    return { Vpc: renderVpc(db, withIpv6) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultVpc.html */
const createDefault = writeOperation<CreateDefaultVpcRequest, CreateDefaultVpcResult>({
  service: 'ec2',
  name: 'CreateDefaultVpc',
  resources: () => ['*'],
  run: (_input, context) => {
    const { db, owner } = context;
    if (db.countBy(vpcs, 'default', owner) > 0) {
      throw new ApiError('DefaultVpcAlreadyExists', 'A Default VPC already exists for this account in this region.');
    }
    checkVpcLimit(context);
    const row = db.get(vpcs, createDefaultVpc(db, context.account, context.region));
    return { Vpc: row && renderVpc(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html */
const deleteVpc = writeOperation<DeleteVpcRequest, object>({
  service: 'ec2',
  name: 'DeleteVpc',
  resources: (input, context) => [arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    deleteVpcWithParts(context, findById(context, vpcs, idKinds.vpc, input.VpcId ?? ''));
    return {};
  },
});

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
      filters: vpcFilters,
      keyFilter: 'vpc-id',
      indexed: {
        'dhcp-options-id': 'dhcpOptions',
        'cidr-block-association.association-id': 'cidrAssociation',
        'ipv6-cidr-block-association.association-id': 'cidrAssociation',
      },
    });
    return { Vpcs: page.rows.map(row => renderVpc(context.db, row)), NextToken: page.nextToken };
  },
});

function checkVpcLimit({ db, owner }: WriteContext): void {
  checkLimit(db.countBy(vpcs, 'owner', owner), networkLimits.vpcs, 'VpcLimitExceeded', 'VPCs');
}

/** One machine serves everybody: nobody can be promised hardware of his own. */
function checkTenancy(tenancy: string | undefined): void {
  if (tenancy === undefined || tenancy === 'default') return;
  if (tenancy === 'dedicated') {
    throw new ApiError(
      'UnsupportedOperation',
      'The tenancy dedicated is not supported: this machine is shared. Use default.',
    );
  }
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${tenancy}) for parameter instanceTenancy is invalid. Use default.`,
  );
}

export const vpcOperations: readonly AnyOperation[] = [
  createVpc,
  createDefault,
  deleteVpc,
  describeVpcs,
  ...attributeOperations,
  ...blockOperations,
];
