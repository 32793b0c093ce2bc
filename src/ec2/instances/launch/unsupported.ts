import type { RunInstancesRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';

/**
 * Refuses parameters whose effect Fogbank cannot give yet, by name, before anything is made.
 * @throws ApiError `UnsupportedOperation`, `InvalidPlacementGroup.Unknown`, `InvalidParameterValue`.
 */
export function refuseUnsupported(input: RunInstancesRequest): void {
  const refuse = (name: string, advice: string): never => {
    throw new ApiError('UnsupportedOperation', `The parameter ${name} is not supported yet. ${advice}`);
  };
  if (input.LaunchTemplate !== undefined) refuse('LaunchTemplate', 'Give the launch parameters in the request.');
  if (input.InstanceMarketOptions !== undefined) refuse('InstanceMarketOptions', 'Launch On-Demand instances instead.');
  if (input.EnclaveOptions?.Enabled === true) refuse('EnclaveOptions.Enabled', 'Launch without enclaves.');
  if (input.KernelId !== undefined) refuse('KernelId', 'Images boot the kernel on their disk.');
  if (input.RamdiskId !== undefined) refuse('RamdiskId', 'Images boot the RAM disk on their disk.');
  if ((input.ElasticGpuSpecification?.length ?? 0) > 0)
    refuse('ElasticGpuSpecification', 'Elastic GPUs are no longer offered.');
  if ((input.ElasticInferenceAccelerators?.length ?? 0) > 0)
    refuse('ElasticInferenceAccelerators', 'They are no longer offered.');
  if ((input.LicenseSpecifications?.length ?? 0) > 0) refuse('LicenseSpecifications', 'Launch without them.');
  if ((input.SecondaryInterfaces?.length ?? 0) > 0) refuse('SecondaryInterfaces', 'Use NetworkInterfaces.');
  if (input.CapacityReservationSpecification?.CapacityReservationTarget !== undefined) {
    refuse('CapacityReservationSpecification.CapacityReservationTarget', 'There are no capacity reservations.');
  }
  if (input.Operator !== undefined) refuse('Operator', 'Service-managed instances do not exist here.');
  oneOf('PrivateDnsNameOptions.HostnameType', input.PrivateDnsNameOptions?.HostnameType, ['ip-name', 'resource-name']);
  oneOf('MaintenanceOptions.AutoRecovery', input.MaintenanceOptions?.AutoRecovery, ['default', 'disabled']);
  const preference = input.CapacityReservationSpecification?.CapacityReservationPreference;
  oneOf('CapacityReservationPreference', preference, ['open', 'none', 'capacity-reservations-only']);
  if (preference !== undefined && preference !== 'open')
    refuse(`CapacityReservationPreference=${preference}`, 'There are no capacity reservations; leave it out.');
  const weighting = input.NetworkPerformanceOptions?.BandwidthWeighting;
  oneOf('BandwidthWeighting', weighting, ['default', 'vpc-1', 'ebs-1']);
  if (weighting !== undefined && weighting !== 'default') refuse(`BandwidthWeighting=${weighting}`, 'Use default.');
  refusePlacement(input);
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter ${name} is invalid. Use one of ${allowed.join(', ')}.`,
  );
}

function refusePlacement(input: RunInstancesRequest): void {
  const placement = input.Placement;
  if (placement === undefined) return;
  const group = placement.GroupName || placement.GroupId;
  if (group) throw new ApiError('InvalidPlacementGroup.Unknown', `The placement group '${group}' is unknown.`);
  if (placement.Tenancy !== undefined && placement.Tenancy !== 'default') {
    throw new ApiError('UnsupportedOperation', `The tenancy '${placement.Tenancy}' is not supported yet. Use default.`);
  }
  const member = (['HostId', 'HostResourceGroupArn', 'Affinity', 'SpreadDomain', 'PartitionNumber'] as const).find(
    name => placement[name] !== undefined,
  );
  if (member !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter Placement.${member} is not supported yet.`);
}
