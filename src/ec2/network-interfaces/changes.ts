import type {
  AttachNetworkInterfaceRequest,
  AttachNetworkInterfaceResult,
  CreateNetworkInterfaceRequest,
  CreateNetworkInterfaceResult,
  DeleteNetworkInterfaceRequest,
  DetachNetworkInterfaceRequest,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { resolveGroups } from '../security-groups/resolve.ts';
import { subnets } from '../subnets/model.ts';
import { parseTagSpecifications } from '../tags/model.ts';
import { attachToInstance, detachFromInstance } from './attachments.ts';
import { createNetworkInterface, deleteNetworkInterface } from './lifecycle.ts';
import { refuseManaged } from './managed.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';
import { checkDescription } from './modify.ts';
import { mayUse, removePermissions } from './permissions.ts';
import { renderNetworkInterface } from './render.ts';
import { checkTypes, requestedType } from './types.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html */
const createInterface = writeOperation<CreateNetworkInterfaceRequest, CreateNetworkInterfaceResult>({
  service: 'ec2',
  name: 'CreateNetworkInterface',
  resources: (input, context) => [
    arn(context, 'network-interface'),
    arn(context, 'subnet', input.SubnetId),
    ...arns(context, 'security-group', input.Groups),
  ],
  run: (input, context) => {
    const { db, owner } = context;
    refuseUnsupported(input);
    const subnet = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    const tags = parseTagSpecifications(input.TagSpecifications, ['network-interface'])['network-interface'];
    const groupIds = resolveGroups(context, { ids: input.Groups, vpcId: subnet.vpcId, subnetId: subnet.subnetId });
    checkLimit(
      db.countBy(networkInterfaces, 'owner', owner),
      networkLimits.networkInterfaces,
      'NetworkInterfaceLimitExceeded',
      'network interfaces',
    );
    const { primary, secondary } = wantedAddresses(input);
    const row = createNetworkInterface(context, {
      subnet,
      groupIds,
      description: checkDescription(input.Description ?? ''),
      interfaceType: requestedType(input.InterfaceType),
      privateIpAddress: primary,
      secondaryPrivateIpAddresses: secondary,
      secondaryPrivateIpAddressCount: count('secondaryPrivateIpAddressCount', input.SecondaryPrivateIpAddressCount),
      ipv4Prefixes: (input.Ipv4Prefixes ?? []).map(one => one.Ipv4Prefix ?? ''),
      ipv4PrefixCount: count('ipv4PrefixCount', input.Ipv4PrefixCount),
      ipv6Addresses: (input.Ipv6Addresses ?? []).map(one => one.Ipv6Address ?? ''),
      ipv6AddressCount:
        count('ipv6AddressCount', input.Ipv6AddressCount) ||
        (subnet.assignIpv6AddressOnCreation === true && noIpv6(input) ? 1 : 0),
      ipv6Prefixes: (input.Ipv6Prefixes ?? []).map(one => one.Ipv6Prefix ?? ''),
      ipv6PrefixCount: count('ipv6PrefixCount', input.Ipv6PrefixCount),
      primaryIpv6: input.EnablePrimaryIpv6,
      associatePublicIp: false,
      tags,
    });
    return { NetworkInterface: renderNetworkInterface(db, row), ClientToken: input.ClientToken };
  },
});

function noIpv6(input: CreateNetworkInterfaceRequest): boolean {
  return (input.Ipv6Addresses ?? []).length === 0 && input.Ipv6AddressCount === undefined;
}

/** The primary and the other private addresses that a request names. @throws ApiError for contradictions. */
function wantedAddresses(input: CreateNetworkInterfaceRequest): { primary: string | undefined; secondary: string[] } {
  let primary = input.PrivateIpAddress;
  const secondary: string[] = [];
  for (const { PrivateIpAddress: address, Primary: isPrimary } of input.PrivateIpAddresses ?? []) {
    if (address === undefined)
      throw new ApiError('MissingParameter', 'Each of privateIpAddresses requires a privateIpAddress.');
    if (isPrimary !== true) secondary.push(address);
    else if (primary === undefined) primary = address;
    else throw new ApiError('InvalidParameterCombination', 'Only one primary private IP address can be specified.');
  }
  if (secondary.length > 0 && (input.SecondaryPrivateIpAddressCount ?? 0) > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Give secondaryPrivateIpAddressCount or private addresses, not both.',
    );
  }
  return { primary, secondary };
}

