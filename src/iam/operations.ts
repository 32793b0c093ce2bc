import type { AnyOperation } from '../api/operation.ts';
import { accountAliasOperations } from './account/aliases.ts';
import { getAccountAuthorizationDetails } from './account/authorization-details.ts';
import { credentialReportOperations } from './account/credential-report.ts';
import { passwordPolicyOperations } from './account/password-policy.ts';
import { getAccountSummary } from './account/summary.ts';
import { emptyListings } from './empty-listings.ts';
import { groupOperations } from './groups/operations.ts';
import { instanceProfileOperations } from './instance-profiles/operations.ts';
import { accessKeyOperations } from './keys/operations.ts';
import { loginProfileOperations } from './login/operations.ts';
import { managedPolicyOperations } from './managed-policies/operations.ts';
import { mfaOperations } from './mfa/operations.ts';
import { oidcOperations } from './oidc/operations.ts';
import { roleOperations } from './roles/operations.ts';
import { serviceLinkedRoleOperations } from './service-linked/operations.ts';
import { listPoliciesGrantingServiceAccess } from './simulation/granting.ts';
import { simulationOperations } from './simulation/operations.ts';
import { userOperations } from './users/operations.ts';

/** Every operation of IAM, by resource. */
export const iamOperations: readonly AnyOperation[] = [
  ...accessKeyOperations,
  ...accountAliasOperations,
  ...credentialReportOperations,
  ...emptyListings,
  getAccountAuthorizationDetails,
  getAccountSummary,
  ...groupOperations,
  ...instanceProfileOperations,
  listPoliciesGrantingServiceAccess,
  ...loginProfileOperations,
  ...managedPolicyOperations,
  ...mfaOperations,
  ...oidcOperations,
  ...passwordPolicyOperations,
  ...roleOperations,
  ...serviceLinkedRoleOperations,
  ...simulationOperations,
  ...userOperations,
];
