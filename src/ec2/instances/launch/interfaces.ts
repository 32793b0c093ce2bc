import type { InstanceNetworkInterfaceSpecification, RunInstancesRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';
import { findById, idKinds } from '../../../api/ids.ts';
import type { ReadContext } from '../../../api/operation.ts';
import type { NewAddresses } from '../../network-interfaces/lifecycle.ts';
import { refuseManaged } from '../../network-interfaces/managed.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../../network-interfaces/model.ts';
import { requestedType } from '../../network-interfaces/types.ts';
import { zonesOf } from '../../regions/zones.ts';
import { resolveGroups } from '../../security-groups/resolve.ts';
import { chooseSubnet } from '../../subnets/choose.ts';
import { type SubnetRow, subnets } from '../../subnets/model.ts';

/** An interface that each instance of a launch gets: an existing one, or a new one as described. */
export type InterfacePlan =
  | { readonly kind: 'existing'; readonly row: NetworkInterfaceRow; readonly deviceIndex: number }
  | {
      readonly kind: 'new';
      readonly deviceIndex: number;
      readonly subnet: SubnetRow;
      readonly groupIds: readonly string[];
      readonly interfaceType: 'interface' | 'efa';
      readonly description: string;
      readonly privateIpAddress?: string;
      readonly secondaryAddresses: readonly string[];
      readonly secondaryCount: number;
      /** IPv6 addresses, and prefixes. */
      readonly further: NewAddresses;
      readonly primaryIpv6: boolean;
      readonly associatePublicIp: boolean;
      readonly deleteOnTermination: boolean;
    };

export interface InterfaceLimits {
  readonly instanceType: string;
  readonly maximumInterfaces: number;
  readonly addressesPerInterface: number;
  readonly ipv6AddressesPerInterface: number;
}

/**
 * Decides the interfaces of a launch, by device index; the first is the primary one.
 * @throws ApiError with EC2's codes for combinations and limits.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
 */
export function planInterfaces(
  context: ReadContext,
  input: RunInstancesRequest,
  limits: InterfaceLimits,
): InterfacePlan[] {
  const specifications = input.NetworkInterfaces ?? [];
  if (specifications.length === 0) return [planDefault(context, input, limits)];
  refuseCombination(input);
  if (specifications.length > limits.maximumInterfaces) {
    throw new ApiError(
      'InvalidParameterValue',
      `Interface count ${specifications.length} exceeds the limit for ${limits.instanceType}: it may have ${limits.maximumInterfaces}.`,
    );
  }
  const plans = specifications
    .map(one => planOne(context, input, one, limits, specifications.length))
    .sort((a, b) => a.deviceIndex - b.deviceIndex);
  for (const [index, plan] of plans.entries()) {
    if (index > 0 && plans[index - 1]?.deviceIndex === plan.deviceIndex) {
      throw new ApiError(
        'InvalidParameterValue',
        `The device index ${plan.deviceIndex} is used by more than one network interface.`,
      );
    }
  }
  const [primary] = plans;
  if (primary?.deviceIndex !== 0)
    throw new ApiError(
      'InvalidParameterCombination',
      'A network interface with device index 0 is needed: the primary one.',
    );
  const zones = new Set(plans.map(plan => (plan.kind === 'new' ? plan.subnet : plan.row).availabilityZone));
  if (zones.size > 1)
    throw new ApiError(
      'InvalidParameterCombination',
      'All network interfaces of an instance must be in one Availability Zone.',
    );
  const networks = new Set(plans.map(plan => (plan.kind === 'new' ? plan.subnet : plan.row).vpcId));
  if (networks.size > 1)
    throw new ApiError(
      'UnsupportedOperation',
      'Network interfaces in several VPCs on one instance are not supported yet. Use subnets of one VPC.',
    );
  return plans;
}

/** The subnet or zone that decides where the instance runs. */
export function placementOf(db: ReadContext['db'], plans: readonly InterfacePlan[]): SubnetRow {
  const primary = plans[0];
  const subnet =
    primary === undefined ? undefined : primary.kind === 'new' ? primary.subnet : db.get(subnets, primary.row.subnetId);
  if (subnet === undefined) throw new Error('a launch without a primary interface was planned');
  return subnet;
}

function planDefault(context: ReadContext, input: RunInstancesRequest, limits: InterfaceLimits): InterfacePlan {
  if (input.SubnetId !== undefined && (input.SecurityGroups?.length ?? 0) > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter groupName cannot be used with the parameter subnet. Give group ids instead.',
    );
  }
  const subnet = chooseSubnet(context, {
    subnetId: input.SubnetId,
    availabilityZone: zoneOf(context, input),
    addresses: input.MaxCount,
  });
  return {
    kind: 'new',
    deviceIndex: 0,
    subnet,
    groupIds: resolveGroups(context, {
      ids: input.SecurityGroupIds,
      names: input.SecurityGroups,
      vpcId: subnet.vpcId,
      subnetId: subnet.subnetId,
    }),
    interfaceType: 'interface',
    description: '',
    ...(input.PrivateIpAddress === undefined ? {} : { privateIpAddress: input.PrivateIpAddress }),
    secondaryAddresses: [],
    secondaryCount: 0,
    further: furtherAddresses(input, subnet, limits),
    primaryIpv6: input.EnablePrimaryIpv6 === true,
    associatePublicIp: subnet.mapPublicIpOnLaunch,
    deleteOnTermination: true,
  };
}

