import type { AttachedPolicy } from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import type { Bounded, Identity } from '../entity.ts';
import { noSuchEntity, quotaExceeded } from '../errors.ts';
import { checkPolicyArn, managedPolicy } from '../managed-policies/find.ts';
import { checkedPathPrefix } from '../names.ts';
import { type MarkerInput, pageByKey } from '../paging.ts';
import { arnIn, boundedTarget, find, findEditable, type IdentityKind, type NamedInput, nameIn } from './kinds.ts';

interface PolicyArnInput extends NamedInput {
  readonly PolicyArn: string;
}

interface ListInput extends NamedInput, MarkerInput {
  readonly PathPrefix?: string | undefined;
}

/**
 * The actions for managed policies of a kind of identity: `AttachUserPolicy`, `DetachUserPolicy`,
 * `ListAttachedUserPolicies` and those of groups and roles.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
 */
export function attachedPolicyOperations<Row extends Identity & Bounded>(
  kind: IdentityKind<Row>,
): readonly AnyOperation[] {
  const attach = writeOperation<PolicyArnInput, void>({
    service: 'iam',
    name: `Attach${kind.title}Policy`,
    resources: (input, context) => [boundedTarget(context, kind, input, { 'iam:PolicyARN': input.PolicyArn })],
    run: (input, context) => {
      const { PolicyArn: policyArn } = input;
      const row = findEditable(context, kind, nameIn(kind, input));
      checkPolicyArn(policyArn);
      const policy = managedPolicy(context.db, context.account, policyArn);
      if (policy === undefined) {
        throw noSuchEntity(`Policy ${policyArn} does not exist or is not attachable.`);
      }
      if (policy.path.startsWith('/aws-service-role/')) {
        throw new ApiError(
          'PolicyNotAttachable',
          `Cannot attach a Service Role Policy to a Customer ${kind.title}. ${policyArn} is for the service-linked role of its service only.`,
        );
      }
      if (row.attachedPolicies.includes(policyArn)) return;
      const { name, maximum } = kind.attachedQuota;
      if (row.attachedPolicies.length >= maximum) throw quotaExceeded(name, maximum);
      context.db.put(kind.table, { ...row, attachedPolicies: [...row.attachedPolicies, policyArn] });
    },
  });

  const detach = writeOperation<PolicyArnInput, void>({
    service: 'iam',
    name: `Detach${kind.title}Policy`,
    resources: (input, context) => [boundedTarget(context, kind, input, { 'iam:PolicyARN': input.PolicyArn })],
    run: (input, context) => {
      const { PolicyArn: policyArn } = input;
      const row = findEditable(context, kind, nameIn(kind, input));
      checkPolicyArn(policyArn);
      if (!row.attachedPolicies.includes(policyArn)) throw noSuchEntity(`Policy ${policyArn} was not found.`);
      context.db.put(kind.table, { ...row, attachedPolicies: row.attachedPolicies.filter(one => one !== policyArn) });
    },
  });

  const list = readOperation<ListInput, object>({
    service: 'iam',
    name: `ListAttached${kind.title}Policies`,
    resources: (input, context) => [arnIn(context, kind, input)],
    run: (input, context) => {
      const row = find(context, kind, nameIn(kind, input));
      const prefix = checkedPathPrefix(input.PathPrefix);
      const attached = row.attachedPolicies.flatMap(arn => managedPolicy(context.db, context.account, arn) ?? []);
      const wanted = attached.filter(policy => policy.path.startsWith(prefix));
      const { rows, end } = pageByKey(context, input, wanted, policy => policy.arn);
      const AttachedPolicies = rows.map(
        (policy): AttachedPolicy => ({ PolicyName: policy.policyName, PolicyArn: policy.arn }),
      );
      return { AttachedPolicies, ...end };
    },
  });

  return [attach, detach, list];
}
