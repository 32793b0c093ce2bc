import type { AnyTable } from '../state/state.ts';
import { accountSettings, credentialReports } from './account/model.ts';
import { groups } from './groups/model.ts';
import { instanceProfiles } from './instance-profiles/model.ts';
import { accessKeys, lastUses } from './keys/model.ts';
import { loginProfiles } from './login/model.ts';
import { managedPolicies } from './managed-policies/model.ts';
import { mfaDevices } from './mfa/model.ts';
import { oidcProviders } from './oidc/model.ts';
import { roles } from './roles/model.ts';
import { deletionTasks } from './service-linked/model.ts';
import { users } from './users/model.ts';

/** Every table of IAM. Rows belong to an account, not to a Region of it. */
export const iamTables: readonly AnyTable[] = [
  accessKeys,
  accountSettings,
  credentialReports,
  deletionTasks,
  groups,
  instanceProfiles,
  lastUses,
  loginProfiles,
  managedPolicies,
  mfaDevices,
  oidcProviders,
  roles,
  users,
];
