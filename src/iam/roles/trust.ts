import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { limitExceeded } from '../errors.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { CompiledPolicy } from '../policy/types.ts';
import { validatePolicyDocument } from '../policy/validate.ts';
import { principalIdsOf, shownPrincipals, withPrincipalIds } from '../policy-principals.ts';
import { policySize } from '../policy-text.ts';
import { quotas } from '../quotas.ts';
import type { RoleRow } from './model.ts';

/** A trust policy as a role keeps it. */
export type Trust = Pick<RoleRow, 'assumeRolePolicyDocument' | 'trustedIds'>;

/**
 * Checks a trust policy. Users and roles that it names must exist; their unique ids are kept, so that others who get
 * their names later are not trusted.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
 * @throws ApiError `MalformedPolicyDocument`, `LimitExceeded`
 */
export function checkedTrust(db: Reader, document: string): Trust {
  const parsed = validatePolicyDocument(document, 'trust');
  if (policySize(document) > quotas.AssumeRolePolicySize) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${quotas.AssumeRolePolicySize}`);
  }
  const { ids, unknown } = principalIdsOf(db, parsed);
  if (unknown !== undefined) {
    throw new ApiError('MalformedPolicyDocument', `Invalid principal in policy: "AWS":"${unknown}"`);
  }
  return { assumeRolePolicyDocument: document, ...(Object.keys(ids).length > 0 && { trustedIds: ids }) };
}

/** The trust policy as GetRole shows it: with ARNs as they are now, and the ids of those who are gone. */
export function shownTrust(db: Reader, row: RoleRow): string {
  return shownPrincipals(db, row.assumeRolePolicyDocument, row.trustedIds);
}

const compiled = new WeakMap<RoleRow, CompiledPolicy>();

/** The trust policy made ready to decide who may assume the role. */
export function compiledTrust(row: RoleRow): CompiledPolicy {
  let policy = compiled.get(row);
  if (policy === undefined) {
    const document = withPrincipalIds(row.assumeRolePolicyDocument, row.trustedIds);
    policy = compilePolicy(document, { id: row.roleName, type: 'resource' }, 'trust');
    compiled.set(row, policy);
  }
  return policy;
}
