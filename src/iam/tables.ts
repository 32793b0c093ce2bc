import type { AnyTable } from '../state/state.ts';
import { groups } from './groups/model.ts';
import { instanceProfiles } from './instance-profiles/model.ts';
import { accessKeys, lastUses } from './keys/model.ts';
import { managedPolicies } from './managed-policies/model.ts';
import { roles } from './roles/model.ts';
import { users } from './users/model.ts';

/** Every table of IAM. Rows belong to an account, not to a Region of it. */
export const iamTables: readonly AnyTable[] = [
  accessKeys,
  groups,
  instanceProfiles,
  lastUses,
  managedPolicies,
  roles,
  users,
];
