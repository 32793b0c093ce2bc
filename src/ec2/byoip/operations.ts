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
import { type Cidr, cidrSize, formatCidr, inside, numberToAddress, parseCidr } from '../network-interfaces/ipv4.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { objectionTo } from './authorization.ts';
import { type ByoipCidrRow, byoipCidrs, isBrought, overlapping } from './model.ts';
import { poolOperations } from './pools.ts';

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
    const range = rangeOf(input.Cidr, context.services.publicPool);
    const cidr = formatCidr(range);
    const tags = parseTagSpecifications(input.PoolTagSpecifications, ['ipv4pool-ec2'])['ipv4pool-ec2'] ?? {};
    checkLimit(
      db.by(byoipCidrs, 'owner', owner).filter(isBrought).length,
      networkLimits.byoipCidrs,
      'ResourceLimitExceeded',
      'address ranges that are brought to a Region',
    );
    const other = overlapping(db, range);
    if (other !== undefined)
      throw new ApiError(
        'InvalidParameterValue',
        `The range ${cidr} overlaps with ${formatCidr(other)}, which is brought already.`,
      );
    const used = firstUsed(context, range);
    if (used !== undefined)
      throw new ApiError(
        'InvalidParameterValue',
        `The range ${cidr} cannot be brought now: its address ${used} is in use.`,
      );
    const objection =
      input.CidrAuthorizationContext && objectionTo(input.CidrAuthorizationContext, { account, cidr, now });
    const row: ByoipCidrRow = {
      poolId: newId('ipv4pool-ec2'),
      owner,
      cidr,
      ...(input.Description === undefined ? {} : { description: input.Description }),
      state: 'pending-provision',
      stateSince: now,
      ...(objection === undefined ? {} : { objection }),
    };
    db.put(byoipCidrs, row);
    addTags(db, { resourceId: row.poolId, resourceType: 'ipv4pool-ec2', owner }, tags);
    return { ByoipCidr: render(row) };
  },
});

function refuseUnsupported(input: ProvisionByoipCidrRequest, region: string): void {
  if (input.Cidr?.includes(':') === true)
    throw new ApiError(
      'UnsupportedOperation',
      'Ranges of IPv6 addresses cannot be brought to this version of Fogbank.',
    );
  if (input.MultiRegion === true)
    throw new ApiError('UnsupportedOperation', 'A range is for one Region. Leave MultiRegion out.');
  if (input.PubliclyAdvertisable === false)
    throw new ApiError('InvalidParameterValue', 'Only IPv6 ranges can be without advertisement.');
  const { NetworkBorderGroup: group = region } = input;
  if (group !== region) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${group}) for parameter networkBorderGroup is invalid. Use ${region}.`,
    );
  }
}

const mostSpecific = 24;

/** @throws ApiError `InvalidParameterValue` for what is no range, too small, or not routed by the host. */
function rangeOf(text: string | undefined, publicPool: string): Cidr {
  const range = parseCidr(text ?? '');
  const pool = parseCidr(publicPool);
  if (range === undefined || pool === undefined)
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${text ?? ''}) for parameter cidr is invalid. This is not a valid CIDR block.`,
    );
  if (range.prefixLength > mostSpecific) {
    throw new ApiError(
      'InvalidParameterValue',
      `The range ${formatCidr(range)} is too specific. The most specific range that can be brought is a /${mostSpecific}.`,
    );
  }
  // The first addresses of the pool, and the last, belong to the network itself.
  if (!inside(range, pool) || range.first === pool.first || range.last === pool.last) {
    throw new ApiError(
      'InvalidParameterValue',
      `The host does not route ${formatCidr(range)} to Fogbank. A range that is brought lies within the public pool ${publicPool} (--public-pool), not at its beginning or end.`,
    );
  }
  return range;
}

function firstUsed({ db }: WriteContext, range: Cidr): string | undefined {
  for (let offset = 0; offset < cidrSize(range); offset++) {
    const address = numberToAddress(range.first + offset);
    if (db.countBy(addresses, 'publicIp', address) + db.countBy(networkInterfaces, 'publicIp', address) > 0)
      return address;
  }
  return undefined;
}

/** The caller's range, as it was provisioned. @throws ApiError `InvalidParameterValue` */
function findRange(context: ReadContext, text: string | undefined): ByoipCidrRow {
  const range = parseCidr(text ?? '');
  const cidr = range === undefined ? '' : formatCidr(range);
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
  run: (input, context) => move(context, input.Cidr, ['advertised'], 'pending-withdrawal'),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeprovisionByoipCidr.html */
const deprovisionByoipCidr = writeOperation<DeprovisionByoipCidrRequest, DeprovisionByoipCidrResult>({
  service: 'ec2',
  name: 'DeprovisionByoipCidr',
  resources: () => ['*'],
  run: (input, context) => {
    const row = findRange(context, input.Cidr);
    const used = context.db.firstBy(addresses, 'pool', row.poolId);
    if (used !== undefined) {
      throw new ApiError(
        'IncorrectState',
        `The range ${row.cidr} is in use: ${used.publicIp} is allocated. Release its addresses first.`,
      );
    }
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
