import type {
  GetKeyPolicyRequest,
  GetKeyPolicyResponse,
  ListKeyPoliciesRequest,
  ListKeyPoliciesResponse,
  PutKeyPolicyRequest,
} from '@aws-sdk/client-kms';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { shownPrincipals } from '../../iam/policy-principals.ts';
import { keyOf, keyTarget } from '../access/targets.ts';
import { page } from '../paging.ts';
import { findKey, keyArn, refusePendingDeletion } from './find.ts';
import { keys } from './model.ts';
import { checkedKeyPolicy, checkPolicyName } from './policy.ts';

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html */
export const getKeyPolicy = readOperation<GetKeyPolicyRequest, GetKeyPolicyResponse>({
  service: 'kms',
  name: 'GetKeyPolicy',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    checkPolicyName(input.PolicyName);
    return { Policy: shownPrincipals(context.db, row.policy, row.policyIds), PolicyName: 'default' };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html */
export const putKeyPolicy = writeOperation<PutKeyPolicyRequest, void>({
  service: 'kms',
  name: 'PutKeyPolicy',
  resources: (input, context) => [
    keyTarget(context, input.KeyId, {
      'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck ?? false,
    }),
  ],
  run: (input, context) => {
    const { policyIds: _ids, ...row } = findKey(context, input.KeyId);
    checkPolicyName(input.PolicyName);
    refusePendingDeletion(row);
    const { owner } = row;
    const bypass = input.BypassPolicyLockoutSafetyCheck;
    const policy = checkedKeyPolicy(context, input.Policy ?? '', { arn: keyArn(row), owner }, bypass);
    context.db.put(keys, { ...row, ...policy });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html */
export const listKeyPolicies = readOperation<ListKeyPoliciesRequest, ListKeyPoliciesResponse>({
  service: 'kms',
  name: 'ListKeyPolicies',
  resources: keyOf,
  run: (input, context) => {
    findKey(context, input.KeyId);
    const { rows, end } = page(context, input, ['default'], name => name, { usual: 100, most: 1000 });
    return { PolicyNames: rows, ...end };
  },
});
