import type {
  AssignPrivateNatGatewayAddressRequest,
  AssignPrivateNatGatewayAddressResult,
  AssociateNatGatewayAddressRequest,
  AssociateNatGatewayAddressResult,
  DisassociateNatGatewayAddressRequest,
  DisassociateNatGatewayAddressResult,
  UnassignPrivateNatGatewayAddressRequest,
  UnassignPrivateNatGatewayAddressResult,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { associationOf } from '../addresses/association.ts';
import { findAllocation } from '../addresses/find.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { networkLimits } from '../network-limits.ts';
import { subnets } from '../subnets/model.ts';
import { addSecondary } from './lifecycle.ts';
import { type NatGatewayRow, natGateways } from './model.ts';
import { addressesOf, renderNatGatewayAddress } from './render.ts';

/** @throws ApiError `AddressLimitExceeded` beyond the Elastic IP addresses that a NAT gateway may have. */
export function checkElasticCount(count: number): void {
  if (count <= networkLimits.elasticIpsPerNatGateway) return;
  throw new ApiError(
    'AddressLimitExceeded',
    `A NAT gateway can have ${networkLimits.elasticIpsPerNatGateway} Elastic IP addresses; it would have ${count}.`,
  );
}

/** @throws ApiError `InvalidParameterValue`, `PrivateIpAddressLimitExceeded`. */
export function checkPrivateCount(total: number, asked: number): void {
  if (!Number.isInteger(asked) || asked < 0) {
    throw new ApiError(
      'InvalidParameterValue',
      `The number of private addresses is a whole number and not negative; ${asked} is not.`,
    );
  }
  if (total <= networkLimits.privateIpsPerNatGateway) return;
  throw new ApiError(
    'PrivateIpAddressLimitExceeded',
    `A NAT gateway can have ${networkLimits.privateIpsPerNatGateway} private IPv4 addresses; it would have ${total}.`,
  );
}

interface Found {
  readonly row: NatGatewayRow;
  readonly card: NetworkInterfaceRow;
}

/** A NAT gateway whose addresses may be changed. @throws ApiError also `IncorrectState`, `UnsupportedOperation`. */
function findAvailable(
  context: WriteContext,
  id: string | undefined,
  type: NatGatewayRow['connectivityType'],
  remedy: string,
): Found {
  const row = findById(context, natGateways, idKinds.natGateway, id ?? '');
  if (row.connectivityType !== type) {
    throw new ApiError('InvalidParameter', `${row.natGatewayId} is a ${row.connectivityType} NAT gateway. ${remedy}`);
  }
  const card = row.networkInterfaceId && context.db.get(networkInterfaces, row.networkInterfaceId);
  if (row.state !== 'available' || !card) {
    throw new ApiError(
      'IncorrectState',
      `The NAT gateway ${row.natGatewayId} is ${row.state}. Its addresses can be changed while it is available.`,
    );
  }
  return { row, card };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateNatGatewayAddress.html */
const associateNatGatewayAddress = writeOperation<AssociateNatGatewayAddressRequest, AssociateNatGatewayAddressResult>({
  service: 'ec2',
  name: 'AssociateNatGatewayAddress',
  resources: (input, context) => [
    arn(context, 'natgateway', input.NatGatewayId),
    ...arns(context, 'elastic-ip', input.AllocationIds ?? ['*']),
  ],
  run: (input, context) => {
    if (input.AvailabilityZone !== undefined || input.AvailabilityZoneId !== undefined)
      throw new ApiError('UnsupportedOperation', 'Zones are for regional NAT gateways, which are not supported.');
    const found = findAvailable(context, input.NatGatewayId, 'public', 'Use AssignPrivateNatGatewayAddress.');
    const elastic = [...new Set(input.AllocationIds ?? [])].map(id => findAllocation(context, id));
    if (elastic.length === 0)
      throw new ApiError('MissingParameter', 'The request must contain the parameter allocationIds');
    const taken = elastic.find(one => associationOf(context.db, one) !== undefined);
    if (taken !== undefined) {
      throw new ApiError(
        'Resource.AlreadyAssociated',
        `Elastic IP address [${taken.allocationId}] is already associated`,
      );
    }
    const secondary = input.PrivateIpAddresses ?? [];
    if (secondary.length > elastic.length) {
      throw new ApiError(
        'InvalidParameterCombination',
        `Each of PrivateIpAddresses needs one of AllocationIds: there are ${secondary.length} and ${elastic.length}.`,
      );
    }
    checkElasticCount(found.card.privateIpAddresses.length + elastic.length);
    const count = elastic.length - secondary.length;
    return added(context, found, { secondary, count, elastic }, 'associating');
  },
});

/**
 * What goes through an address ends with it: connections are not drained.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateNatGatewayAddress.html
 */
const disassociateNatGatewayAddress = writeOperation<
  DisassociateNatGatewayAddressRequest,
  DisassociateNatGatewayAddressResult
>({
  service: 'ec2',
  name: 'DisassociateNatGatewayAddress',
  resources: (input, context) => {
    const card = input.AssociationIds?.flatMap(
      id => context.db.firstBy(networkInterfaces, 'association', id) ?? [],
    ).find(one => one.owner === context.owner);
    const allocations = card?.privateIpAddresses.flatMap(one =>
      one.associationId !== undefined && input.AssociationIds?.includes(one.associationId) === true
        ? (one.allocationId ?? [])
        : [],
    );
    return [
      arn(context, 'natgateway', input.NatGatewayId),
      ...arns(context, 'elastic-ip', allocations === undefined ? ['*'] : allocations),
    ];
  },
  run: (input, context) => {
    refuseDraining(input.MaxDrainDurationSeconds);
    const found = findAvailable(context, input.NatGatewayId, 'public', 'Use UnassignPrivateNatGatewayAddress.');
    const ids = new Set(input.AssociationIds ?? []);
    const missing = [...ids].find(id => !found.card.privateIpAddresses.some(one => one.associationId === id));
    if (missing !== undefined) {
      throw new ApiError(
        'InvalidAssociationID.NotFound',
        `The association ID '${missing}' does not exist on ${found.row.natGatewayId}`,
      );
    }
    return removed(context, found, one => ids.has(one.associationId ?? ''), 'disassociating');
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateNatGatewayAddress.html */
const assignPrivateNatGatewayAddress = writeOperation<
  AssignPrivateNatGatewayAddressRequest,
  AssignPrivateNatGatewayAddressResult
>({
  service: 'ec2',
  name: 'AssignPrivateNatGatewayAddress',
  resources: (input, context) => [arn(context, 'natgateway', input.NatGatewayId)],
  run: (input, context) => {
    const found = findAvailable(context, input.NatGatewayId, 'private', 'Use AssociateNatGatewayAddress.');
    const secondary = input.PrivateIpAddresses ?? [];
    const count = input.PrivateIpAddressCount ?? 0;
    if (secondary.length > 0 === count > 0) {
      throw new ApiError(
        secondary.length > 0 ? 'InvalidParameterCombination' : 'MissingParameter',
        'Give either PrivateIpAddresses or PrivateIpAddressCount.',
      );
    }
    checkPrivateCount(found.card.privateIpAddresses.length + secondary.length + count, count);
    return added(context, found, { secondary, count, elastic: [] }, 'assigning');
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignPrivateNatGatewayAddress.html */
const unassignPrivateNatGatewayAddress = writeOperation<
  UnassignPrivateNatGatewayAddressRequest,
  UnassignPrivateNatGatewayAddressResult
>({
  service: 'ec2',
  name: 'UnassignPrivateNatGatewayAddress',
  resources: (input, context) => [arn(context, 'natgateway', input.NatGatewayId)],
  run: (input, context) => {
    refuseDraining(input.MaxDrainDurationSeconds);
    const found = findAvailable(context, input.NatGatewayId, 'private', 'Use DisassociateNatGatewayAddress.');
    const wanted = new Set(input.PrivateIpAddresses ?? []);
    const missing = [...wanted].find(ip => !found.card.privateIpAddresses.some(one => one.address === ip));
    if (missing !== undefined)
      throw new ApiError('InvalidParameterValue', `${found.row.natGatewayId} does not have the address ${missing}.`);
    return removed(context, found, one => wanted.has(one.address), 'unassigning');
  },
});

function refuseDraining(seconds: number | undefined): void {
  if (seconds === undefined) return;
  throw new ApiError(
    'UnsupportedOperation',
    'Connections over an address that is taken away end at once. Leave MaxDrainDurationSeconds out.',
  );
}

function added(
  context: WriteContext,
  { row, card }: Found,
  wanted: Parameters<typeof addSecondary>[3],
  status: 'associating' | 'assigning',
) {
  const subnet = findById(context, subnets, idKinds.subnet, row.subnetId);
  addSecondary(context, card, subnet, wanted);
  const present = new Set(card.privateIpAddresses.map(one => one.address));
  const fresh = addressesOf(context.db, row).filter(one => !present.has(one.privateIp ?? ''));
  return {
    NatGatewayId: row.natGatewayId,
    NatGatewayAddresses: fresh.map(one => renderNatGatewayAddress(one, status)),
  };
}

function removed(
  context: WriteContext,
  { row, card }: Found,
  goes: (one: NetworkInterfaceRow['privateIpAddresses'][number]) => boolean,
  status: 'disassociating' | 'unassigning',
) {
  if (card.privateIpAddresses.some(one => one.primary && goes(one))) {
    throw new ApiError(
      'InvalidParameterValue',
      `The primary address of ${row.natGatewayId} stays. Delete the NAT gateway if it is no longer needed.`,
    );
  }
  const going = new Set(card.privateIpAddresses.filter(goes).map(one => one.address));
  const before = addressesOf(context.db, row).filter(one => going.has(one.privateIp ?? ''));
  context.db.put(networkInterfaces, {
    ...card,
    privateIpAddresses: card.privateIpAddresses.filter(one => !going.has(one.address)),
  });
  return {
    NatGatewayId: row.natGatewayId,
    NatGatewayAddresses: before.map(one => renderNatGatewayAddress(one, status)),
  };
}

export const natAddressOperations: readonly AnyOperation[] = [
  associateNatGatewayAddress,
  disassociateNatGatewayAddress,
  assignPrivateNatGatewayAddress,
  unassignPrivateNatGatewayAddress,
];
