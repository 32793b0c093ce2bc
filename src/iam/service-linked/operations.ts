import { randomUUID } from 'node:crypto';
import type {
  CreateServiceLinkedRoleRequest,
  CreateServiceLinkedRoleResponse,
  DeleteServiceLinkedRoleRequest,
  DeleteServiceLinkedRoleResponse,
  GetServiceLinkedRoleDeletionStatusRequest,
  GetServiceLinkedRoleDeletionStatusResponse,
} from '@aws-sdk/client-iam';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { awsManagedAccount, entityArn, iamArn } from '../arns.ts';
import { invalidInput, noSuchEntity, validationError } from '../errors.ts';
import { arnIn, find, lookUp, nameIn, roleKind } from '../identities/kinds.ts';
import { checkedDescription } from '../names.ts';
import { type RoleRow, roleArn } from '../roles/model.ts';
import { addRole, defaultSessionDuration, removeRole } from '../roles/operations.ts';
import { renderListedRole } from '../roles/render.ts';
import { type DeletionTaskRow, deletionTasks } from './model.ts';
import { type LinkedService, linkedServiceNamed, linkedServices } from './services.ts';

/** Tasks whose outcome an account can still ask for. */
const keptTasks = 100;

function trustOf(service: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  });
}

function addLinkedRole(
  context: WriteContext,
  linked: LinkedService,
  description: string | undefined,
  suffix = '',
): RoleRow {
  return addRole(context, {
    roleName: linked.roleName + suffix,
    path: `/aws-service-role/${linked.service}/`,
    description,
    assumeRolePolicyDocument: trustOf(linked.service),
    maxSessionDuration: defaultSessionDuration,
    attachedPolicies: [entityArn(awsManagedAccount, 'policy', '/aws-service-role/', linked.policy)],
    linkedService: linked.service,
    tags: [],
  });
}

/**
 * The role of a service in the caller's account, made when it is not there: for actions that AWS lets make it by the way,
 * such as a first request for Spot Instances.
 */
export function ensureServiceLinkedRole(context: WriteContext, service: string): RoleRow {
  const linked = linkedServiceNamed(service);
  if (linked === undefined) throw new Error(`${service} has no service-linked role`);
  return (
    lookUp(context.db, roleKind, context.account, linked.roleName) ?? addLinkedRole(context, linked, linked.description)
  );
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html */
const createServiceLinkedRole = writeOperation<CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse>({
  service: 'iam',
  name: 'CreateServiceLinkedRole',
  resources: (input, { account }) => {
    const service = input.AWSServiceName ?? '*';
    const suffix = input.CustomSuffix === undefined ? '' : `_${input.CustomSuffix}`;
    const name = (linkedServiceNamed(service)?.roleName ?? '*') + suffix;
    const arn = entityArn(account, 'role', `/aws-service-role/${service}/`, name);
    return [{ arn, keys: { 'iam:AWSServiceName': input.AWSServiceName } }];
  },
  run: (input, context) => {
    const { AWSServiceName: service = '', CustomSuffix: suffix } = input;
    const linked = linkedServiceNamed(service);
    if (linked === undefined) {
      const known = linkedServices.map(one => one.service).join(', ');
      throw invalidInput(`${service} has no service-linked roles here. Services that have: ${known}.`);
    }
    if (suffix !== undefined && linked.suffixes === undefined) {
      throw invalidInput(`Custom suffix is not allowed for ${service}`);
    }
    if (suffix !== undefined && !/^[\w+=,.@-]{1,64}$/.test(suffix)) {
      throw validationError('The custom suffix must have 1 to 64 letters, digits and +=,.@-_');
    }
    const name = suffix === undefined ? linked.roleName : `${linked.roleName}_${suffix}`;
    if (name.length > 64) throw validationError(`The role would be named ${name}, which has more than 64 characters.`);
    if (lookUp(context.db, roleKind, context.account, name) !== undefined) {
      throw invalidInput(`Service role name ${name} has been taken in this account, please try a different suffix.`);
    }
    const description = checkedDescription(input.Description);
    const row = addLinkedRole(context, linked, description, suffix === undefined ? '' : `_${suffix}`);
    const { MaxSessionDuration: _told, ...Role } = renderListedRole(context, row);
    return { Role };
  },
});

/**
 * Done at once: nothing here needs these roles to go on with what it has begun.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceLinkedRole.html
 */
const deleteServiceLinkedRole = writeOperation<DeleteServiceLinkedRoleRequest, DeleteServiceLinkedRoleResponse>({
  service: 'iam',
  name: 'DeleteServiceLinkedRole',
  resources: (input, context) => [arnIn(context, roleKind, input)],
  run: (input, context) => {
    const { db, account } = context;
    const row = find(context, roleKind, nameIn(roleKind, input));
    if (row.linkedService === undefined) {
      throw invalidInput(`The role ${row.roleName} is not linked to a service. Use DeleteRole.`);
    }
    const task: DeletionTaskRow = {
      taskId: `task/aws-service-role/${row.linkedService}/${row.roleName}/${randomUUID()}`,
      account,
      roleArn: roleArn(row),
    };
    const tasks = db.by(deletionTasks, 'account', account);
    for (const old of tasks.slice(0, Math.max(0, tasks.length - keptTasks + 1))) db.delete(deletionTasks, old.taskId);
    db.put(deletionTasks, task);
    removeRole(context, row);
    return { DeletionTaskId: task.taskId };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLinkedRoleDeletionStatus.html */
const getServiceLinkedRoleDeletionStatus = readOperation<
  GetServiceLinkedRoleDeletionStatusRequest,
  GetServiceLinkedRoleDeletionStatusResponse
>({
  service: 'iam',
  name: 'GetServiceLinkedRoleDeletionStatus',
  resources: (input, { account }) => {
    const [, ...path] = (input.DeletionTaskId ?? '').split('/');
    return [iamArn(account, path.length < 3 ? 'role/*' : `role/${path.slice(0, -1).join('/')}`)];
  },
  run: (input, context) => {
    const row = context.db.get(deletionTasks, input.DeletionTaskId ?? '');
    if (row?.account !== context.account) {
      throw noSuchEntity(`The deletion task ${input.DeletionTaskId} cannot be found.`);
    }
    return { Status: 'SUCCEEDED' };
  },
});

export const serviceLinkedRoleOperations: readonly AnyOperation[] = [
  createServiceLinkedRole,
  deleteServiceLinkedRole,
  getServiceLinkedRoleDeletionStatus,
];
