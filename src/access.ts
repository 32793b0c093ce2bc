import type { AccessRules } from './api/authorize.ts';
import { ec2ResourceFacts } from './ec2/access/resource-facts.ts';
import { policySetOf, principalKeys } from './iam/principals.ts';
import { iamResourceFacts } from './iam/resource-facts.ts';
import { checkSession } from './sts/session-limits.ts';
import { trustPolicyOf } from './sts/trust.ts';

/** What authorization asks of each service. A service whose resources have tags or keys adds its lookup. */
export const accessRules: AccessRules = {
  policySetOf,
  principalKeys,
  checkSession,
  resources: { ec2: ec2ResourceFacts, iam: iamResourceFacts },
  resourcePolicyOf: (db, action, arn) => (action.startsWith('sts:') ? trustPolicyOf(db, arn) : undefined),
};
