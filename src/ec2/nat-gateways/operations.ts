import type {
  CreateNatGatewayRequest,
  CreateNatGatewayResult,
  DeleteNatGatewayRequest,
  DeleteNatGatewayResult,
  DescribeNatGatewaysRequest,
  DescribeNatGatewaysResult,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId, throwNotFound } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { associationOf } from '../addresses/association.ts';
import { findAllocation } from '../addresses/find.ts';
import type { AddressRow } from '../addresses/model.ts';
import { describeOwn } from '../describe.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { availableAddressCount } from '../network-interfaces/addresses.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { type SubnetRow, subnets } from '../subnets/model.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { checkElasticCount, checkPrivateCount, natAddressOperations } from './addresses.ts';
import { createInterface, type WantedAddresses } from './lifecycle.ts';
import { type NatGatewayRow, natGateways } from './model.ts';
import { natGatewayFilters, renderNatGateway } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html */
const createNatGateway = writeOperation<CreateNatGatewayRequest, CreateNatGatewayResult>({
  service: 'ec2',
  name: 'CreateNatGateway',
  resources: (input, context) => [
    arn(context, 'natgateway'),
    arn(context, 'subnet', input.SubnetId),
    ...arns(context, 'elastic-ip', allocationsOf(input)),
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    refuseRegional(input);
    const connectivityType = input.ConnectivityType ?? 'public';
    if (connectivityType !== 'public' && connectivityType !== 'private') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${String(connectivityType)}) for parameter connectivityType is invalid. Use public or private.`,
      );
    }
    if (input.SubnetId === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter subnetId');
    const subnet = findById(context, subnets, idKinds.subnet, input.SubnetId);
    const tags = parseTagSpecifications(input.TagSpecifications, ['natgateway']).natgateway ?? {};
    const elastic = [...new Set(allocationsOf(input))].map(id => findAllocation(context, id));
    const wanted = wantedAddresses(input, connectivityType, elastic);
    const present = db.countBy(natGateways, 'zone', `${owner} ${subnet.availabilityZone}`);
    checkLimit(
      present,
      networkLimits.natGatewaysPerZone,
      'NatGatewayLimitExceeded',
      `NAT gateways in ${subnet.availabilityZone}`,
    );
    const natGatewayId = newId('nat');
    const failure = failureOf(db, subnet, wanted, connectivityType);
    const base: NatGatewayRow = {
      natGatewayId,
      owner,
      vpcId: subnet.vpcId,
      subnetId: subnet.subnetId,
      availabilityZone: subnet.availabilityZone,
      connectivityType,
      state: 'pending',
      createTime: now,
    };
    const row: NatGatewayRow =
      failure === undefined
        ? { ...base, networkInterfaceId: createInterface(context, natGatewayId, subnet, wanted).networkInterfaceId }
        : { ...base, failure, lastAddresses: failedAddresses(elastic) };
    db.put(natGateways, row);
    addTags(db, { resourceId: natGatewayId, resourceType: 'natgateway', owner }, tags);
    return { ClientToken: input.ClientToken, NatGateway: renderNatGateway(db, row) };
  },
});

function allocationsOf(input: CreateNatGatewayRequest): string[] {
  return [...(input.AllocationId === undefined ? [] : [input.AllocationId]), ...(input.SecondaryAllocationIds ?? [])];
}

/** One machine has no zones that a gateway could span. */
function refuseRegional(input: CreateNatGatewayRequest): void {
  const regional = input.AvailabilityMode === 'regional' || input.VpcId !== undefined;
  if (!regional && input.AvailabilityZoneAddresses === undefined) return;
  throw new ApiError(
    'UnsupportedOperation',
    'Regional NAT gateways are not supported. Create a zonal one: give a SubnetId, and neither VpcId nor AvailabilityZoneAddresses.',
  );
}

function wantedAddresses(
  input: CreateNatGatewayRequest,
  type: 'public' | 'private',
  elastic: readonly AddressRow[],
): WantedAddresses {
  const secondary = input.SecondaryPrivateIpAddresses ?? [];
  const count = input.SecondaryPrivateIpAddressCount ?? 0;
  if (type === 'private') {
    if (elastic.length > 0) {
      throw new ApiError(
        'InvalidParameterCombination',
        'A private NAT gateway has no Elastic IP addresses. Leave AllocationId and SecondaryAllocationIds out, or make a public one.',
      );
    }
    if (secondary.length > 0 && input.SecondaryPrivateIpAddressCount !== undefined) {
      throw new ApiError(
        'InvalidParameterCombination',
        'Give SecondaryPrivateIpAddresses or SecondaryPrivateIpAddressCount, not both.',
      );
    }
    checkPrivateCount(1 + secondary.length + count, count);
    return { primary: input.PrivateIpAddress, secondary, count, elastic };
  }
  if (input.AllocationId === undefined) {
    throw new ApiError(
      'MissingParameter',
      'The request must include the AllocationId parameter. Add the required parameter and retry the request.',
    );
  }
  if (input.SecondaryPrivateIpAddressCount !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'SecondaryPrivateIpAddressCount is for private NAT gateways. Give SecondaryAllocationIds.',
    );
  }
  checkElasticCount(elastic.length);
  const others = elastic.length - 1;
  if (secondary.length > others) {
    throw new ApiError(
      'InvalidParameterCombination',
      `Each of SecondaryPrivateIpAddresses needs one of SecondaryAllocationIds: there are ${secondary.length} and ${others}.`,
    );
  }
  return { primary: input.PrivateIpAddress, secondary, count: others - secondary.length, elastic };
}

/**
 * What keeps a NAT gateway from being made, which EC2 finds out after it has answered.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
 */
function failureOf(
  db: Reader,
  subnet: SubnetRow,
  wanted: WantedAddresses,
  type: 'public' | 'private',
): NatGatewayRow['failure'] {
  if (type === 'public' && db.countBy(internetGateways, 'vpc', subnet.vpcId) === 0)
    return { code: 'Gateway.NotAttached', message: `Network ${subnet.vpcId} has no Internet gateway attached` };
  const taken = wanted.elastic.find(one => associationOf(db, one) !== undefined);
  if (taken !== undefined) {
    return {
      code: 'Resource.AlreadyAssociated',
      message: `Elastic IP address [${taken.allocationId}] is already associated`,
    };
  }
  if (availableAddressCount(db, subnet) < 1 + wanted.secondary.length + wanted.count) {
    return {
      code: 'InsufficientFreeAddressesInSubnet',
      message: 'Subnet has insufficient free addresses to create this NAT gateway',
    };
  }
  return undefined;
}

function failedAddresses(elastic: readonly AddressRow[]): NatGatewayRow['lastAddresses'] {
  return elastic.map((one, index) => ({ isPrimary: index === 0, allocationId: one.allocationId }));
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html */
const deleteNatGateway = writeOperation<DeleteNatGatewayRequest, DeleteNatGatewayResult>({
  service: 'ec2',
  name: 'DeleteNatGateway',
  resources: (input, context) => [arn(context, 'natgateway', input.NatGatewayId)],
  run: (input, context) => {
    const row = findById(context, natGateways, idKinds.natGateway, input.NatGatewayId ?? '');
    const { natGatewayId } = row;
    if (row.state === 'deleted') throwNotFound(idKinds.natGateway, [natGatewayId]);
    // One that failed has nothing that would have to go first.
    if (row.state === 'failed') context.db.put(natGateways, { ...row, state: 'deleted', deleteTime: context.now });
    else context.db.put(natGateways, { ...row, state: 'deleting' });
    return { NatGatewayId: natGatewayId };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html */
const describeNatGateways = readOperation<DescribeNatGatewaysRequest, DescribeNatGatewaysResult>({
  service: 'ec2',
  name: 'DescribeNatGateways',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(
      context,
      { Filters: input.Filter, MaxResults: input.MaxResults, NextToken: input.NextToken },
      {
        table: natGateways,
        kind: idKinds.natGateway,
        ids: input.NatGatewayIds,
        filters: natGatewayFilters,
        keyFilter: 'nat-gateway-id',
        indexed: { 'subnet-id': 'subnet', 'vpc-id': 'vpc' },
      },
    );
    return { NatGateways: page.rows.map(row => renderNatGateway(context.db, row)), NextToken: page.nextToken };
  },
});

export const natGatewayOperations: readonly AnyOperation[] = [
  createNatGateway,
  deleteNatGateway,
  describeNatGateways,
  ...natAddressOperations,
];
