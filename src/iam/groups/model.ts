import { defineTable } from '../../state/table.ts';
import { entityArn } from '../arns.ts';
import { type Identity, nameKey, policyKeys } from '../entity.ts';

export interface GroupRow extends Identity {
  /** `AGPA…` */
  readonly groupId: string;
  readonly groupName: string;
}

export const groups = defineTable<GroupRow>()({
  name: 'iam_groups',
  key: row => row.groupId,
  indexes: {
    account: row => row.account,
    name: row => nameKey(row.account, row.groupName),
    policy: policyKeys,
  },
});

export const groupArn = (row: GroupRow): string => entityArn(row.account, 'group', row.path, row.groupName);
