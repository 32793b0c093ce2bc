import { parseArn } from '../../api/arn.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { compilePolicy } from '../../iam/policy/compile.ts';
import type { CompiledPolicy } from '../../iam/policy/types.ts';
import { withPrincipalIds } from '../../iam/policy-principals.ts';
import { grantsFor } from '../grants/permissions.ts';
import { type KeyRow, keys } from '../keys/model.ts';

const compiled = new WeakMap<KeyRow, CompiledPolicy>();

function compiledKeyPolicy(row: KeyRow): CompiledPolicy {
  let policy = compiled.get(row);
  if (policy === undefined) {
    policy = compilePolicy(withPrincipalIds(row.policy, row.policyIds), { id: 'default', type: 'resource' }, 'key');
    compiled.set(row, policy);
  }
  return policy;
}

/**
 * What a key itself says about who may do what with it: its policy, and its grants that fit the call. Nobody may do
 * anything with a key that it does not allow, or leave to its account's policies by naming the account.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
 */
export function keyPolicyOf(context: ReadContext, action: string, arn: string) {
  const parts = parseArn(arn);
  if (parts?.service !== 'kms' || !parts.resource.startsWith('key/')) return undefined;
  const row = context.db.get(keys, parts.resource.slice(4));
  if (row === undefined || row.owner !== `${parts.account}/${parts.region}`) return undefined;
  const own = compiledKeyPolicy(row);
  const granted = grantsFor(context, row, action);
  const policy =
    granted.length === 0
      ? own
      : {
          ...own,
          forAction: (name: string) => [...own.forAction(name), ...granted.flatMap(one => one.forAction(name))],
        };
  return { policy, account: accountOf(row.owner) };
}
