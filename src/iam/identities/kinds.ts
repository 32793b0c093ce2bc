import type { AccessTarget, ConditionKeys } from '../../api/access.ts';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import type { Table } from '../../state/table.ts';
import { entityArn } from '../arns.ts';
import { type Bounded, type Identity, nameKey } from '../entity.ts';
import { noSuchEntity } from '../errors.ts';
import { type GroupRow, groupArn, groups } from '../groups/model.ts';
import { quotas } from '../quotas.ts';
import { type RoleRow, roleArn, roles } from '../roles/model.ts';
import { type UserRow, userArn, users } from '../users/model.ts';

/** What users, groups and roles differ in, where IAM has the same actions for each of them. */
export interface IdentityKind<Row extends Identity> {
  readonly type: 'user' | 'group' | 'role';
  /** In the names of actions and members: `PutUserPolicy`, `UserName`. */
  readonly title: 'User' | 'Group' | 'Role';
  readonly table: Table<Row, 'account' | 'name' | 'policy'>;
  readonly id: (row: Row) => string;
  readonly name: (row: Row) => string;
  readonly arn: (row: Row) => string;
  /** Characters that all inline policies together may have. */
  readonly inlineSize: number;
  readonly attachedQuota: { readonly name: string; readonly maximum: number };
}

export const userKind: IdentityKind<UserRow> = {
  type: 'user',
  title: 'User',
  table: users,
  id: row => row.userId,
  name: row => row.userName,
  arn: userArn,
  inlineSize: quotas.UserPolicySize,
  attachedQuota: { name: 'PoliciesPerUser', maximum: quotas.PoliciesPerUser },
};

export const groupKind: IdentityKind<GroupRow> = {
  type: 'group',
  title: 'Group',
  table: groups,
  id: row => row.groupId,
  name: row => row.groupName,
  arn: groupArn,
  inlineSize: quotas.GroupPolicySize,
  attachedQuota: { name: 'PoliciesPerGroup', maximum: quotas.PoliciesPerGroup },
};

export const roleKind: IdentityKind<RoleRow> = {
  type: 'role',
  title: 'Role',
  table: roles,
  id: row => row.roleId,
  name: row => row.roleName,
  arn: roleArn,
  inlineSize: quotas.RolePolicySize,
  attachedQuota: { name: 'PoliciesPerRole', maximum: quotas.PoliciesPerRole },
};

/** How the actions of each kind name what they are about. */
export interface NamedInput {
  readonly UserName?: string | undefined;
  readonly GroupName?: string | undefined;
  readonly RoleName?: string | undefined;
}

type AnyKind = Pick<IdentityKind<Identity>, 'title'>;

export function nameIn({ title }: AnyKind, input: NamedInput): string {
  return input[`${title}Name`] ?? '';
}

/** The row of a name, whose case does not matter. */
export function lookUp<Row extends Identity>(
  db: Reader,
  kind: IdentityKind<Row>,
  account: string,
  name: string,
): Row | undefined {
  return db.firstBy(kind.table, 'name', nameKey(account, name));
}

interface Place {
  readonly db: Reader;
  readonly account: string;
}

/** @throws ApiError `NoSuchEntity` */
export function find<Row extends Identity>({ db, account }: Place, kind: IdentityKind<Row>, name: string): Row {
  const row = lookUp(db, kind, account, name);
  if (row === undefined) throw noSuchEntity(`The ${kind.type} with name ${name} cannot be found.`);
  return row;
}

/** One that the caller may change. @throws ApiError `NoSuchEntity`, `UnmodifiableEntity` for service-linked roles */
export function findEditable<Row extends Identity>(place: Place, kind: IdentityKind<Row>, name: string): Row {
  const row = find(place, kind, name);
  if ('linkedService' in row && row.linkedService !== undefined) {
    throw new ApiError(
      'UnmodifiableEntity',
      `Cannot perform the operation on the protected role '${kind.name(row)}' - this role is only modifiable by AWS`,
    );
  }
  return row;
}

/** ARN of the one that a call is about; what does not exist has the ARN that it would have without a path. */
export function arnIn<Row extends Identity>(
  context: ReadContext,
  kind: IdentityKind<Row>,
  input: NamedInput,
  path = '/',
): string {
  const name = nameIn(kind, input);
  const row = lookUp(context.db, kind, context.account, name);
  return row === undefined ? entityArn(context.account, kind.type, path, name || '*') : kind.arn(row);
}

/** The one that a call is about, with `iam:PermissionsBoundary` (of users and roles) as it is before the call, and further keys. */
export function boundedTarget<Row extends Identity & Bounded>(
  context: ReadContext,
  kind: IdentityKind<Row>,
  input: NamedInput,
  keys: ConditionKeys = {},
): AccessTarget {
  const arn = arnIn(context, kind, input);
  if (kind.type === 'group') return { arn, keys };
  const row: Bounded | undefined = lookUp(context.db, kind, context.account, nameIn(kind, input));
  return { arn, keys: { 'iam:PermissionsBoundary': row?.permissionsBoundary, ...keys } };
}
