import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { vpcs } from '../vpcs/model.ts';
import { type SecurityGroupRow, securityGroups } from './model.ts';
import { findGroupByName } from './resolve.ts';

export interface GroupInput {
  readonly GroupId?: string | undefined;
  readonly GroupName?: string | undefined;
}

/**
 * The group that a request is about: by id, or by name in the default VPC.
 * @throws ApiError `MissingParameter`, `InvalidParameterCombination`, `InvalidGroupId.Malformed`,
 *   `InvalidGroup.NotFound`.
 */
export function findGroup(context: Pick<ReadContext, 'db' | 'owner'>, input: GroupInput): SecurityGroupRow {
  const { GroupId: id, GroupName: name } = input;
  if (id !== undefined && name !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter groupName cannot be used with the parameter groupId',
    );
  }
  if (id !== undefined) return findById(context, securityGroups, idKinds.securityGroup, id);
  if (name === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter groupName or groupId');
  }
  return findGroupInDefaultVpc(context, name);
}

/** ARN of the group that a request is about, whether or not there is one. */
export function requestedGroupArn(context: ReadContext, { GroupId: id, GroupName: name }: GroupInput): string {
  if (id !== undefined || name === undefined) return arn(context, 'security-group', id);
  const vpc = context.db.firstBy(vpcs, 'default', context.owner);
  const group = vpc && context.db.firstBy(securityGroups, 'name', `${vpc.vpcId}/${name}`);
  return arn(context, 'security-group', group?.groupId);
}

/** @throws ApiError `InvalidGroup.NotFound` */
export function findGroupInDefaultVpc(context: Pick<ReadContext, 'db' | 'owner'>, name: string): SecurityGroupRow {
  const vpc = context.db.firstBy(vpcs, 'default', context.owner);
  if (vpc === undefined) {
    throw new ApiError(
      'InvalidGroup.NotFound',
      `The security group '${name}' does not exist: names stand for groups of the default VPC, and there is none. Use the group's ID.`,
    );
  }
  return findGroupByName(context, vpc.vpcId, name);
}
