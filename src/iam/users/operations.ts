import type {
  CreateUserRequest,
  CreateUserResponse,
  DeleteUserRequest,
  GetUserRequest,
  GetUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  UpdateUserRequest,
} from '@aws-sdk/client-iam';
import { accounts } from '../../accounts/model.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { entityArn, rootArn } from '../arns.ts';
import { timestamp } from '../entity.ts';
import { alreadyExists, deleteConflict, quotaExceeded } from '../errors.ts';
import { attachedPolicyOperations } from '../identities/attached-policies.ts';
import { boundaryOperations, checkedBoundary } from '../identities/boundaries.ts';
import { inlinePolicyOperations } from '../identities/inline-policies.ts';
import { arnIn, find, lookUp, type NamedInput, nameIn, userKind } from '../identities/kinds.ts';
import { tagOperations } from '../identities/tags.ts';
import { newUniqueId } from '../ids.ts';
import { accessKeys, keyHolder } from '../keys/model.ts';
import { loginProfiles } from '../login/model.ts';
import { mfaDevices } from '../mfa/model.ts';
import { checkedPath, checkedPathPrefix, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { userOrCaller, userOrCallerArn } from './caller.ts';
import { type UserRow, users } from './model.ts';
import { renderListedUser, renderUser } from './render.ts';

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html */
const createUser = writeOperation<CreateUserRequest, CreateUserResponse>({
  service: 'iam',
  name: 'CreateUser',
  resources: (input, context) => {
    const arn = entityArn(context.account, 'user', input.Path ?? '/', input.UserName ?? '*');
    const tagging = input.Tags?.length ? [{ arn, action: 'iam:TagUser' }] : [];
    return [{ arn, keys: { 'iam:PermissionsBoundary': input.PermissionsBoundary } }, ...tagging];
  },
  run: (input, context) => {
    const userName = input.UserName ?? '';
    checkName('userName', userName);
    const path = checkedPath(input.Path);
    const tags = newTags(input.Tags, 'insensitive');
    const permissionsBoundary = input.PermissionsBoundary && checkedBoundary(context, input.PermissionsBoundary);
    checkFree(context, userName);
    if (context.db.countBy(users, 'account', context.account) >= quotas.UsersPerAccount) {
      throw quotaExceeded('UsersPerAccount', quotas.UsersPerAccount);
    }
    const row: UserRow = {
      userId: newUniqueId('user'),
      account: context.account,
      userName,
      path,
      createDate: context.now,
      inlinePolicies: [],
      attachedPolicies: [],
      groups: [],
      tags,
      ...(permissionsBoundary && { permissionsBoundary }),
    };
    context.db.put(users, row);
    return { User: renderUser(row) };
  },
});

function checkFree(context: WriteContext, userName: string, self?: UserRow): void {
  const present = lookUp(context.db, userKind, context.account, userName);
  if (present !== undefined && present !== self) throw alreadyExists(`User with name ${userName} already exists.`);
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html */
const getUser = readOperation<GetUserRequest, GetUserResponse>({
  service: 'iam',
  name: 'GetUser',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const row = userOrCaller(context, input);
    if (row !== undefined) return { User: renderUser(row) };
    const { account } = context;
    const present = context.db.get(accounts, account);
    return {
      User: {
        Path: '/',
        UserName: present?.name ?? account,
        UserId: account,
        Arn: rootArn(account),
        CreateDate: timestamp(present?.created ?? 0),
      },
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html */
const updateUser = writeOperation<UpdateUserRequest, void>({
  service: 'iam',
  name: 'UpdateUser',
  resources: (input, context) => {
    const row = lookUp(context.db, userKind, context.account, nameIn(userKind, input));
    const path = input.NewPath ?? row?.path ?? '/';
    const after = entityArn(context.account, 'user', path, input.NewUserName ?? row?.userName ?? input.UserName ?? '*');
    // Both what is moved and where it goes.
    return [...new Set([arnIn(context, userKind, input), after])];
  },
  run: (input, context) => {
    const row = find(context, userKind, nameIn(userKind, input));
    const userName = input.NewUserName ?? row.userName;
    checkName('userName', userName);
    const path = input.NewPath === undefined ? row.path : checkedPath(input.NewPath);
    checkFree(context, userName, row);
    context.db.put(users, { ...row, userName, path });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html */
const deleteUser = writeOperation<DeleteUserRequest, void>({
  service: 'iam',
  name: 'DeleteUser',
  resources: (input, context) => [arnIn(context, userKind, input)],
  run: (input, context) => {
    const row = find(context, userKind, nameIn(userKind, input));
    checkUnused(context, row);
    context.db.delete(users, row.userId);
  },
});

/** What must be taken away from a user before he can go. */
function checkUnused({ db }: WriteContext, row: UserRow): void {
  const must = (what: string) => deleteConflict(`Cannot delete entity, must ${what} first.`);
  if (row.groups.length > 0) throw must('remove users from group');
  if (row.attachedPolicies.length > 0) throw must('detach all policies');
  if (row.inlinePolicies.length > 0) throw must('delete policies');
  if (db.countBy(accessKeys, 'holder', keyHolder(row.account, row.userId)) > 0) throw must('delete access keys');
  if (db.get(loginProfiles, row.userId) !== undefined) throw must('delete login profile');
  if (db.countBy(mfaDevices, 'user', row.userId) > 0) throw must('deactivate MFA device');
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html */
const listUsers = readOperation<ListUsersRequest, ListUsersResponse>({
  service: 'iam',
  name: 'ListUsers',
  resources: () => ['*'],
  run: (input, context) => {
    const prefix = checkedPathPrefix(input.PathPrefix);
    const all = context.db.by(users, 'account', context.account).filter(row => row.path.startsWith(prefix));
    const { rows, end } = pageByKey(context, input, all, row => row.userName.toLowerCase());
    return { Users: rows.map(renderListedUser), ...end };
  },
});

export const userOperations: readonly AnyOperation[] = [
  createUser,
  getUser,
  updateUser,
  deleteUser,
  listUsers,
  ...inlinePolicyOperations(userKind),
  ...attachedPolicyOperations(userKind),
  ...boundaryOperations(userKind),
  ...tagOperations<UserRow, NamedInput>({
    title: 'User',
    table: users,
    keyCase: 'insensitive',
    find: (context, input) => find(context, userKind, nameIn(userKind, input)),
    resources: (input, context) => [arnIn(context, userKind, input)],
  }),
];
