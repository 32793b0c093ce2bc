import type {
  AllocateAddressRequest,
  AllocateAddressResult,
  DescribeAddressesRequest,
  DescribeAddressesResult,
  DescribeMovingAddressesRequest,
  DescribeMovingAddressesResult,
  ReleaseAddressRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters } from '../../api/filters.ts';
import { idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { paginateArray } from '../../api/pagination.ts';
import { allocateFromPool } from '../byoip/pools.ts';
import { describeOwn } from '../describe.ts';
import { allocatePublicAddress } from '../network-interfaces/addresses.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { associateOperations } from './associate.ts';
import { associationOf, dissolve } from './association.ts';
import { addressAttributeOperations } from './attributes.ts';
import { addressArn, findAllocation, findPublicIp } from './find.ts';
import { type AddressRow, addresses, addressTransfers } from './model.ts';
import { addressFilters, renderAddress } from './render.ts';
import { transferOperations } from './transfers.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html */
const allocateAddress = writeOperation<AllocateAddressRequest, AllocateAddressResult>({
  service: 'ec2',
  name: 'AllocateAddress',
  resources: (input, context) => [
    arn(context, 'elastic-ip'),
    ...(input.PublicIpv4Pool === undefined || input.PublicIpv4Pool === 'amazon'
      ? []
      : [arn(context, 'ipv4pool-ec2', input.PublicIpv4Pool)]),
  ],
  run: (input, context) => {
    const { db, owner, region } = context;
    checkPool(input, region);
    const tags = parseTagSpecifications(input.TagSpecifications, ['elastic-ip'])['elastic-ip'] ?? {};
    const { PublicIpv4Pool: pool = 'amazon' } = input;
    const base = { allocationId: newId('eipalloc'), owner, networkBorderGroup: region };
    const row: AddressRow =
      pool === 'amazon'
        ? { ...base, publicIp: fromAmazon(context, input.Address) }
        : { ...base, publicIp: allocateFromPool(context, pool, input.Address), publicIpv4Pool: pool };
    db.put(addresses, row);
    addTags(db, { resourceId: row.allocationId, resourceType: 'elastic-ip', owner }, tags);
    return {
      AllocationId: row.allocationId,
      PublicIp: row.publicIp,
      PublicIpv4Pool: pool,
      NetworkBorderGroup: row.networkBorderGroup,
      Domain: 'vpc',
    };
  },
});

function fromAmazon(context: WriteContext, wanted: string | undefined): string {
  checkAddressLimit(context);
  return allocatePublicAddress(context.db, context.services.publicPool, wanted);
}

/** Addresses of pools that were brought do not count. @throws ApiError `AddressLimitExceeded` */
export function checkAddressLimit({ db, owner }: Pick<WriteContext, 'db' | 'owner'>): void {
  checkLimit(
    db.by(addresses, 'owner', owner).filter(row => row.publicIpv4Pool === undefined).length,
    networkLimits.elasticIps,
    'AddressLimitExceeded',
    'Elastic IP addresses',
  );
}

function checkPool(input: AllocateAddressRequest, region: string): void {
  if (input.Domain === 'standard')
    throw new ApiError('UnsupportedOperation', 'EC2-Classic is no longer there. Allocate with the domain vpc.');
  if (input.Domain !== undefined && input.Domain !== 'vpc')
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${String(input.Domain)}) for parameter domain is invalid. Use vpc.`,
    );
  const { NetworkBorderGroup: group = region } = input;
  if (group !== region) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${group}) for parameter networkBorderGroup is invalid. Use ${region}.`,
    );
  }
  const other = (['CustomerOwnedIpv4Pool', 'IpamPoolId'] as const).find(name => input[name] !== undefined);
  if (other !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter ${other} is not supported by this version of Fogbank.`);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html */
const releaseAddress = writeOperation<ReleaseAddressRequest, object>({
  service: 'ec2',
  name: 'ReleaseAddress',
  resources: (input, context) => [addressArn(context, input)],
  run: (input, context) => {
    const { db } = context;
    if (input.AllocationId === undefined) {
      if (input.PublicIp === undefined)
        throw new ApiError('MissingParameter', 'The request must contain the parameter allocationId');
      findPublicIp(context, input.PublicIp);
      throw new ApiError(
        'InvalidParameterValue',
        'You must specify an allocation id when releasing a VPC elastic IP address',
      );
    }
    const row = findAllocation(context, input.AllocationId);
    if (input.NetworkBorderGroup !== undefined && input.NetworkBorderGroup !== row.networkBorderGroup) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${input.NetworkBorderGroup}) for parameter networkBorderGroup is invalid. The address is of ${row.networkBorderGroup}.`,
      );
    }
    const association = associationOf(db, row);
    if (association !== undefined) {
      if (association.card.requesterManaged || db.get(vpcs, association.card.vpcId)?.isDefault !== true) {
        throw new ApiError(
          'InvalidIPAddress.InUse',
          `Address with allocation id ${row.allocationId} is associated with ${association.card.networkInterfaceId}. Disassociate it first.`,
        );
      }
      // In a default VPC a release ends the association.
      dissolve(db, association);
    }
    db.delete(addresses, row.allocationId);
    db.delete(addressTransfers, row.allocationId);
    removeAllTags(db, row.allocationId);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html */
const describeAddresses = readOperation<DescribeAddressesRequest, DescribeAddressesResult>({
  service: 'ec2',
  name: 'DescribeAddresses',
  resources: () => ['*'],
  run: (input, context) => {
    const named = (input.PublicIps ?? []).map(one => findPublicIp(context, one).allocationId);
    const page = describeOwn(context, input, {
      table: addresses,
      kind: idKinds.elasticIp,
      ids: [...(input.AllocationIds ?? []), ...named],
      filters: addressFilters(context.db),
      keyFilter: 'allocation-id',
      indexed: { 'public-ip': 'publicIp' },
    });
    return { Addresses: page.rows.map(row => renderAddress(context.db, row)) };
  },
});

/**
 * Addresses on their way from EC2-Classic, which is no longer there.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeMovingAddresses.html
 */
const describeMovingAddresses = readOperation<DescribeMovingAddressesRequest, DescribeMovingAddressesResult>({
  service: 'ec2',
  name: 'DescribeMovingAddresses',
  resources: () => ['*'],
  run: (input, context) => {
    compileFilters(input.Filters, { 'moving-status': () => undefined });
    for (const publicIp of input.PublicIps ?? []) findPublicIp(context, publicIp);
    const page = paginateArray(context, input, []);
    return { MovingAddressStatuses: page.rows, NextToken: page.nextToken };
  },
});

export const addressOperations: readonly AnyOperation[] = [
  allocateAddress,
  releaseAddress,
  describeAddresses,
  describeMovingAddresses,
  ...associateOperations,
  ...addressAttributeOperations,
  ...transferOperations,
];
