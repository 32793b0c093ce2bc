import { defineTable } from '../state/table.ts';

/** An account: what owns resources. Its root's access keys are with those of IAM's users. */
export interface AccountRow {
  /** Twelve digits. */
  readonly accountId: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

export const accounts = defineTable<AccountRow>()({
  name: 'accounts',
  key: row => row.accountId,
  indexes: { name: row => row.name },
});
