import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import type { Bounded, Identity, InlinePolicy } from '../entity.ts';
import { limitExceeded, noSuchEntity } from '../errors.ts';
import { checkName } from '../names.ts';
import { type MarkerInput, pageByKey } from '../paging.ts';
import { validatePolicyDocument } from '../policy/validate.ts';
import { encodeDocument, policySize } from '../policy-text.ts';
import { arnIn, boundedTarget, find, findEditable, type IdentityKind, type NamedInput, nameIn } from './kinds.ts';

interface PolicyInput extends NamedInput {
  readonly PolicyName: string;
}

/**
 * The actions for inline policies of a kind of identity: `PutUserPolicy`, `GetUserPolicy`, `DeleteUserPolicy`,
 * `ListUserPolicies` and those of groups and roles.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
 */
export function inlinePolicyOperations<Row extends Identity & Bounded>(
  kind: IdentityKind<Row>,
): readonly AnyOperation[] {
  const nameMember = `${kind.title}Name`;

  const put = writeOperation<PolicyInput & { readonly PolicyDocument: string }, void>({
    service: 'iam',
    name: `Put${kind.title}Policy`,
    resources: (input, context) => [boundedTarget(context, kind, input)],
    run: (input, context) => {
      const { PolicyName: name, PolicyDocument: document } = input;
      const row = findEditable(context, kind, nameIn(kind, input));
      checkName('policyName', name);
      validatePolicyDocument(document, 'identity');
      const policies = withPolicy(row.inlinePolicies, { name, document });
      const size = policies.reduce((sum, policy) => sum + policySize(policy.document), 0);
      if (size > kind.inlineSize) {
        throw limitExceeded(
          `Maximum policy size of ${kind.inlineSize} bytes exceeded for ${kind.type} ${kind.name(row)}`,
        );
      }
      context.db.put(kind.table, { ...row, inlinePolicies: policies });
    },
  });

  const get = readOperation<PolicyInput, object>({
    service: 'iam',
    name: `Get${kind.title}Policy`,
    resources: (input, context) => [arnIn(context, kind, input)],
    run: (input, context) => {
      const row = find(context, kind, nameIn(kind, input));
      const { name, document } = findPolicy(kind, row, input.PolicyName);
      return { [nameMember]: kind.name(row), PolicyName: name, PolicyDocument: encodeDocument(document) };
    },
  });

  const remove = writeOperation<PolicyInput, void>({
    service: 'iam',
    name: `Delete${kind.title}Policy`,
    resources: (input, context) => [boundedTarget(context, kind, input)],
    run: (input, context) => {
      const row = findEditable(context, kind, nameIn(kind, input));
      const policy = findPolicy(kind, row, input.PolicyName);
      context.db.put(kind.table, { ...row, inlinePolicies: row.inlinePolicies.filter(one => one !== policy) });
    },
  });

  const list = readOperation<NamedInput & MarkerInput, object>({
    service: 'iam',
    name: `List${kind.title}Policies`,
    resources: (input, context) => [arnIn(context, kind, input)],
    run: (input, context) => {
      const row = find(context, kind, nameIn(kind, input));
      const { rows, end } = pageByKey(context, input, row.inlinePolicies, policy => policy.name);
      return { PolicyNames: rows.map(policy => policy.name), ...end };
    },
  });

  return [put, get, remove, list];
}

/** A policy of the same name is replaced, in its place. */
function withPolicy(policies: readonly InlinePolicy[], added: InlinePolicy): readonly InlinePolicy[] {
  const present = policies.some(policy => policy.name === added.name);
  return present ? policies.map(policy => (policy.name === added.name ? added : policy)) : [...policies, added];
}

function findPolicy<Row extends Identity>(kind: IdentityKind<Row>, row: Row, name: string): InlinePolicy {
  const policy = row.inlinePolicies.find(one => one.name === name);
  if (policy === undefined) throw noSuchEntity(`The ${kind.type} policy with name ${name} cannot be found.`);
  return policy;
}
