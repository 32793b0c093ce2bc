import type {
  DescribePublicIpv4PoolsRequest,
  DescribePublicIpv4PoolsResult,
  PublicIpv4Pool,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { addresses } from '../addresses/model.ts';
import { describeOwn } from '../describe.ts';
import { addressToNumber, cidrSize, contains, numberToAddress, parseCidr } from '../network-interfaces/ipv4.ts';
import { tagList } from '../tags/model.ts';
import { ipv6PoolOperations } from './ipv6-pools.ts';
import { type ByoipCidrRow, byoipCidrs, isBrought, isIpv6 } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_PublicIpv4Pool.html */
function render(db: Reader, row: ByoipCidrRow): PublicIpv4Pool {
  const range = rangeOf(row);
  const AddressCount = cidrSize(range);
  const AvailableAddressCount = AddressCount - db.countBy(addresses, 'pool', row.poolId);
  return {
    PoolId: row.poolId,
    Description: row.description ?? '',
    PoolAddressRanges: [
      {
        FirstAddress: numberToAddress(range.first),
        LastAddress: numberToAddress(range.last),
        AddressCount,
        AvailableAddressCount,
      },
    ],
    TotalAddressCount: AddressCount,
    TotalAvailableAddressCount: AvailableAddressCount,
    NetworkBorderGroup: regionOf(row.owner),
    Tags: tagList(db, row.poolId) ?? [],
  };
}

function rangeOf(row: ByoipCidrRow) {
  const range = parseCidr(row.cidr);
  if (range === undefined) throw new Error(`${row.cidr} is not an IPv4 block`);
  return range;
}

/**
 * An address of a pool of the caller's that is not allocated: the lowest, or `wanted`.
 * @throws ApiError `InvalidPublicIpv4PoolID.NotFound`, `IncorrectState`,
 *   `InsufficientAddressCapacity`, `InvalidAddress.NotFound`.
 */
export function allocateFromPool(context: ReadContext, poolId: string, wanted: string | undefined): string {
  const { db } = context;
  const row = findById(context, byoipCidrs, idKinds.publicIpv4Pool, poolId);
  if (!isBrought(row) || row.state === 'pending-provision') {
    throw new ApiError(
      'IncorrectState',
      `The range ${row.cidr} of the pool ${poolId} is ${row.state}. Addresses can be allocated once it is provisioned.`,
    );
  }
  const range = rangeOf(row);
  const isFree = (address: string) => db.countBy(addresses, 'publicIp', address) === 0;
  if (wanted !== undefined) {
    const number = addressToNumber(wanted);
    if (number !== undefined && contains(range, number) && isFree(wanted)) return wanted;
    throw new ApiError('InvalidAddress.NotFound', `Address '${wanted}' is not a free address of the pool ${poolId}.`);
  }
  for (let offset = 0; offset < cidrSize(range); offset++) {
    const address = numberToAddress(range.first + offset);
    if (isFree(address)) return address;
  }
  throw new ApiError('InsufficientAddressCapacity', `Every address of the pool ${poolId} is allocated.`);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePublicIpv4Pools.html */
const describePublicIpv4Pools = readOperation<DescribePublicIpv4PoolsRequest, DescribePublicIpv4PoolsResult>({
  service: 'ec2',
  name: 'DescribePublicIpv4Pools',
  resources: () => ['*'],
  run: (input, context) => {
    const visible = (row: ByoipCidrRow) => row.owner === context.owner && isBrought(row) && !isIpv6(row);
    const page = describeOwn(context, input, {
      table: byoipCidrs,
      kind: idKinds.publicIpv4Pool,
      ids: input.PoolIds,
      // Only tags, as on EC2.
      filters: {},
      keyFilter: '',
      range: [1, 10],
      visible,
    });
    return { PublicIpv4Pools: page.rows.map(row => render(context.db, row)), NextToken: page.nextToken };
  },
});

export const poolOperations: readonly AnyOperation[] = [describePublicIpv4Pools, ...ipv6PoolOperations];