function count(name: string, value = 0): number {
  if (Number.isInteger(value) && value >= 0 && value <= 256) return value;
  throw new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. Use 0 to 256.`);
}

function refuseUnsupported(input: CreateNetworkInterfaceRequest): void {
  const other = (['ConnectionTrackingSpecification', 'Operator'] as const).find(name => input[name] !== undefined);
  if (other !== undefined) {
    throw new ApiError('UnsupportedOperation', `The parameter ${other} is not supported by this version of Fogbank.`);
  }
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html */
const deleteInterface = writeOperation<DeleteNetworkInterfaceRequest, object>({
  service: 'ec2',
  name: 'DeleteNetworkInterface',
  resources: (input, context) => [arn(context, 'network-interface', input.NetworkInterfaceId)],
  run: (input, context) => {
    const row = findById(context, networkInterfaces, idKinds.networkInterface, input.NetworkInterfaceId ?? '');
    refuseManaged(row);
    if (row.attachment !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `Network interface '${row.networkInterfaceId}' is currently in use. Detach it first.`,
      );
    }
    removePermissions(context.db, row.networkInterfaceId);
    deleteNetworkInterface(context.db, row.networkInterfaceId);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachNetworkInterface.html */
const attachInterface = writeOperation<AttachNetworkInterfaceRequest, AttachNetworkInterfaceResult>({
  service: 'ec2',
  name: 'AttachNetworkInterface',
  resources: (input, context) => [
    arn(context, 'instance', input.InstanceId),
    arn(context, 'network-interface', input.NetworkInterfaceId),
  ],
  run: (input, context) => {
    const id = input.NetworkInterfaceId ?? '';
    const row = findById(context, networkInterfaces, idKinds.networkInterface, id, one =>
      mayUse(context, one, 'INSTANCE-ATTACH'),
    );
    const instance = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const { DeviceIndex: deviceIndex = -1, NetworkCardIndex: networkCardIndex = 0 } = input;
    if (networkCardIndex !== 0 || input.EnaSrdSpecification !== undefined || input.EnaQueueCount !== undefined)
      throw new ApiError('UnsupportedOperation', 'Instances have one network card here, without further options.');
    refuseManaged(row);
    checkAttachable(context, row, instance, deviceIndex);
    const { attachment } = attachToInstance(context, row, instance, deviceIndex);
    return { AttachmentId: attachment?.attachmentId, NetworkCardIndex: networkCardIndex };
  },
});

function checkAttachable(
  context: WriteContext,
  row: NetworkInterfaceRow,
  instance: InstanceRow,
  deviceIndex: number,
): void {
  if (row.attachment !== undefined)
    throw new ApiError('InvalidNetworkInterface.InUse', `Interface: [${row.networkInterfaceId}] in use.`);
  if (instance.state !== 'running' && instance.state !== 'stopped') {
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${instance.instanceId}' is ${instance.state}. Attach an interface while it is running or stopped.`,
    );
  }
  if (row.availabilityZone !== instance.availabilityZone) {
    throw new ApiError(
      'InvalidParameterCombination',
      `You may not attach a network interface to an instance if they are not in the same availability zone: ${row.availabilityZone} and ${instance.availabilityZone}.`,
    );
  }
  if (row.vpcId !== instance.vpcId) {
    throw new ApiError(
      'UnsupportedOperation',
      'Network interfaces in several VPCs on one instance are not supported yet. Use a subnet of the same VPC.',
    );
  }
  if (!Number.isInteger(deviceIndex) || deviceIndex < 0 || deviceIndex > 254)
    throw new ApiError('InvalidParameterValue', `Value (${deviceIndex}) for parameter deviceIndex is invalid.`);
  const present = instance.networkInterfaceIds.flatMap(id => context.db.get(networkInterfaces, id) ?? []);
  if (present.some(one => one.attachment?.deviceIndex === deviceIndex)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Instance '${instance.instanceId}' already has an interface attached at device index '${deviceIndex}'.`,
    );
  }
  const type = instanceType(instance.instanceType);
  if (type === undefined) throw new Error(`instance type ${instance.instanceType} is unknown`);
  if (present.length >= type.maximumInterfaces) {
    throw new ApiError(
      'AttachmentLimitExceeded',
      `Interface count ${present.length + 1} exceeds the limit for ${type.name}: it may have ${type.maximumInterfaces}.`,
    );
  }
  checkTypes(type, [...present, row]);
  if (row.interfaceType === 'efa' && instance.state !== 'stopped') {
    throw new ApiError(
      'IncorrectInstanceState',
      `An Elastic Fabric Adapter is attached at launch or while the instance is stopped; '${instance.instanceId}' is ${instance.state}.`,
    );
  }
  const ipv4 = row.privateIpAddresses.length + (row.ipv4Prefixes ?? []).length;
  if (ipv4 > type.ipv4AddressesPerInterface) {
    throw new ApiError(
      'PrivateIpAddressLimitExceeded',
      `${type.name} allows ${type.ipv4AddressesPerInterface} private IPv4 addresses and prefixes for an interface; ${row.networkInterfaceId} has ${ipv4}.`,
    );
  }
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html */
const detachInterface = writeOperation<DetachNetworkInterfaceRequest, object>({
  service: 'ec2',
  name: 'DetachNetworkInterface',
  resources: (input, context) => {
    const row = attachedBy(context, input.AttachmentId);
    return [
      arn(context, 'instance', row?.attachment?.instanceId),
      arn(context, 'network-interface', row?.networkInterfaceId),
    ];
  },
  run: (input, context) => {
    const id = input.AttachmentId ?? '';
    if (!/^eni-attach-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(id)) {
      throw new ApiError(
        'InvalidNetworkInterfaceAttachmentId.Malformed',
        `Invalid id: "${id}" (expecting "eni-attach-...")`,
      );
    }
    const row = attachedBy(context, id);
    if (row?.attachment === undefined)
      throw new ApiError('InvalidAttachmentID.NotFound', `The networkInterface attachment '${id}' does not exist.`);
    refuseManaged(row);
    if (row.attachment.deviceIndex === 0) {
      throw new ApiError(
        'OperationNotPermitted',
        'The network interface at device index 0 and networkCard index 0 cannot be detached.',
      );
    }
    const state = context.db.get(instances, row.attachment.instanceId)?.state;
    if (row.interfaceType === 'efa' && state === 'running') {
      throw new ApiError(
        'IncorrectInstanceState',
        `An Elastic Fabric Adapter cannot be detached from a running instance. Stop '${row.attachment.instanceId}' first.`,
      );
    }
    detachFromInstance(context.db, row, input.Force === true);
    return {};
  },
});

function attachedBy(context: ReadContext, attachmentId: string | undefined): NetworkInterfaceRow | undefined {
  const row = context.db.firstBy(networkInterfaces, 'attachment', attachmentId ?? '');
  return row?.owner === context.owner ? row : undefined;
}

export const networkInterfaceChanges: readonly AnyOperation[] = [
  createInterface,
  deleteInterface,
  attachInterface,
  detachInterface,
];
