import type {
  AssignIpv6AddressesRequest,
  AssignIpv6AddressesResult,
  AssignPrivateIpAddressesRequest,
  AssignPrivateIpAddressesResult,
  UnassignIpv6AddressesRequest,
  UnassignIpv6AddressesResult,
  UnassignPrivateIpAddressesRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { instances } from '../instances/model.ts';
import { subnets } from '../subnets/model.ts';
import { formatIpv6, parseIpv6 } from './ipv6.ts';
import { addAddresses } from './lifecycle.ts';
import { refuseManaged } from './managed.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

const target = (input: { readonly NetworkInterfaceId?: string | undefined }, context: ReadContext) => [
  arn(context, 'network-interface', input.NetworkInterfaceId),
];

function find(context: WriteContext, id: string | undefined): NetworkInterfaceRow {
  const row = findById(context, networkInterfaces, idKinds.networkInterface, id ?? '');
  refuseManaged(row);
  return row;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateIpAddresses.html */
const assignPrivateIpAddresses = writeOperation<AssignPrivateIpAddressesRequest, AssignPrivateIpAddressesResult>({
  service: 'ec2',
  name: 'AssignPrivateIpAddresses',
  resources: target,
  run: (input, context) => {
    const row = find(context, input.NetworkInterfaceId);
    oneWay(
      [input.PrivateIpAddresses, input.Ipv4Prefixes],
      [input.SecondaryPrivateIpAddressCount, input.Ipv4PrefixCount],
      'secondaryPrivateIpAddressCount or privateIpAddresses or ipv4PrefixCount or ipv4Prefixes',
    );
    const addresses = input.PrivateIpAddresses ?? [];
    for (const address of addresses) takeOver(context, row, address, input.AllowReassignment === true);
    const changed = addAddresses(context.db, row, subnetOf(context, row), {
      privateIpAddresses: addresses,
      privateIpAddressCount: input.SecondaryPrivateIpAddressCount,
      ipv4Prefixes: input.Ipv4Prefixes,
      ipv4PrefixCount: input.Ipv4PrefixCount,
    });
    checkLimits(context, changed);
    const before = new Set(row.privateIpAddresses.map(one => one.address));
    const prefixes = new Set(row.ipv4Prefixes ?? []);
    return {
      NetworkInterfaceId: row.networkInterfaceId,
      AssignedPrivateIpAddresses: changed.privateIpAddresses
        .filter(one => !before.has(one.address))
        .map(one => ({ PrivateIpAddress: one.address })),
      AssignedIpv4Prefixes: (changed.ipv4Prefixes ?? [])
        .filter(one => !prefixes.has(one))
        .map(Ipv4Prefix => ({ Ipv4Prefix })),
    };
  },
});

/** Takes a secondary address from the interface that has it, where the request allows that. */
function takeOver(context: WriteContext, row: NetworkInterfaceRow, address: string, allowed: boolean): void {
  const { db } = context;
  const holder = db.firstBy(networkInterfaces, 'privateIp', `${row.vpcId} ${address}`);
  if (holder === undefined || holder.networkInterfaceId === row.networkInterfaceId) return;
  const isPrimary = holder.privateIpAddresses.some(one => one.address === address && one.primary);
  if (!allowed || isPrimary || holder.requesterManaged || holder.owner !== row.owner) {
    throw new ApiError(
      'InvalidParameterValue',
      `[${address}] is already assigned to another interface: ${isPrimary ? 'as its primary address, which cannot move' : 'allow its reassignment to move it'}.`,
    );
  }
  db.put(networkInterfaces, {
    ...holder,
    privateIpAddresses: holder.privateIpAddresses.filter(one => one.address !== address),
  });
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignPrivateIpAddresses.html */
const unassignPrivateIpAddresses = writeOperation<UnassignPrivateIpAddressesRequest, object>({
  service: 'ec2',
  name: 'UnassignPrivateIpAddresses',
  resources: target,
  run: (input, context) => {
    const row = find(context, input.NetworkInterfaceId);
    const gone = new Set(input.PrivateIpAddresses ?? []);
    const prefixes = new Set(input.Ipv4Prefixes ?? []);
    if (gone.size + prefixes.size === 0)
      throw new ApiError(
        'MissingParameter',
        'The request must contain the parameter privateIpAddresses or ipv4Prefixes',
      );
    const secondary = row.privateIpAddresses.filter(one => !one.primary).map(one => one.address);
    const missing = [...gone].find(one => !secondary.includes(one)) ?? absent(prefixes, row.ipv4Prefixes);
    if (missing !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `Some of the specified addresses are not assigned to interface ${row.networkInterfaceId}, or are its primary address: ${missing}`,
      );
    }
    context.db.put(networkInterfaces, {
      ...row,
      privateIpAddresses: row.privateIpAddresses.filter(one => !gone.has(one.address)),
      ipv4Prefixes: (row.ipv4Prefixes ?? []).filter(one => !prefixes.has(one)),
    });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignIpv6Addresses.html */
const assignIpv6Addresses = writeOperation<AssignIpv6AddressesRequest, AssignIpv6AddressesResult>({
  service: 'ec2',
  name: 'AssignIpv6Addresses',
  resources: target,
  run: (input, context) => {
    const row = find(context, input.NetworkInterfaceId);
    oneWay(
      [input.Ipv6Addresses, input.Ipv6Prefixes],
      [input.Ipv6AddressCount, input.Ipv6PrefixCount],
      'ipv6AddressCount or ipv6Addresses or ipv6PrefixCount or ipv6Prefixes',
    );
    const changed = addAddresses(context.db, row, subnetOf(context, row), {
      ipv6Addresses: input.Ipv6Addresses,
      ipv6AddressCount: input.Ipv6AddressCount,
      ipv6Prefixes: input.Ipv6Prefixes,
      ipv6PrefixCount: input.Ipv6PrefixCount,
    });
    checkLimits(context, changed);
    return {
      NetworkInterfaceId: row.networkInterfaceId,
      AssignedIpv6Addresses: (changed.ipv6Addresses ?? []).slice((row.ipv6Addresses ?? []).length),
      AssignedIpv6Prefixes: (changed.ipv6Prefixes ?? []).slice((row.ipv6Prefixes ?? []).length),
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignIpv6Addresses.html */
const unassignIpv6Addresses = writeOperation<UnassignIpv6AddressesRequest, UnassignIpv6AddressesResult>({
  service: 'ec2',
  name: 'UnassignIpv6Addresses',
  resources: target,
  run: (input, context) => {
    const row = find(context, input.NetworkInterfaceId);
    const gone = new Set((input.Ipv6Addresses ?? []).map(one => formatIpv6(parseIpv6(one) ?? -1n)));
    const prefixes = new Set(input.Ipv6Prefixes ?? []);
    if (gone.size + prefixes.size === 0)
      throw new ApiError('MissingParameter', 'The request must contain the parameter ipv6Addresses or ipv6Prefixes');
    const missing = absent(gone, row.ipv6Addresses) ?? absent(prefixes, row.ipv6Prefixes);
    if (missing !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `The address ${missing} is not assigned to interface ${row.networkInterfaceId}.`,
      );
    }
    const [primary = ''] = row.ipv6Addresses ?? [];
    if (row.primaryIpv6 === true && gone.has(primary)) {
      throw new ApiError(
        'InvalidParameterValue',
        `The address ${primary} is the primary IPv6 address of ${row.networkInterfaceId}, which stays.`,
      );
    }
    context.db.put(networkInterfaces, {
      ...row,
      ipv6Addresses: (row.ipv6Addresses ?? []).filter(one => !gone.has(one)),
      ipv6Prefixes: (row.ipv6Prefixes ?? []).filter(one => !prefixes.has(one)),
    });
    return {
      NetworkInterfaceId: row.networkInterfaceId,
      UnassignedIpv6Addresses: [...gone],
      UnassignedIpv6Prefixes: [...prefixes],
    };
  },
});

function absent(wanted: ReadonlySet<string>, present: readonly string[] = []): string | undefined {
  return [...wanted].find(one => !present.includes(one));
}

/** @throws ApiError unless exactly one of the ways to say what is wanted is used. */
function oneWay(
  lists: readonly (readonly string[] | undefined)[],
  counts: readonly (number | undefined)[],
  names: string,
): void {
  const used =
    lists.filter(one => one !== undefined && one.length > 0).length + counts.filter(one => one !== undefined).length;
  if (used === 0) throw new ApiError('MissingParameter', `The request must contain the parameter ${names}`);
  if (used > 1) throw new ApiError('InvalidParameterCombination', `Give one of ${names}.`);
  const wrong = counts.find(one => one !== undefined && (!Number.isInteger(one) || one < 1 || one > 256));
  if (wrong !== undefined)
    throw new ApiError('InvalidParameterValue', `Value (${wrong}) for a number of addresses is invalid. Use 1 to 256.`);
}

function subnetOf(context: WriteContext, row: NetworkInterfaceRow) {
  return findById(context, subnets, idKinds.subnet, row.subnetId);
}

/** @throws ApiError `PrivateIpAddressLimitExceeded`, `InvalidInterface.IpAddressLimitExceeded`, by the instance's type. */
function checkLimits(context: WriteContext, row: NetworkInterfaceRow): void {
  const instance = context.db.get(instances, row.attachment?.instanceId ?? '');
  const type = instance && instanceType(instance.instanceType);
  if (type === undefined) return;
  const ipv4 = row.privateIpAddresses.length + (row.ipv4Prefixes ?? []).length;
  if (ipv4 > type.ipv4AddressesPerInterface) {
    throw new ApiError(
      'PrivateIpAddressLimitExceeded',
      `Number of private addresses will exceed limit: ${type.name} allows ${type.ipv4AddressesPerInterface} for an interface.`,
    );
  }
  const ipv6 = (row.ipv6Addresses ?? []).length + (row.ipv6Prefixes ?? []).length;
  if (ipv6 > type.ipv6AddressesPerInterface) {
    throw new ApiError(
      'InvalidInterface.IpAddressLimitExceeded',
      `Number of IPv6 addresses will exceed limit: ${type.name} allows ${type.ipv6AddressesPerInterface} for an interface.`,
    );
  }
}

export const assignOperations: readonly AnyOperation[] = [
  assignPrivateIpAddresses,
  unassignPrivateIpAddresses,
  assignIpv6Addresses,
  unassignIpv6Addresses,
];
