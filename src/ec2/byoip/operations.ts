import type {
  AdvertiseByoipCidrRequest,
  AdvertiseByoipCidrResult,
  ByoipCidr,
  DeprovisionByoipCidrRequest,
  DeprovisionByoipCidrResult,
  DescribeByoipCidrsRequest,
  DescribeByoipCidrsResult,
  ProvisionByoipCidrRequest,
  ProvisionByoipCidrResult,
  WithdrawByoipCidrRequest,
  WithdrawByoipCidrResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import {
  type AnyOperation,
  type ReadContext,
  readOperation,
  type WriteContext,
  writeOperation,
} from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import { paginate } from '../../api/pagination.ts';
import { addresses } from '../addresses/model.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { objectionTo } from './authorization.ts';
import { type ByoipCidrRow, byoipCidrs, isBrought, isIpv6 } from './model.ts';
import { poolOperations } from './pools.ts';
import { canonicalCidr, ipv4Range, ipv6Range } from './ranges.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ByoipCidr.html */
function render(row: ByoipCidrRow): ByoipCidr {
  return {
    Cidr: row.cidr,
    Description: row.description,
    State: row.state,
    StatusMessage: row.statusMessage,
    NetworkBorderGroup: regionOf(row.owner),
    AdvertisementType: 'unicast',
    PoolId: row.poolId,
    AsnAssociations: [],
  };
}

/**
 * A range must be one that the host routes: a part of the public pool.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ProvisionByoipCidr.html
 */
const provisionByoipCidr = writeOperation<ProvisionByoipCidrRequest, ProvisionByoipCidrResult>({
  service: 'ec2',
  name: 'ProvisionByoipCidr',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, now, region, account } = context;
    refuseUnsupported(input, region);
    const wantsIpv6 = input.Cidr?.includes(':') === true;
    const type = wantsIpv6 ? 'ipv6pool-ec2' : 'ipv4pool-ec2';
    const tags = parseTagSpecifications(input.PoolTagSpecifications, [type])[type] ?? {};
    checkLimit(
      db.by(byoipCidrs, 'owner', owner).filter(isBrought).length,
      networkLimits.byoipCidrs,
      'ResourceLimitExceeded',
      'address ranges that are brought to a Region',
    );
    const cidr = wantsIpv6
      ? ipv6Range(db, input.Cidr ?? '')
      : ipv4Range(db, input.Cidr ?? '', context.services.publicPool);
    const objection =
      input.CidrAuthorizationContext && objectionTo(input.CidrAuthorizationContext, { account, cidr, now });
    const row: ByoipCidrRow = {
      poolId: newId(type),
      owner,
      cidr,
      ...(input.Description === undefined ? {} : { description: input.Description }),
      state: 'pending-provision',
      stateSince: now,
      ...(objection === undefined ? {} : { objection }),
    };
    db.put(byoipCidrs, row);
    addTags(db, { resourceId: row.poolId, resourceType: type, owner }, tags);
    return { ByoipCidr: render(row) };
  },
});

