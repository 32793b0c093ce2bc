import type { Reader } from '../../state/state.ts';
import { policyKey } from '../entity.ts';
import { groups } from '../groups/model.ts';
import { roles } from '../roles/model.ts';
import { users } from '../users/model.ts';

/** Users, groups and roles of the account to which a policy is attached, as `AttachmentCount` has it. */
export function attachmentCount(db: Reader, account: string, arn: string): number {
  const key = policyKey(account, arn);
  return db.countBy(users, 'policy', key) + db.countBy(groups, 'policy', key) + db.countBy(roles, 'policy', key);
}

/** Users and roles of the account whose permissions a policy bounds, as `PermissionsBoundaryUsageCount` has it. */
export function boundaryCount(db: Reader, account: string, arn: string): number {
  const key = policyKey(account, arn);
  return db.countBy(users, 'boundary', key) + db.countBy(roles, 'boundary', key);
}
