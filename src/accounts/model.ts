import { defineTable } from '../state/table.ts';

/** An account: what owns resources. Its root's access keys are with those of IAM's users. */
export interface AccountRow {
  /** Twelve digits. */
  readonly accountId: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Regions that it may not use, of those that AWS lets accounts opt in to. */
  readonly optedOutRegions?: readonly string[];
}

export const accounts = defineTable<AccountRow>()({
  name: 'accounts',
  key: row => row.accountId,
  indexes: { name: row => row.name },
});