function refuseUnsupported(input: ProvisionByoipCidrRequest, region: string): void {
  if (input.MultiRegion === true)
    throw new ApiError('UnsupportedOperation', 'A range is for one Region. Leave MultiRegion out.');
  if (input.PubliclyAdvertisable === false)
    throw new ApiError(
      'UnsupportedOperation',
      'The host reaches every address that is in use here: a range cannot be without advertisement.',
    );
  const { NetworkBorderGroup: group = region } = input;
  if (group !== region) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${group}) for parameter networkBorderGroup is invalid. Use ${region}.`,
    );
  }
}

/** The caller's range, as it was provisioned. @throws ApiError `InvalidParameterValue` */
function findRange(context: ReadContext, text: string | undefined): ByoipCidrRow {
  const cidr = canonicalCidr(text ?? '') ?? '';
  const rows = context.db.by(byoipCidrs, 'cidr', cidr).filter(row => row.owner === context.owner);
  const row = rows.find(isBrought) ?? rows.at(-1);
  if (row === undefined)
    throw new ApiError(
      'InvalidParameterValue',
      `The range (${text ?? ''}) is not one that you have brought to ${context.region}.`,
    );
  return row;
}

function move(
  context: WriteContext,
  text: string | undefined,
  from: readonly ByoipCidrRow['state'][],
  to: ByoipCidrRow['state'],
): { ByoipCidr: ByoipCidr } {
  const row = findRange(context, text);
  if (!from.includes(row.state)) {
    throw new ApiError(
      'IncorrectState',
      `The range ${row.cidr} is ${row.state}; for this it must be ${from.join(' or ')}.`,
    );
  }
  const changed: ByoipCidrRow = { ...row, state: to, stateSince: context.now };
  context.db.put(byoipCidrs, changed);
  return { ByoipCidr: render(changed) };
}

/** @throws ApiError `IncorrectState` while addresses or blocks of the range are somebody's. */
function refuseInUse({ db }: ReadContext, row: ByoipCidrRow): void {
  const used = db.firstBy(addresses, 'pool', row.poolId)?.publicIp ?? db.firstBy(vpcs, 'ipv6Pool', row.poolId)?.vpcId;
  if (used === undefined) return;
  throw new ApiError(
    'IncorrectState',
    `The range ${row.cidr} is in use: ${used} is of it. Release its addresses, or take its blocks from their VPCs, first.`,
  );
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AdvertiseByoipCidr.html */
const advertiseByoipCidr = writeOperation<AdvertiseByoipCidrRequest, AdvertiseByoipCidrResult>({
  service: 'ec2',
  name: 'AdvertiseByoipCidr',
  resources: () => ['*'],
  run: (input, context) => {
    if (input.Asn !== undefined)
      throw new ApiError('UnsupportedOperation', 'Autonomous systems of your own are not supported. Leave Asn out.');
    if ((input.NetworkBorderGroup ?? context.region) !== context.region)
      throw new ApiError('InvalidParameterValue', `The range is advertised in ${context.region}.`);
    return move(context, input.Cidr, ['provisioned'], 'pending-advertising');
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_WithdrawByoipCidr.html */
const withdrawByoipCidr = writeOperation<WithdrawByoipCidrRequest, WithdrawByoipCidrResult>({
  service: 'ec2',
  name: 'WithdrawByoipCidr',
  resources: () => ['*'],
  run: (input, context) => {
    const row = findRange(context, input.Cidr);
    // Blocks of VPCs are routed while they are there; Elastic IP addresses can be without a way to them.
    if (isIpv6(row)) refuseInUse(context, row);
    return move(context, input.Cidr, ['advertised'], 'pending-withdrawal');
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeprovisionByoipCidr.html */
const deprovisionByoipCidr = writeOperation<DeprovisionByoipCidrRequest, DeprovisionByoipCidrResult>({
  service: 'ec2',
  name: 'DeprovisionByoipCidr',
  resources: () => ['*'],
  run: (input, context) => {
    refuseInUse(context, findRange(context, input.Cidr));
    return move(context, input.Cidr, ['provisioned', 'failed-provision'], 'pending-deprovision');
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeByoipCidrs.html */
const describeByoipCidrs = readOperation<DescribeByoipCidrsRequest, DescribeByoipCidrsResult>({
  service: 'ec2',
  name: 'DescribeByoipCidrs',
  resources: () => ['*'],
  run: (input, context) => {
    const page = paginate(context, input, { table: byoipCidrs, range: [1, 100] });
    return { ByoipCidrs: page.rows.map(render), NextToken: page.nextToken };
  },
});

export const byoipOperations: readonly AnyOperation[] = [
  provisionByoipCidr,
  deprovisionByoipCidr,
  advertiseByoipCidr,
  withdrawByoipCidr,
  describeByoipCidrs,
  ...poolOperations,
];
