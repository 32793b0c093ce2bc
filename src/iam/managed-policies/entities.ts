import type { ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse } from '@aws-sdk/client-iam';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { type Identity, policyKey } from '../entity.ts';
import { validationError } from '../errors.ts';
import { groupKind, type IdentityKind, roleKind, userKind } from '../identities/kinds.ts';
import { checkedPathPrefix } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { roles } from '../roles/model.ts';
import { users } from '../users/model.ts';
import { findManagedPolicy } from './find.ts';
import { policyResource } from './versions.ts';

interface Entity {
  readonly type: 'user' | 'group' | 'role';
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/**
 * Whom a policy is attached to, or whose permissions it bounds.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
 */
export const listEntitiesForPolicy = readOperation<ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse>({
  service: 'iam',
  name: 'ListEntitiesForPolicy',
  resources: policyResource,
  run: (input, context) => {
    const { arn } = findManagedPolicy(context, input.PolicyArn ?? '');
    const prefix = checkedPathPrefix(input.PathPrefix);
    const wanted = entitiesOf(context, arn, input).filter(entity => entity.path.startsWith(prefix));
    const { rows, end } = pageByKey(context, input, wanted, entity => `${entity.type} ${entity.name.toLowerCase()}`);
    const of = (type: Entity['type']) => rows.filter(entity => entity.type === type);
    return {
      PolicyGroups: of('group').map(({ id, name }) => ({ GroupName: name, GroupId: id })),
      PolicyUsers: of('user').map(({ id, name }) => ({ UserName: name, UserId: id })),
      PolicyRoles: of('role').map(({ id, name }) => ({ RoleName: name, RoleId: id })),
      ...end,
    };
  },
});

function entitiesOf(context: ReadContext, arn: string, input: ListEntitiesForPolicyRequest): Entity[] {
  const { db, account } = context;
  const key = policyKey(account, arn);
  const usage: string | undefined = input.PolicyUsageFilter;
  const filter: string | undefined = input.EntityFilter;
  if (usage !== undefined && usage !== 'PermissionsPolicy' && usage !== 'PermissionsBoundary') {
    throw validationError(
      `'${usage}' is not a use of policies. PolicyUsageFilter must be PermissionsPolicy or PermissionsBoundary.`,
    );
  }
  if (filter !== undefined && !['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'].includes(filter)) {
    throw validationError(`'${filter}' is not a type of entities. EntityFilter must be User, Role or Group.`);
  }
  const entities = new Map<string, Entity>();
  const add = <Row extends Identity>(kind: IdentityKind<Row>, rows: readonly Row[]) => {
    if (filter !== undefined && filter !== kind.title) return;
    for (const row of rows)
      entities.set(kind.id(row), { type: kind.type, id: kind.id(row), name: kind.name(row), path: row.path });
  };
  if (usage !== 'PermissionsBoundary') {
    add(userKind, db.by(users, 'policy', key));
    add(groupKind, db.by(groupKind.table, 'policy', key));
    add(roleKind, db.by(roles, 'policy', key));
  }
  if (usage !== 'PermissionsPolicy') {
    add(userKind, db.by(users, 'boundary', key));
    add(roleKind, db.by(roles, 'boundary', key));
  }
  return [...entities.values()];
}
