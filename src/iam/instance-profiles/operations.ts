import type {
  AddRoleToInstanceProfileRequest,
  CreateInstanceProfileRequest,
  CreateInstanceProfileResponse,
  DeleteInstanceProfileRequest,
  GetInstanceProfileRequest,
  GetInstanceProfileResponse,
  ListInstanceProfilesForRoleRequest,
  ListInstanceProfilesForRoleResponse,
  ListInstanceProfilesRequest,
  ListInstanceProfilesResponse,
  RemoveRoleFromInstanceProfileRequest,
} from '@aws-sdk/client-iam';
import { passRole } from '../../api/access.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { entityArn } from '../arns.ts';
import { alreadyExists, deleteConflict, noSuchEntity, quotaExceeded } from '../errors.ts';
import { arnIn, find, findEditable, nameIn, roleKind } from '../identities/kinds.ts';
import { tagOperations } from '../identities/tags.ts';
import { newUniqueId } from '../ids.ts';
import { checkedPath, checkedPathPrefix, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { findInstanceProfile, instanceProfileNamed } from './find.ts';
import { type InstanceProfileRow, instanceProfileArn, instanceProfiles } from './model.ts';
import { renderListedProfile, renderProfile } from './render.ts';

interface ProfileInput {
  readonly InstanceProfileName?: string | undefined;
}

function profileArn(input: ProfileInput, context: ReadContext): string {
  const name = input.InstanceProfileName ?? '';
  const row = instanceProfileNamed(context.db, context.account, name);
  return row === undefined ? entityArn(context.account, 'instance-profile', '/', name || '*') : instanceProfileArn(row);
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html */
const createInstanceProfile = writeOperation<CreateInstanceProfileRequest, CreateInstanceProfileResponse>({
  service: 'iam',
  name: 'CreateInstanceProfile',
  resources: (input, { account }) => {
    const arn = entityArn(account, 'instance-profile', input.Path ?? '/', input.InstanceProfileName ?? '*');
    return input.Tags?.length ? [arn, { arn, action: 'iam:TagInstanceProfile' }] : [arn];
  },
  run: (input, context) => {
    const name = input.InstanceProfileName ?? '';
    checkName('instanceProfileName', name);
    const path = checkedPath(input.Path);
    const tags = newTags(input.Tags, 'sensitive');
    if (instanceProfileNamed(context.db, context.account, name) !== undefined) {
      throw alreadyExists(`Instance Profile ${name} already exists.`);
    }
    const { InstanceProfilesPerAccount: maximum } = quotas;
    if (context.db.countBy(instanceProfiles, 'account', context.account) >= maximum) {
      throw quotaExceeded('InstanceProfilesPerAccount', maximum);
    }
    const row: InstanceProfileRow = {
      instanceProfileId: newUniqueId('instanceProfile'),
      account: context.account,
      instanceProfileName: name,
      path,
      createDate: context.now,
      tags,
    };
    context.db.put(instanceProfiles, row);
    return { InstanceProfile: renderProfile(context, row) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html */
const getInstanceProfile = readOperation<GetInstanceProfileRequest, GetInstanceProfileResponse>({
  service: 'iam',
  name: 'GetInstanceProfile',
  resources: (input, context) => [profileArn(input, context)],
  run: (input, context) => ({
    InstanceProfile: renderProfile(context, findInstanceProfile(context, input.InstanceProfileName ?? '')),
  }),
});

/**
 * Instances that were launched with it keep running, and their credentials end when they expire.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html
 */
const deleteInstanceProfile = writeOperation<DeleteInstanceProfileRequest, void>({
  service: 'iam',
  name: 'DeleteInstanceProfile',
  resources: (input, context) => [profileArn(input, context)],
  run: (input, context) => {
    const row = findInstanceProfile(context, input.InstanceProfileName ?? '');
    if (row.roleId !== undefined) {
      throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.');
    }
    context.db.delete(instanceProfiles, row.instanceProfileId);
  },
});

/**
 * Who gives a role to instances needs `iam:PassRole` on it.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
 */
const addRoleToInstanceProfile = writeOperation<AddRoleToInstanceProfileRequest, void>({
  service: 'iam',
  name: 'AddRoleToInstanceProfile',
  resources: (input, context) => [
    profileArn(input, context),
    passRole(arnIn(context, roleKind, input), 'ec2.amazonaws.com', {
      'iam:AssociatedResourceArn': profileArn(input, context),
    }),
  ],
  run: (input, context) => {
    const row = findInstanceProfile(context, input.InstanceProfileName ?? '');
    const role = findEditable(context, roleKind, nameIn(roleKind, input));
    if (row.roleId !== undefined) {
      throw quotaExceeded('InstanceSessionsPerInstanceProfile', quotas.InstanceSessionsPerInstanceProfile);
    }
    context.db.put(instanceProfiles, { ...row, roleId: role.roleId });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html */
const removeRoleFromInstanceProfile = writeOperation<RemoveRoleFromInstanceProfileRequest, void>({
  service: 'iam',
  name: 'RemoveRoleFromInstanceProfile',
  resources: (input, context) => [profileArn(input, context)],
  run: (input, context) => {
    const { roleId, ...row } = findInstanceProfile(context, input.InstanceProfileName ?? '');
    const role = findEditable(context, roleKind, nameIn(roleKind, input));
    if (roleId !== role.roleId) {
      throw noSuchEntity(`The role ${role.roleName} is not in the instance profile ${row.instanceProfileName}.`);
    }
    context.db.put(instanceProfiles, row);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html */
const listInstanceProfiles = readOperation<ListInstanceProfilesRequest, ListInstanceProfilesResponse>({
  service: 'iam',
  name: 'ListInstanceProfiles',
  resources: () => ['*'],
  run: (input, context) => {
    const prefix = checkedPathPrefix(input.PathPrefix);
    const all = context.db.by(instanceProfiles, 'account', context.account).filter(row => row.path.startsWith(prefix));
    const { rows, end } = pageByKey(context, input, all, row => row.instanceProfileName.toLowerCase());
    return { InstanceProfiles: rows.map(row => renderListedProfile(context, row)), ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html */
const listInstanceProfilesForRole = readOperation<
  ListInstanceProfilesForRoleRequest,
  ListInstanceProfilesForRoleResponse
>({
  service: 'iam',
  name: 'ListInstanceProfilesForRole',
  resources: (input, context) => [arnIn(context, roleKind, input)],
  run: (input, context) => {
    const role = find(context, roleKind, nameIn(roleKind, input));
    const all = context.db.by(instanceProfiles, 'role', role.roleId);
    const { rows, end } = pageByKey(context, input, all, row => row.instanceProfileName.toLowerCase());
    return { InstanceProfiles: rows.map(row => renderListedProfile(context, row)), ...end };
  },
});

export const instanceProfileOperations: readonly AnyOperation[] = [
  createInstanceProfile,
  getInstanceProfile,
  deleteInstanceProfile,
  addRoleToInstanceProfile,
  removeRoleFromInstanceProfile,
  listInstanceProfiles,
  listInstanceProfilesForRole,
  ...tagOperations<InstanceProfileRow, ProfileInput>({
    title: 'InstanceProfile',
    table: instanceProfiles,
    keyCase: 'sensitive',
    find: (context, input) => findInstanceProfile(context, input.InstanceProfileName ?? ''),
    resources: (input, context) => [profileArn(input, context)],
  }),
];
