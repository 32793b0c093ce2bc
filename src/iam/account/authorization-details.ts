import type {
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse,
  GroupDetail,
  ManagedPolicyDetail,
  RoleDetail,
  UserDetail,
} from '@aws-sdk/client-iam';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { awsManagedPolicies } from '../aws-managed/policies.ts';
import type { Identity } from '../entity.ts';
import { renderTags } from '../entity.ts';
import { validationError } from '../errors.ts';
import { type GroupRow, groups } from '../groups/model.ts';
import { renderGroup } from '../groups/operations.ts';
import { renderBoundary } from '../identities/boundaries.ts';
import { instanceProfiles } from '../instance-profiles/model.ts';
import { renderListedProfile } from '../instance-profiles/render.ts';
import { managedPolicy } from '../managed-policies/find.ts';
import { managedPolicies, type PolicyRow } from '../managed-policies/model.ts';
import { renderListedPolicy, renderVersion } from '../managed-policies/render.ts';
import { attachmentCount, boundaryCount } from '../managed-policies/usage.ts';
import { pageByKey } from '../paging.ts';
import { encodeDocument } from '../policy-text.ts';
import { type RoleRow, roles } from '../roles/model.ts';
import { renderRole } from '../roles/render.ts';
import { type UserRow, users } from '../users/model.ts';
import { renderUser } from '../users/render.ts';

/** One of the listing, which goes through users, groups, roles, and policies, in pages. */
type Entry =
  | { readonly type: 'user'; readonly row: UserRow }
  | { readonly type: 'group'; readonly row: GroupRow }
  | { readonly type: 'role'; readonly row: RoleRow }
  | { readonly type: 'policy'; readonly row: PolicyRow };

const filters = ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'];

/**
 * Of AWS's policies, those that the account uses.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
 */
export const getAccountAuthorizationDetails = readOperation<
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse
>({
  service: 'iam',
  name: 'GetAccountAuthorizationDetails',
  resources: () => ['*'],
  run: (input, context) => {
    const wanted: readonly string[] = input.Filter?.length ? input.Filter : filters;
    const unknown = wanted.find(one => !filters.includes(one));
    if (unknown !== undefined) {
      throw validationError(
        `1 validation error detected: Value '[${unknown}]' at 'filter' failed to satisfy constraint: Member must satisfy enum value set: [${filters.join(', ')}]`,
      );
    }
    const { rows, end } = pageByKey(context, input, entriesOf(context, wanted), keyOf);
    return {
      UserDetailList: rows.flatMap(one => (one.type === 'user' ? [userDetail(context, one.row)] : [])),
      GroupDetailList: rows.flatMap(one => (one.type === 'group' ? [groupDetail(context, one.row)] : [])),
      RoleDetailList: rows.flatMap(one => (one.type === 'role' ? [roleDetail(context, one.row)] : [])),
      Policies: rows.flatMap(one => (one.type === 'policy' ? [policyDetail(context, one.row)] : [])),
      ...end,
    };
  },
});

function keyOf(entry: Entry): string {
  switch (entry.type) {
    case 'user':
      return `1 ${entry.row.userName.toLowerCase()}`;
    case 'group':
      return `2 ${entry.row.groupName.toLowerCase()}`;
    case 'role':
      return `3 ${entry.row.roleName.toLowerCase()}`;
    case 'policy':
      return `4 ${entry.row.arn}`;
  }
}

function* entriesOf({ db, account }: ReadContext, wanted: readonly string[]): Generator<Entry> {
  if (wanted.includes('User')) for (const row of db.by(users, 'account', account)) yield { type: 'user', row };
  if (wanted.includes('Group')) for (const row of db.by(groups, 'account', account)) yield { type: 'group', row };
  if (wanted.includes('Role')) for (const row of db.by(roles, 'account', account)) yield { type: 'role', row };
  if (wanted.includes('LocalManagedPolicy')) {
    for (const row of db.by(managedPolicies, 'account', account)) yield { type: 'policy', row };
  }
  if (wanted.includes('AWSManagedPolicy')) {
    for (const row of awsManagedPolicies().values()) {
      if (attachmentCount(db, account, row.arn) + boundaryCount(db, account, row.arn) > 0)
        yield { type: 'policy', row };
    }
  }
}

function inlineOf(row: Identity) {
  return row.inlinePolicies.map(({ name, document }) => ({
    PolicyName: name,
    PolicyDocument: encodeDocument(document),
  }));
}

function attachedOf({ db, account }: ReadContext, row: Identity) {
  return row.attachedPolicies.flatMap(arn => {
    const policy = managedPolicy(db, account, arn);
    return policy === undefined ? [] : [{ PolicyName: policy.policyName, PolicyArn: arn }];
  });
}

function userDetail(context: ReadContext, row: UserRow): UserDetail {
  const { PasswordLastUsed: _never, ...user } = renderUser(row);
  return {
    ...user,
    UserPolicyList: inlineOf(row),
    GroupList: row.groups.flatMap(id => context.db.get(groups, id)?.groupName ?? []),
    AttachedManagedPolicies: attachedOf(context, row),
    PermissionsBoundary: renderBoundary(row),
    Tags: renderTags(row) ?? [],
  };
}

function groupDetail(context: ReadContext, row: GroupRow): GroupDetail {
  return {
    ...renderGroup(row),
    GroupPolicyList: inlineOf(row),
    AttachedManagedPolicies: attachedOf(context, row),
  };
}

function roleDetail(context: ReadContext, row: RoleRow): RoleDetail {
  const { Description: _description, MaxSessionDuration: _duration, ...role } = renderRole(context, row);
  return {
    ...role,
    InstanceProfileList: context.db
      .by(instanceProfiles, 'role', row.roleId)
      .map(profile => renderListedProfile(context, profile)),
    RolePolicyList: inlineOf(row),
    AttachedManagedPolicies: attachedOf(context, row),
    Tags: renderTags(row) ?? [],
  };
}

function policyDetail(context: ReadContext, row: PolicyRow): ManagedPolicyDetail {
  return {
    ...renderListedPolicy(context, row),
    Description: row.description,
    PolicyVersionList: row.versions.map(version => renderVersion(row, version)),
  };
}
