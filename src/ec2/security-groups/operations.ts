import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { defaultVpc } from '../subnets/choose.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { allowAllEgress } from './default-group.ts';
import { securityGroupFilters } from './filters.ts';
import { findGroup, findGroupInDefaultVpc, requestedGroupArn } from './find.ts';
import { type SecurityGroupRow, securityGroupRules, securityGroups } from './model.ts';
import { peerOperations } from './peers.ts';
import { groupArn, renderSecurityGroup } from './render.ts';
import { ruleOperations } from './rule-operations.ts';
import { removeRule } from './rules.ts';
import { checkGroupDescription, checkGroupName } from './text.ts';

/** @see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups */
const maximumGroups = 2500;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html */
const createSecurityGroup = writeOperation<CreateSecurityGroupRequest, CreateSecurityGroupResult>({
  service: 'ec2',
  name: 'CreateSecurityGroup',
  resources: (input, context) => [
    arn(context, 'security-group'),
    ...arns(context, 'vpc', input.VpcId === undefined ? [] : [input.VpcId]),
  ],
  run: (input, context) => {
    const { db, owner } = context;
    const groupName = checkGroupName(input.GroupName ?? '');
    const description = checkGroupDescription(input.Description ?? '');
    const tags = parseTagSpecifications(input.TagSpecifications, ['security-group'])['security-group'] ?? {};
    const { vpcId } =
      input.VpcId === undefined ? defaultVpc(context) : findById(context, vpcs, idKinds.vpc, input.VpcId);
    if (db.countBy(securityGroups, 'foldedName', `${vpcId}/${groupName.toLowerCase()}`) > 0) {
      throw new ApiError(
        'InvalidGroup.Duplicate',
        `The security group '${groupName}' already exists for VPC '${vpcId}'`,
      );
    }
    if (db.countBy(securityGroups, 'owner', owner) >= maximumGroups) {
      throw new ApiError(
        'SecurityGroupLimitExceeded',
        `The maximum number of security groups has been reached: ${maximumGroups} in a Region.`,
      );
    }
    const groupId = newId('sg');
    db.put(securityGroups, { groupId, owner, vpcId, groupName, description });
    allowAllEgress(db, owner, groupId);
    addTags(db, { resourceId: groupId, resourceType: 'security-group', owner }, tags);
    return { GroupId: groupId, SecurityGroupArn: groupArn(owner, groupId), Tags: tagList(db, groupId) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html */
const deleteSecurityGroup = writeOperation<DeleteSecurityGroupRequest, DeleteSecurityGroupResult>({
  service: 'ec2',
  name: 'DeleteSecurityGroup',
  resources: (input, context) => [requestedGroupArn(context, input)],
  run: (input, context) => {
    const { db } = context;
    const { groupId, groupName } = findGroup(context, input);
    if (groupName === 'default') {
      throw new ApiError(
        'CannotDelete',
        `the specified group: "${groupId}" name: "default" cannot be deleted by a user`,
      );
    }
    const inUse = db.countBy(networkInterfaces, 'group', groupId) > 0;
    // Rules of a peer VPC do not keep a group: they become stale.
    const referred = db
      .by(securityGroupRules, 'referencedGroup', groupId)
      .some(rule => rule.groupId !== groupId && rule.peer === undefined);
    if (inUse || referred) throw new ApiError('DependencyViolation', `resource ${groupId} has a dependent object`);
    for (const rule of db.by(securityGroupRules, 'group', groupId)) removeRule(context, rule);
    db.delete(securityGroups, groupId);
    removeAllTags(db, groupId);
    return { Return: true, GroupId: groupId };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html */
const describeSecurityGroups = readOperation<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult>({
  service: 'ec2',
  name: 'DescribeSecurityGroups',
  resources: () => ['*'],
  run: (input, context) => {
    const named = (input.GroupNames ?? []).map(name => findGroupInDefaultVpc(context, name).groupId);
    const page = describeOwn<SecurityGroupRow, 'vpc'>(context, input, {
      table: securityGroups,
      kind: idKinds.securityGroup,
      ids: [...(input.GroupIds ?? []), ...named],
      filters: securityGroupFilters(context.db),
      keyFilter: 'group-id',
      indexed: { 'vpc-id': 'vpc' },
    });
    return { SecurityGroups: page.rows.map(row => renderSecurityGroup(context.db, row)), NextToken: page.nextToken };
  },
});

export const securityGroupOperations: readonly AnyOperation[] = [
  createSecurityGroup,
  deleteSecurityGroup,
  describeSecurityGroups,
  ...peerOperations,
  ...ruleOperations,
];
