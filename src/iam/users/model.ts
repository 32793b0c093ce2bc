import { defineTable } from '../../state/table.ts';
import { entityArn } from '../arns.ts';
import { type Bounded, type Identity, nameKey, policyKey, policyKeys, type Tagged } from '../entity.ts';

export interface UserRow extends Identity, Bounded, Tagged {
  /** `AIDA…` */
  readonly userId: string;
  readonly userName: string;
  /** `AGPA…` of the groups that he is in, in the order of joining. */
  readonly groups: readonly string[];
}

export const users = defineTable<UserRow>()({
  name: 'iam_users',
  key: row => row.userId,
  indexes: {
    account: row => row.account,
    name: row => nameKey(row.account, row.userName),
    group: row => row.groups,
    policy: policyKeys,
    boundary: row => row.permissionsBoundary && policyKey(row.account, row.permissionsBoundary),
  },
});

export const userArn = (row: UserRow): string => entityArn(row.account, 'user', row.path, row.userName);
