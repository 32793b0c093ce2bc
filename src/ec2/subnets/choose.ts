import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { availableAddressCount } from '../network-interfaces/addresses.ts';
import { zonesOf } from '../regions/zones.ts';
import { type VpcRow, vpcs } from '../vpcs/model.ts';
import { type SubnetRow, subnets } from './model.ts';

type Context = Pick<ReadContext, 'db' | 'owner' | 'region'>;

/**
 * The default VPC of the caller in this Region.
 * @throws ApiError `VPCIdNotSpecified` when there is none.
 */
export function defaultVpc(context: Context): VpcRow {
  const vpc = context.db.firstBy(vpcs, 'default', context.owner);
  if (vpc === undefined)
    throw new ApiError('VPCIdNotSpecified', 'No default VPC for this user. Specify a subnet or a VPC.');
  return vpc;
}

/**
 * The subnet that a launch goes to: the one asked for, else the default subnet of the zone, else the first default
 * subnet, in order of the zones, that has `addresses` free ones (or else the one that has the most).
 * @throws ApiError `InvalidSubnetID.Malformed`, `InvalidSubnetID.NotFound`, `InvalidParameterValue`, `MissingInput`,
 *   `VPCIdNotSpecified`.
 */
export function chooseSubnet(
  context: Context,
  wanted: {
    readonly subnetId?: string | undefined;
    readonly availabilityZone?: string | undefined;
    readonly addresses?: number | undefined;
  },
): SubnetRow {
  const { subnetId, availabilityZone: zone } = wanted;
  const zones = zonesOf(context.region);
  if (zone !== undefined && !zones.some(one => one.name === zone)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid availability zone: [${zone}]. Use one of: ${zones.map(one => one.name).join(', ')}.`,
    );
  }
  if (subnetId !== undefined) {
    const subnet = findById(context, subnets, idKinds.subnet, subnetId);
    if (zone !== undefined && subnet.availabilityZone !== zone) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${zone}) for parameter availabilityZone is invalid. Subnet '${subnetId}' is in the availability zone ${subnet.availabilityZone}`,
      );
    }
    return subnet;
  }
  const vpc = defaultVpc(context);
  const ofZone = (name: string) => context.db.firstBy(subnets, 'defaultForZone', `${context.owner}/${name}`);
  if (zone !== undefined) {
    const subnet = ofZone(zone);
    if (subnet === undefined)
      throw new ApiError('MissingInput', `No default subnet for availability zone: '${zone}'. Specify a subnet.`);
    return subnet;
  }
  const needed = wanted.addresses ?? 1;
  let best: { subnet: SubnetRow; free: number } | undefined;
  for (const one of zones) {
    const subnet = ofZone(one.name);
    if (subnet === undefined) continue;
    const free = availableAddressCount(context.db, subnet);
    if (free >= needed) return subnet;
    if (best === undefined || free > best.free) best = { subnet, free };
  }
  if (best === undefined) {
    throw new ApiError('MissingInput', `No subnets found for the default VPC '${vpc.vpcId}'. Please specify a subnet.`);
  }
  return best.subnet;
}
