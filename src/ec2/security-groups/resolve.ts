import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { type SecurityGroupRow, securityGroups } from './model.ts';

type Context = Pick<ReadContext, 'db' | 'owner'>;

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups */
export const maximumGroupsPerInterface = 5;

/**
 * The ids of the groups that an interface in `vpcId` is to have, each once; the VPC's group `default` when neither
 * ids nor names are given.
 * @throws ApiError `InvalidGroupId.Malformed`, `InvalidGroup.NotFound`, `InvalidParameter` (group of another VPC),
 *   `SecurityGroupsPerInterfaceLimitExceeded`.
 */
export function resolveGroups(
  context: Context,
  wanted: {
    readonly ids?: readonly string[] | undefined;
    readonly names?: readonly string[] | undefined;
    readonly vpcId: string;
    /** Only for messages. */
    readonly subnetId?: string | undefined;
  },
): string[] {
  const { ids = [], names = [], vpcId } = wanted;
  const found = new Set<string>();
  for (const id of ids) {
    const group = findById(context, securityGroups, idKinds.securityGroup, id);
    if (group.vpcId !== vpcId) {
      const place = wanted.subnetId === undefined ? `VPC ${vpcId}` : `subnet ${wanted.subnetId}`;
      throw new ApiError('InvalidParameter', `Security group ${id} and ${place} belong to different networks.`);
    }
    found.add(id);
  }
  for (const name of names) found.add(findGroupByName(context, vpcId, name).groupId);
  if (ids.length === 0 && names.length === 0) found.add(findGroupByName(context, vpcId, 'default').groupId);
  if (found.size > maximumGroupsPerInterface) {
    throw new ApiError(
      'SecurityGroupsPerInterfaceLimitExceeded',
      `The maximum number of security groups per interface is ${maximumGroupsPerInterface}; the request has ${found.size}.`,
    );
  }
  return [...found];
}

/** The group with a name in a VPC. @throws ApiError `InvalidGroup.NotFound` */
export function findGroupByName(context: Context, vpcId: string, name: string): SecurityGroupRow {
  const group = context.db.firstBy(securityGroups, 'name', `${vpcId}/${name}`);
  if (group === undefined || group.owner !== context.owner) {
    throw new ApiError('InvalidGroup.NotFound', `The security group '${name}' does not exist in VPC '${vpcId}'`);
  }
  return group;
}
