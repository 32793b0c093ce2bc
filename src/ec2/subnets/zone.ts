import { ApiError } from '../../api/errors.ts';
import { type Zone, zonesOf } from '../regions/zones.ts';

/** The zone that a request names, or undefined. @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination`. */
export function zoneOf(
  region: string,
  input: { readonly AvailabilityZone?: string | undefined; readonly AvailabilityZoneId?: string | undefined },
): Zone | undefined {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input;
  if (name === undefined && id === undefined) return undefined;
  if (name !== undefined && id !== undefined)
    throw new ApiError('InvalidParameterCombination', 'Give availabilityZone or availabilityZoneId, not both.');
  const zones = zonesOf(region);
  const zone = zones.find(one => one.name === name || one.id === id);
  if (zone === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${name ?? id}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ${zones.map(one => one.name).join(', ')}.`,
    );
  }
  return zone;
}
