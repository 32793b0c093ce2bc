import { defineTable } from '../../state/table.ts';
import { nameKey, type Owned, type Tagged } from '../entity.ts';

/** A customer managed policy; AWS's own are not rows. */
export interface PolicyRow extends Owned, Tagged {
  readonly arn: string;
  /** `ANPA…` */
  readonly policyId: string;
  readonly policyName: string;
  readonly description?: string;
  readonly updateDate: number;
  readonly defaultVersionId: string;
  /** Oldest first; five at most. */
  readonly versions: readonly PolicyVersionRow[];
  /** Number of the next version: numbers are never used again. */
  readonly nextVersion: number;
}

export interface PolicyVersionRow {
  /** `v1` … */
  readonly versionId: string;
  readonly document: string;
  readonly createDate: number;
}

export const managedPolicies = defineTable<PolicyRow>()({
  name: 'iam_policies',
  key: row => row.arn,
  indexes: { account: row => row.account, name: row => nameKey(row.account, row.policyName) },
});