function refuseCombination(input: RunInstancesRequest): void {
  const together = (what: string) =>
    new ApiError(
      'InvalidParameterCombination',
      `Network interfaces and an instance-level ${what} may not be specified on the same request`,
    );
  if (input.SubnetId !== undefined) throw together('subnet ID');
  if ((input.SecurityGroupIds?.length ?? 0) > 0 || (input.SecurityGroups?.length ?? 0) > 0)
    throw together('security groups');
  if (input.PrivateIpAddress !== undefined) throw together('private address');
  if (input.EnablePrimaryIpv6 === true) throw together('primary IPv6 address');
  if ((input.Ipv6AddressCount ?? 0) > 0 || (input.Ipv6Addresses?.length ?? 0) > 0) throw together('IPv6 addresses');
}

function planOne(
  context: ReadContext,
  input: RunInstancesRequest,
  one: InstanceNetworkInterfaceSpecification,
  limits: InterfaceLimits,
  total: number,
): InterfacePlan {
  const deviceIndex = one.DeviceIndex;
  if (deviceIndex === undefined)
    throw new ApiError('MissingParameter', 'Each network interface requires a device index.');
  if (!Number.isInteger(deviceIndex) || deviceIndex < 0)
    throw new ApiError('InvalidParameterValue', `The device index ${deviceIndex} is invalid.`);
  refuseUnsupported(one);
  if (one.NetworkInterfaceId !== undefined) return planExisting(context, input, one, deviceIndex);
  if (one.AssociatePublicIpAddress === true && (total > 1 || deviceIndex !== 0)) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.',
    );
  }
  const subnet = chooseSubnet(context, {
    subnetId: one.SubnetId,
    availabilityZone: zoneOf(context, input),
    addresses: input.MaxCount,
  });
  const { primary, secondary } = addressesOf(one);
  const secondaryCount = one.SecondaryPrivateIpAddressCount ?? 0;
  if (secondary.length > 0 && secondaryCount > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Give secondaryPrivateIpAddressCount or private addresses, not both.',
    );
  }
  const further = furtherAddresses(one, subnet, limits);
  const prefixes = (further.ipv4Prefixes ?? []).length + (further.ipv4PrefixCount ?? 0);
  const total4 = 1 + secondary.length + secondaryCount + prefixes;
  if (total4 > limits.addressesPerInterface) {
    throw new ApiError(
      'PrivateIpAddressLimitExceeded',
      `${limits.instanceType} allows ${limits.addressesPerInterface} private IPv4 addresses for an interface; the request asks for ${total4}.`,
    );
  }
  return {
    kind: 'new',
    deviceIndex,
    subnet,
    groupIds: resolveGroups(context, { ids: one.Groups, vpcId: subnet.vpcId, subnetId: subnet.subnetId }),
    interfaceType: requestedType(one.InterfaceType),
    description: one.Description ?? '',
    ...(primary === undefined ? {} : { privateIpAddress: primary }),
    secondaryAddresses: secondary,
    secondaryCount,
    further,
    primaryIpv6: one.PrimaryIpv6 === true,
    associatePublicIp: one.AssociatePublicIpAddress ?? (total === 1 && subnet.mapPublicIpOnLaunch),
    deleteOnTermination: one.DeleteOnTermination ?? true,
  };
}

function planExisting(
  context: ReadContext,
  input: RunInstancesRequest,
  one: InstanceNetworkInterfaceSpecification,
  deviceIndex: number,
): InterfacePlan {
  const fresh = (['SubnetId', 'PrivateIpAddress', 'AssociatePublicIpAddress', 'Description'] as const).find(
    name => one[name] !== undefined,
  );
  if (fresh !== undefined || (one.Groups?.length ?? 0) > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      `${fresh ?? 'Groups'} cannot be given together with networkInterfaceId: the interface has its own.`,
    );
  }
  if (one.DeleteOnTermination === true) {
    throw new ApiError(
      'InvalidParameterCombination',
      'A network interface may not specify a network interface ID and delete on termination as true',
    );
  }
  if ((input.MaxCount ?? 1) > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Only one instance can be launched with an existing network interface. Set MinCount and MaxCount to 1.',
    );
  }
  const row = findById(context, networkInterfaces, idKinds.networkInterface, one.NetworkInterfaceId ?? '');
  refuseManaged(row);
  if (row.attachment !== undefined) {
    throw new ApiError('InvalidNetworkInterface.InUse', `Interface: [${row.networkInterfaceId}] in use.`);
  }
  return { kind: 'existing', row, deviceIndex };
}

