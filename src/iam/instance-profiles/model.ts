import { defineTable } from '../../state/table.ts';
import { entityArn } from '../arns.ts';
import { nameKey, type Owned, type Tagged } from '../entity.ts';

export interface InstanceProfileRow extends Owned, Tagged {
  /** `AIPA…` */
  readonly instanceProfileId: string;
  readonly instanceProfileName: string;
  /** `AROA…` of its role, of which there is one at most. */
  readonly roleId?: string;
}

export const instanceProfiles = defineTable<InstanceProfileRow>()({
  name: 'iam_instance_profiles',
  key: row => row.instanceProfileId,
  indexes: {
    account: row => row.account,
    name: row => nameKey(row.account, row.instanceProfileName),
    role: row => row.roleId,
  },
});

export const instanceProfileArn = (row: InstanceProfileRow): string =>
  entityArn(row.account, 'instance-profile', row.path, row.instanceProfileName);
