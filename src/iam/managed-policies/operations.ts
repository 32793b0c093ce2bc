import type {
  CreatePolicyRequest,
  CreatePolicyResponse,
  DeletePolicyRequest,
  GetPolicyRequest,
  GetPolicyResponse,
  ListPoliciesRequest,
  ListPoliciesResponse,
} from '@aws-sdk/client-iam';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { entityArn } from '../arns.ts';
import { awsManagedPolicies } from '../aws-managed/policies.ts';
import { nameKey } from '../entity.ts';
import { alreadyExists, deleteConflict, quotaExceeded, validationError } from '../errors.ts';
import { tagOperations } from '../identities/tags.ts';
import { newUniqueId } from '../ids.ts';
import { checkedDescription, checkedPath, checkedPathPrefix, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { listEntitiesForPolicy } from './entities.ts';
import { findManagedPolicy } from './find.ts';
import { managedPolicies, type PolicyRow } from './model.ts';
import { renderListedPolicy, renderPolicy } from './render.ts';
import { attachmentCount, boundaryCount } from './usage.ts';
import { checkedDocument, findOwnPolicy, type PolicyArnInput, policyResource, versionOperations } from './versions.ts';

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html */
const createPolicy = writeOperation<CreatePolicyRequest, CreatePolicyResponse>({
  service: 'iam',
  name: 'CreatePolicy',
  resources: (input, { account }) => {
    const arn = entityArn(account, 'policy', input.Path ?? '/', input.PolicyName ?? '*');
    return input.Tags?.length ? [arn, { arn, action: 'iam:TagPolicy' }] : [arn];
  },
  run: (input, context) => {
    const { account } = context;
    const policyName = input.PolicyName ?? '';
    checkName('policyName', policyName);
    const path = checkedPath(input.Path);
    const description = checkedDescription(input.Description);
    const tags = newTags(input.Tags, 'sensitive');
    const document = checkedDocument(input.PolicyDocument ?? '');
    if (context.db.firstBy(managedPolicies, 'name', nameKey(account, policyName)) !== undefined) {
      throw alreadyExists(`A policy called ${policyName} already exists. Duplicate names are not allowed.`);
    }
    if (context.db.countBy(managedPolicies, 'account', account) >= quotas.PoliciesPerAccount) {
      throw quotaExceeded('PoliciesPerAccount', quotas.PoliciesPerAccount);
    }
    const row: PolicyRow = {
      arn: entityArn(account, 'policy', path, policyName),
      policyId: newUniqueId('policy'),
      account,
      policyName,
      path,
      createDate: context.now,
      updateDate: context.now,
      defaultVersionId: 'v1',
      versions: [{ versionId: 'v1', document, createDate: context.now }],
      nextVersion: 2,
      tags,
      ...(description !== undefined && { description }),
    };
    context.db.put(managedPolicies, row);
    const { Description: _told, ...Policy } = renderPolicy(context, row);
    return { Policy };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html */
const getPolicy = readOperation<GetPolicyRequest, GetPolicyResponse>({
  service: 'iam',
  name: 'GetPolicy',
  resources: policyResource,
  run: (input, context) => ({ Policy: renderPolicy(context, findManagedPolicy(context, input.PolicyArn ?? '')) }),
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html */
const deletePolicy = writeOperation<DeletePolicyRequest, void>({
  service: 'iam',
  name: 'DeletePolicy',
  resources: policyResource,
  run: (input, context) => {
    const { db, account } = context;
    const { arn, versions } = findOwnPolicy(context, input.PolicyArn ?? '');
    if (attachmentCount(db, account, arn) > 0 || boundaryCount(db, account, arn) > 0) {
      throw deleteConflict('Cannot delete a policy attached to entities.');
    }
    if (versions.length > 1) {
      throw deleteConflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      );
    }
    db.delete(managedPolicies, arn);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html */
const listPolicies = readOperation<ListPoliciesRequest, ListPoliciesResponse>({
  service: 'iam',
  name: 'ListPolicies',
  resources: () => ['*'],
  run: (input, context) => {
    const prefix = checkedPathPrefix(input.PathPrefix);
    const all = policiesOfScope(context, input.Scope ?? 'All');
    const used = usedBy(context, input);
    const wanted = all.filter(row => row.path.startsWith(prefix) && used(row));
    const { rows, end } = pageByKey(context, input, wanted, row => `${row.policyName.toLowerCase()} ${row.arn}`);
    return { Policies: rows.map(row => renderListedPolicy(context, row)), ...end };
  },
});

function policiesOfScope(context: ReadContext, scope: string): readonly PolicyRow[] {
  const own = scope === 'AWS' ? [] : context.db.by(managedPolicies, 'account', context.account);
  if (scope === 'Local') return own;
  if (scope === 'AWS' || scope === 'All') return [...own, ...awsManagedPolicies().values()];
  throw validationError(
    `1 validation error detected: Value '${scope}' at 'scope' failed to satisfy constraint: Member must satisfy enum value set: [AWS, Local, All]`,
  );
}

function usedBy({ db, account }: ReadContext, input: ListPoliciesRequest): (row: PolicyRow) => boolean {
  const usage: string | undefined = input.PolicyUsageFilter;
  if (usage !== undefined && usage !== 'PermissionsPolicy' && usage !== 'PermissionsBoundary') {
    throw validationError(
      `1 validation error detected: Value '${usage}' at 'policyUsageFilter' failed to satisfy constraint: Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]`,
    );
  }
  const attached = (row: PolicyRow) => attachmentCount(db, account, row.arn) > 0;
  const bounding = (row: PolicyRow) => boundaryCount(db, account, row.arn) > 0;
  if (usage === 'PermissionsPolicy') return attached;
  if (usage === 'PermissionsBoundary') return bounding;
  return input.OnlyAttached === true ? row => attached(row) || bounding(row) : () => true;
}

export const managedPolicyOperations: readonly AnyOperation[] = [
  createPolicy,
  getPolicy,
  deletePolicy,
  listPolicies,
  listEntitiesForPolicy,
  ...versionOperations,
  ...tagOperations<PolicyRow, PolicyArnInput>({
    title: 'Policy',
    table: managedPolicies,
    keyCase: 'sensitive',
    find: (context, input) => findManagedPolicy(context, input.PolicyArn ?? ''),
    findEditable: (context, input) => findOwnPolicy(context, input.PolicyArn ?? ''),
    resources: policyResource,
  }),
];
