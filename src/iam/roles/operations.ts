import type {
  CreateRoleRequest,
  CreateRoleResponse,
  DeleteRoleRequest,
  GetRoleRequest,
  GetRoleResponse,
  ListRolesRequest,
  ListRolesResponse,
  UpdateAssumeRolePolicyRequest,
  UpdateRoleDescriptionRequest,
  UpdateRoleDescriptionResponse,
  UpdateRoleRequest,
  UpdateRoleResponse,
} from '@aws-sdk/client-iam';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { entityArn } from '../arns.ts';
import { alreadyExists, deleteConflict, quotaExceeded, validationError } from '../errors.ts';
import { attachedPolicyOperations } from '../identities/attached-policies.ts';
import { boundaryOperations, checkedBoundary } from '../identities/boundaries.ts';
import { inlinePolicyOperations } from '../identities/inline-policies.ts';
import {
  arnIn,
  boundedTarget,
  find,
  findEditable,
  lookUp,
  type NamedInput,
  nameIn,
  roleKind,
} from '../identities/kinds.ts';
import { tagOperations } from '../identities/tags.ts';
import { newUniqueId } from '../ids.ts';
import { instanceProfiles } from '../instance-profiles/model.ts';
import { lastUses } from '../keys/model.ts';
import { checkedDescription, checkedPath, checkedPathPrefix, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { type RoleRow, roles } from './model.ts';
import { renderListedRole, renderRole } from './render.ts';
import { checkedTrust, type Trust } from './trust.ts';

/** Seconds that a role's sessions last at most, unless the role says otherwise. */
export const defaultSessionDuration = 3600;

/** @throws ApiError `ValidationError` */
function checkedDuration(seconds: number | undefined): number {
  const duration = seconds ?? defaultSessionDuration;
  if (!Number.isInteger(duration) || duration < 3600 || duration > 43200) {
    throw validationError(
      `1 validation error detected: Value '${duration}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200`,
    );
  }
  return duration;
}

/** What a new role is made of; the rest of its row is the same for all. */
export interface NewRole extends Trust, Pick<RoleRow, 'roleName' | 'path' | 'maxSessionDuration' | 'tags'> {
  readonly description?: string | undefined;
  readonly permissionsBoundary?: string | undefined;
  readonly attachedPolicies?: readonly string[];
  readonly linkedService?: string;
}

/** @throws ApiError `EntityAlreadyExists`, `LimitExceeded` */
export function addRole(context: WriteContext, { description, permissionsBoundary, ...role }: NewRole): RoleRow {
  if (lookUp(context.db, roleKind, context.account, role.roleName) !== undefined) {
    throw alreadyExists(`Role with name ${role.roleName} already exists.`);
  }
  if (context.db.countBy(roles, 'account', context.account) >= quotas.RolesPerAccount) {
    throw quotaExceeded('RolesPerAccount', quotas.RolesPerAccount);
  }
  const row: RoleRow = {
    roleId: newUniqueId('role'),
    account: context.account,
    createDate: context.now,
    inlinePolicies: [],
    attachedPolicies: [],
    ...role,
    ...(description !== undefined && { description }),
    ...(permissionsBoundary !== undefined && { permissionsBoundary }),
  };
  context.db.put(roles, row);
  return row;
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
const createRole = writeOperation<CreateRoleRequest, CreateRoleResponse>({
  service: 'iam',
  name: 'CreateRole',
  resources: (input, context) => {
    const arn = entityArn(context.account, 'role', input.Path ?? '/', input.RoleName ?? '*');
    const tagging = input.Tags?.length ? [{ arn, action: 'iam:TagRole' }] : [];
    return [{ arn, keys: { 'iam:PermissionsBoundary': input.PermissionsBoundary } }, ...tagging];
  },
  run: (input, context) => {
    const roleName = input.RoleName ?? '';
    checkName('roleName', roleName);
    const path = checkedPath(input.Path);
    if (path.startsWith('/aws-service-role/')) {
      throw validationError(
        'The path /aws-service-role/ is that of service-linked roles. Use another one, or CreateServiceLinkedRole.',
      );
    }
    const role: NewRole = {
      roleName,
      path,
      description: checkedDescription(input.Description),
      maxSessionDuration: checkedDuration(input.MaxSessionDuration),
      tags: newTags(input.Tags, 'insensitive'),
      ...checkedTrust(context.db, input.AssumeRolePolicyDocument ?? ''),
      permissionsBoundary: input.PermissionsBoundary && checkedBoundary(context, input.PermissionsBoundary),
    };
    const { RoleLastUsed: _never, ...Role } = renderRole(context, addRole(context, role));
    return { Role };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html */
const getRole = readOperation<GetRoleRequest, GetRoleResponse>({
  service: 'iam',
  name: 'GetRole',
  resources: (input, context) => [boundedTarget(context, roleKind, input)],
  run: (input, context) => ({ Role: renderRole(context, find(context, roleKind, nameIn(roleKind, input))) }),
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html */
const updateRole = writeOperation<UpdateRoleRequest, UpdateRoleResponse>({
  service: 'iam',
  name: 'UpdateRole',
  resources: (input, context) => [boundedTarget(context, roleKind, input)],
  run: (input, context) => {
    const row = findEditable(context, roleKind, nameIn(roleKind, input));
    const described = input.Description === undefined ? row : withDescription(row, input.Description);
    const maxSessionDuration =
      input.MaxSessionDuration === undefined ? row.maxSessionDuration : checkedDuration(input.MaxSessionDuration);
    context.db.put(roles, { ...described, maxSessionDuration });
    return {};
  },
});

/** An empty description takes it away. */
function withDescription({ description: _old, ...rest }: RoleRow, text: string | undefined): RoleRow {
  const description = checkedDescription(text);
  return description === undefined ? rest : { ...rest, description };
}

/**
 * Service-linked roles, too, may be described.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html
 */
const updateRoleDescription = writeOperation<UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse>({
  service: 'iam',
  name: 'UpdateRoleDescription',
  resources: (input, context) => [boundedTarget(context, roleKind, input)],
  run: (input, context) => {
    const row = withDescription(find(context, roleKind, nameIn(roleKind, input)), input.Description);
    context.db.put(roles, row);
    return { Role: renderListedRole(context, row) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html */
const updateAssumeRolePolicy = writeOperation<UpdateAssumeRolePolicyRequest, void>({
  service: 'iam',
  name: 'UpdateAssumeRolePolicy',
  resources: (input, context) => [boundedTarget(context, roleKind, input)],
  run: (input, context) => {
    const { trustedIds: _old, ...row } = findEditable(context, roleKind, nameIn(roleKind, input));
    context.db.put(roles, { ...row, ...checkedTrust(context.db, input.PolicyDocument ?? '') });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html */
const deleteRole = writeOperation<DeleteRoleRequest, void>({
  service: 'iam',
  name: 'DeleteRole',
  resources: (input, context) => [boundedTarget(context, roleKind, input)],
  run: (input, context) => {
    const row = findEditable(context, roleKind, nameIn(roleKind, input));
    const must = (what: string) => deleteConflict(`Cannot delete entity, must ${what} first.`);
    if (context.db.countBy(instanceProfiles, 'role', row.roleId) > 0) throw must('remove roles from instance profile');
    if (row.attachedPolicies.length > 0) throw must('detach all policies');
    if (row.inlinePolicies.length > 0) throw must('delete policies');
    removeRole(context, row);
  },
});

export function removeRole({ db }: WriteContext, row: RoleRow): void {
  db.delete(roles, row.roleId);
  db.delete(lastUses, row.roleId);
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html */
const listRoles = readOperation<ListRolesRequest, ListRolesResponse>({
  service: 'iam',
  name: 'ListRoles',
  resources: () => ['*'],
  run: (input, context) => {
    const prefix = checkedPathPrefix(input.PathPrefix);
    const all = context.db.by(roles, 'account', context.account).filter(row => row.path.startsWith(prefix));
    const { rows, end } = pageByKey(context, input, all, row => row.roleName.toLowerCase());
    return { Roles: rows.map(row => renderListedRole(context, row)), ...end };
  },
});

export const roleOperations: readonly AnyOperation[] = [
  createRole,
  getRole,
  updateRole,
  updateRoleDescription,
  updateAssumeRolePolicy,
  deleteRole,
  listRoles,
  ...inlinePolicyOperations(roleKind),
  ...attachedPolicyOperations(roleKind),
  ...boundaryOperations(roleKind),
  ...tagOperations<RoleRow, NamedInput>({
    title: 'Role',
    table: roles,
    keyCase: 'insensitive',
    find: (context, input) => find(context, roleKind, nameIn(roleKind, input)),
    // Service-linked roles, too, may be tagged.
    resources: (input, context) => [arnIn(context, roleKind, input)],
  }),
];
