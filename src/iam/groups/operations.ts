import type {
  AddUserToGroupRequest,
  CreateGroupRequest,
  CreateGroupResponse,
  DeleteGroupRequest,
  GetGroupRequest,
  GetGroupResponse,
  Group,
  ListGroupsForUserRequest,
  ListGroupsForUserResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  RemoveUserFromGroupRequest,
  UpdateGroupRequest,
} from '@aws-sdk/client-iam';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { entityArn } from '../arns.ts';
import { timestamp } from '../entity.ts';
import { alreadyExists, deleteConflict, noSuchEntity, quotaExceeded } from '../errors.ts';
import { attachedPolicyOperations } from '../identities/attached-policies.ts';
import { inlinePolicyOperations } from '../identities/inline-policies.ts';
import { arnIn, find, groupKind, lookUp, nameIn, userKind } from '../identities/kinds.ts';
import { newUniqueId } from '../ids.ts';
import { checkedPath, checkedPathPrefix, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { users } from '../users/model.ts';
import { renderListedUser } from '../users/render.ts';
import { type GroupRow, groupArn, groups } from './model.ts';

/** A group as answers have it. */
export function renderGroup(row: GroupRow): Group {
  return {
    Path: row.path,
    GroupName: row.groupName,
    GroupId: row.groupId,
    Arn: groupArn(row),
    CreateDate: timestamp(row.createDate),
  };
}

function checkFree(context: WriteContext, groupName: string, self?: GroupRow): void {
  const present = lookUp(context.db, groupKind, context.account, groupName);
  if (present !== undefined && present !== self) throw alreadyExists(`Group with name ${groupName} already exists.`);
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html */
const createGroup = writeOperation<CreateGroupRequest, CreateGroupResponse>({
  service: 'iam',
  name: 'CreateGroup',
  resources: (input, { account }) => [entityArn(account, 'group', input.Path ?? '/', input.GroupName ?? '*')],
  run: (input, context) => {
    const groupName = input.GroupName ?? '';
    checkName('groupName', groupName);
    const path = checkedPath(input.Path);
    checkFree(context, groupName);
    if (context.db.countBy(groups, 'account', context.account) >= quotas.GroupsPerAccount) {
      throw quotaExceeded('GroupsPerAccount', quotas.GroupsPerAccount);
    }
    const row: GroupRow = {
      groupId: newUniqueId('group'),
      account: context.account,
      groupName,
      path,
      createDate: context.now,
      inlinePolicies: [],
      attachedPolicies: [],
    };
    context.db.put(groups, row);
    return { Group: renderGroup(row) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html */
const getGroup = readOperation<GetGroupRequest, GetGroupResponse>({
  service: 'iam',
  name: 'GetGroup',
  resources: (input, context) => [arnIn(context, groupKind, input)],
  run: (input, context) => {
    const row = find(context, groupKind, nameIn(groupKind, input));
    const members = context.db.by(users, 'group', row.groupId);
    const { rows, end } = pageByKey(context, input, members, user => user.userName.toLowerCase());
    return { Group: renderGroup(row), Users: rows.map(renderListedUser), ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateGroup.html */
const updateGroup = writeOperation<UpdateGroupRequest, void>({
  service: 'iam',
  name: 'UpdateGroup',
  resources: (input, context) => {
    const row = lookUp(context.db, groupKind, context.account, nameIn(groupKind, input));
    const path = input.NewPath ?? row?.path ?? '/';
    const name = input.NewGroupName ?? row?.groupName ?? input.GroupName ?? '*';
    return [...new Set([arnIn(context, groupKind, input), entityArn(context.account, 'group', path, name)])];
  },
  run: (input, context) => {
    const row = find(context, groupKind, nameIn(groupKind, input));
    const groupName = input.NewGroupName ?? row.groupName;
    checkName('groupName', groupName);
    const path = input.NewPath === undefined ? row.path : checkedPath(input.NewPath);
    checkFree(context, groupName, row);
    context.db.put(groups, { ...row, groupName, path });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html */
const deleteGroup = writeOperation<DeleteGroupRequest, void>({
  service: 'iam',
  name: 'DeleteGroup',
  resources: (input, context) => [arnIn(context, groupKind, input)],
  run: (input, context) => {
    const row = find(context, groupKind, nameIn(groupKind, input));
    const must = (what: string) => deleteConflict(`Cannot delete entity, must ${what} first.`);
    if (context.db.countBy(users, 'group', row.groupId) > 0) throw must('remove users from group');
    if (row.attachedPolicies.length > 0) throw must('detach all policies');
    if (row.inlinePolicies.length > 0) throw must('delete policies');
    context.db.delete(groups, row.groupId);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html */
const listGroups = readOperation<ListGroupsRequest, ListGroupsResponse>({
  service: 'iam',
  name: 'ListGroups',
  resources: () => ['*'],
  run: (input, context) => {
    const prefix = checkedPathPrefix(input.PathPrefix);
    const all = context.db.by(groups, 'account', context.account).filter(row => row.path.startsWith(prefix));
    const { rows, end } = pageByKey(context, input, all, row => row.groupName.toLowerCase());
    return { Groups: rows.map(renderGroup), ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html */
const listGroupsForUser = readOperation<ListGroupsForUserRequest, ListGroupsForUserResponse>({
  service: 'iam',
  name: 'ListGroupsForUser',
  resources: (input, context) => [arnIn(context, userKind, input)],
  run: (input, context) => {
    const user = find(context, userKind, nameIn(userKind, input));
    const joined = user.groups.flatMap(id => context.db.get(groups, id) ?? []);
    const { rows, end } = pageByKey(context, input, joined, row => row.groupName.toLowerCase());
    return { Groups: rows.map(renderGroup), ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html */
const addUserToGroup = writeOperation<AddUserToGroupRequest, void>({
  service: 'iam',
  name: 'AddUserToGroup',
  resources: (input, context) => [arnIn(context, groupKind, input)],
  run: (input, context) => {
    const group = find(context, groupKind, nameIn(groupKind, input));
    const user = find(context, userKind, nameIn(userKind, input));
    if (user.groups.includes(group.groupId)) return;
    if (user.groups.length >= quotas.GroupsPerUser) throw quotaExceeded('GroupsPerUser', quotas.GroupsPerUser);
    context.db.put(users, { ...user, groups: [...user.groups, group.groupId] });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html */
const removeUserFromGroup = writeOperation<RemoveUserFromGroupRequest, void>({
  service: 'iam',
  name: 'RemoveUserFromGroup',
  resources: (input, context) => [arnIn(context, groupKind, input)],
  run: (input, context) => {
    const group = find(context, groupKind, nameIn(groupKind, input));
    const user = find(context, userKind, nameIn(userKind, input));
    if (!user.groups.includes(group.groupId)) {
      throw noSuchEntity(`The user ${user.userName} is not in the group ${group.groupName}.`);
    }
    context.db.put(users, { ...user, groups: user.groups.filter(id => id !== group.groupId) });
  },
});

export const groupOperations: readonly AnyOperation[] = [
  createGroup,
  getGroup,
  updateGroup,
  deleteGroup,
  listGroups,
  listGroupsForUser,
  addUserToGroup,
  removeUserFromGroup,
  ...inlinePolicyOperations(groupKind),
  ...attachedPolicyOperations(groupKind),
];
