import { defineTable } from '../state/table.ts';

/** What can be kept. */
export type RetainedType = 'EBS_SNAPSHOT' | 'EC2_IMAGE';

export interface ResourceTagRule {
  readonly key: string;
  /** Any value when absent. */
  readonly value?: string;
}

/** A retention rule of the Recycle Bin. Times are milliseconds since the epoch. */
export interface RetentionRuleRow {
  /** Eleven letters and digits. */
  readonly identifier: string;
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly resourceType: RetainedType;
  readonly retentionDays: number;
  readonly description: string;
  /** Of the rule itself. */
  readonly tags: Readonly<Record<string, string>>;
  /** Those that resources must have one of; empty for a rule that holds for everything in the Region. */
  readonly resourceTags: readonly ResourceTagRule[];
  /** Those that except resources of a rule for everything. */
  readonly excludeResourceTags: readonly ResourceTagRule[];
  /** Once a rule was locked it has this for ever. */
  readonly lock?: RuleLock;
}

export interface RuleLock {
  readonly unlockDelayDays: number;
  readonly isLocked: boolean;
  /** Until then an unlocked rule cannot be changed. */
  readonly endTime?: number;
}

export const retentionRules = defineTable<RetentionRuleRow>()({
  name: 'retention_rules',
  key: row => row.identifier,
  indexes: {
    owner: row => row.owner,
    type: row => `${row.owner} ${row.resourceType}`,
  },
});
