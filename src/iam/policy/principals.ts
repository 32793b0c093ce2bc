import type { Principals } from './document.ts';
import type { PolicyPrincipal, PrincipalMatcher } from './types.ts';

/**
 * How a statement of a resource's policy names the caller. Within one account it decides what else must allow:
 * - `self`: by a name that is the caller himself (user, session, everyone, a service): nothing else;
 * - `role`: the role of his session, or the user who federated him: boundary and session policies must allow too;
 * - `account`: his account, whose own policies then decide.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource.html
 */
export type Naming = 'none' | 'account' | 'role' | 'self';

const root = /^arn:[^:]+:iam::(\d{12}):root$/;

/** Makes Principal or NotPrincipal ready. */
export function compilePrincipals({ not, values }: Principals): PrincipalMatcher {
  const accounts = new Set<string>();
  const names = new Set<string>();
  for (const name of values.AWS) {
    const account = /^\d{12}$/.test(name) ? name : root.exec(name)?.[1];
    if (account !== undefined) accounts.add(account);
    else if (name !== '*') names.add(name);
  }
  return {
    not,
    everyone: values.AWS.includes('*'),
    accounts,
    names,
    services: new Set(values.Service.map(name => name.toLowerCase())),
    federated: new Set(values.Federated),
  };
}

/** Does a statement with this Principal concern the caller, and by which name? */
export function namingOf(matcher: PrincipalMatcher, principal: PolicyPrincipal): Naming {
  let found: Naming = 'none';
  if (matcher.everyone) return 'self';
  for (const service of principal.services ?? []) if (matcher.services.has(service)) return 'self';
  for (const arn of principal.arns) {
    if (matcher.federated.has(arn)) return 'self';
    if (!matcher.names.has(arn)) continue;
    if (!isIndirect(arn, principal)) return 'self';
    found = 'role';
  }
  if (found === 'none' && matcher.accounts.has(principal.account)) return 'account';
  return found;
}

/**
 * Is the caller among those whom NotPrincipal leaves out? Of a Deny, only if every name of his is listed, his
 * account's among them, as AWS documents it; of an Allow (which AWS advises against), if any is.
 */
export function isExcluded(matcher: PrincipalMatcher, principal: PolicyPrincipal, effect: 'Allow' | 'Deny'): boolean {
  if (matcher.everyone) return true;
  if ((principal.services ?? []).some(service => matcher.services.has(service))) return true;
  const listed = principal.arns
    .filter(arn => arn.startsWith('arn:') && !root.test(arn))
    .map(arn => matcher.names.has(arn) || matcher.federated.has(arn));
  const account = principal.account === '' ? [] : [matcher.accounts.has(principal.account)];
  const all = [...listed, ...account];
  return effect === 'Deny' ? all.length > 0 && all.every(Boolean) : all.some(Boolean);
}

/** A role is not the session that acts in it, nor is the user who federated another that other. */
function isIndirect(arn: string, principal: PolicyPrincipal): boolean {
  if (/:role\//.test(arn) || /^AROA[^:]*$/.test(arn)) return true;
  if (!/:user\//.test(arn) && !/^AIDA/.test(arn)) return false;
  return principal.arns.some(each => /:federated-user\//.test(each));
}
