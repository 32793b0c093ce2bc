import type { AccessRules } from './api/authorize.ts';
import { ec2ResourceFacts } from './ec2/access/resource-facts.ts';
import { policySetOf, principalKeys } from './iam/principals.ts';
import { iamResourceFacts } from './iam/resource-facts.ts';
import { keyPolicyOf } from './kms/access/key-policies.ts';
import { kmsResourceFacts } from './kms/access/resource-facts.ts';
import { retentionRuleFacts } from './rbin/resource-facts.ts';
import { checkSession } from './sts/session-limits.ts';
import { trustPolicyOf } from './sts/trust.ts';

/** What authorization asks of each service. A service whose resources have tags or keys adds its lookup. */
export const accessRules: AccessRules = {
  policySetOf,
  principalKeys,
  checkSession,
  resources: { ec2: ec2ResourceFacts, iam: iamResourceFacts, kms: kmsResourceFacts, rbin: retentionRuleFacts },
  resourcePolicyOf: (context, action, arn) => {
    if (action.startsWith('sts:')) return trustPolicyOf(context.db, arn);
    return action.startsWith('kms:') ? keyPolicyOf(context, action, arn) : undefined;
  },
};