function addressesOf(one: InstanceNetworkInterfaceSpecification): { primary: string | undefined; secondary: string[] } {
  let primary = one.PrivateIpAddress;
  const secondary: string[] = [];
  for (const address of one.PrivateIpAddresses ?? []) {
    if (address.PrivateIpAddress === undefined)
      throw new ApiError('MissingParameter', 'Each of privateIpAddresses requires a privateIpAddress.');
    if (address.Primary !== true) {
      secondary.push(address.PrivateIpAddress);
      continue;
    }
    if (primary !== undefined)
      throw new ApiError('InvalidParameterCombination', 'Only one primary private IP address can be specified.');
    primary = address.PrivateIpAddress;
  }
  return { primary, secondary };
}

type FurtherInput = Pick<
  InstanceNetworkInterfaceSpecification,
  'Ipv4Prefixes' | 'Ipv4PrefixCount' | 'Ipv6Addresses' | 'Ipv6AddressCount' | 'Ipv6Prefixes' | 'Ipv6PrefixCount'
>;

/**
 * IPv6 addresses and prefixes that an interface is to have; one address where the subnet gives each one.
 * @throws ApiError `InvalidParameterCombination`, `InvalidInterface.IpAddressLimitExceeded`.
 */
function furtherAddresses(input: FurtherInput, subnet: SubnetRow, limits: InterfaceLimits): NewAddresses {
  const ipv6Addresses = (input.Ipv6Addresses ?? []).map(one => one.Ipv6Address ?? '');
  const ipv6Prefixes = (input.Ipv6Prefixes ?? []).map(one => one.Ipv6Prefix ?? '');
  if (ipv6Addresses.length > 0 && (input.Ipv6AddressCount ?? 0) > 0)
    throw new ApiError('InvalidParameterCombination', 'Give ipv6AddressCount or ipv6Addresses, not both.');
  const automatic =
    subnet.assignIpv6AddressOnCreation === true &&
    limits.ipv6AddressesPerInterface > 0 &&
    ipv6Addresses.length === 0 &&
    input.Ipv6AddressCount === undefined;
  const ipv6AddressCount = automatic ? 1 : (input.Ipv6AddressCount ?? 0);
  const total = ipv6Addresses.length + ipv6AddressCount + ipv6Prefixes.length + (input.Ipv6PrefixCount ?? 0);
  if (total > limits.ipv6AddressesPerInterface) {
    throw new ApiError(
      'InvalidInterface.IpAddressLimitExceeded',
      `${limits.instanceType} allows ${limits.ipv6AddressesPerInterface} IPv6 addresses for an interface; the request asks for ${total}.`,
    );
  }
  return {
    ipv4Prefixes: (input.Ipv4Prefixes ?? []).map(one => one.Ipv4Prefix ?? ''),
    ipv4PrefixCount: input.Ipv4PrefixCount,
    ipv6Addresses,
    ipv6AddressCount,
    ipv6Prefixes,
    ipv6PrefixCount: input.Ipv6PrefixCount,
  };
}

function refuseUnsupported(one: InstanceNetworkInterfaceSpecification): void {
  const refuse = (name: string): never => {
    throw new ApiError(
      'UnsupportedOperation',
      `The parameter NetworkInterface.${name} is not supported yet. Leave it out.`,
    );
  };
  if (one.AssociateCarrierIpAddress === true) refuse('AssociateCarrierIpAddress');
  if ((one.NetworkCardIndex ?? 0) !== 0) refuse('NetworkCardIndex');
  if (one.ConnectionTrackingSpecification !== undefined) refuse('ConnectionTrackingSpecification');
  if (one.EnaQueueCount !== undefined) refuse('EnaQueueCount');
  if (one.EnaSrdSpecification?.EnaSrdEnabled === true) refuse('EnaSrdSpecification');
}

function zoneOf({ region }: ReadContext, input: RunInstancesRequest): string | undefined {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input.Placement ?? {};
  if (!id) return name || undefined;
  if (name)
    throw new ApiError(
      'InvalidParameterCombination',
      'Give Placement.AvailabilityZone or AvailabilityZoneId, not both.',
    );
  const zone = zonesOf(region).find(one => one.id === id);
  if (zone === undefined) throw new ApiError('InvalidParameterValue', `Invalid availability zone id: [${id}].`);
  return zone.name;
}
