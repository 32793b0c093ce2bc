import type {
  DescribeIpv6PoolsRequest,
  DescribeIpv6PoolsResult,
  GetAssociatedIpv6PoolCidrsRequest,
  GetAssociatedIpv6PoolCidrsResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { paginateArray } from '../../api/pagination.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
import { allocateIpv6Block } from '../vpcs/blocks.ts';
import { vpcs } from '../vpcs/model.ts';
import { type ByoipCidrRow, byoipCidrs, isAdvertised, isBrought, isIpv6 } from './model.ts';

function findPool(context: ReadContext, poolId: string): ByoipCidrRow {
  return findById(context, byoipCidrs, idKinds.ipv6Pool, poolId, row => row.owner === context.owner && isBrought(row));
}

/**
 * A /56 of a pool of the caller's that no VPC has, or `wanted`.
 * @throws ApiError `InvalidPoolID.NotFound`, `IncorrectState`, and what `allocateIpv6Block` throws.
 */
export function ipv6BlockOfPool(context: ReadContext, poolId: string, wanted: string | undefined): string {
  const row = findPool(context, poolId);
  if (!isAdvertised(row)) {
    throw new ApiError(
      'IncorrectState',
      `The range ${row.cidr} of the pool ${poolId} is ${row.state}. VPCs can have blocks of it while it is advertised.`,
    );
  }
  return allocateIpv6Block(context.db, { range: row.cidr, wanted });
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIpv6Pools.html */
const describeIpv6Pools = readOperation<DescribeIpv6PoolsRequest, DescribeIpv6PoolsResult>({
  service: 'ec2',
  name: 'DescribeIpv6Pools',
  resources: () => ['*'],
  run: (input, context) => {
    const visible = (row: ByoipCidrRow) => row.owner === context.owner && isBrought(row) && isIpv6(row);
    const page = describeOwn(context, input, {
      table: byoipCidrs,
      kind: idKinds.ipv6Pool,
      ids: input.PoolIds,
      // Only tags, as on EC2.
      filters: {},
      keyFilter: '',
      range: [1, 1000],
      visible,
    });
    return {
      Ipv6Pools: page.rows.map(row => ({
        PoolId: row.poolId,
        Description: row.description ?? '',
        PoolCidrBlocks: [{ Cidr: row.cidr }],
        Tags: tagList(context.db, row.poolId) ?? [],
      })),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAssociatedIpv6PoolCidrs.html */
const getAssociatedIpv6PoolCidrs = readOperation<GetAssociatedIpv6PoolCidrsRequest, GetAssociatedIpv6PoolCidrsResult>({
  service: 'ec2',
  name: 'GetAssociatedIpv6PoolCidrs',
  resources: (input, context) => [arn(context, 'ipv6pool-ec2', input.PoolId)],
  run: (input, context) => {
    const { poolId } = findPool(context, input.PoolId ?? '');
    const all = context.db
      .by(vpcs, 'ipv6Pool', poolId)
      .flatMap(row =>
        (row.ipv6Associations ?? []).flatMap(one =>
          one.ipv6Pool === poolId ? [{ Ipv6Cidr: one.ipv6CidrBlock, AssociatedResource: row.vpcId }] : [],
        ),
      );
    const page = paginateArray(context, input, all, { range: [1, 1000] });
    return { Ipv6CidrAssociations: page.rows, NextToken: page.nextToken };
  },
});

export const ipv6PoolOperations: readonly AnyOperation[] = [describeIpv6Pools, getAssociatedIpv6PoolCidrs];
