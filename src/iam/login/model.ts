import { defineTable } from '../../state/table.ts';

/** A user's password. */
export interface LoginProfileRow {
  readonly userId: string;
  readonly account: string;
  /** Hash of the password and of former ones, newest first, each sealed about the user's id. */
  readonly sealedHashes: readonly string[];
  readonly createDate: number;
  /** When the password was last set. */
  readonly changed: number;
  readonly resetRequired: boolean;
}

export const loginProfiles = defineTable<LoginProfileRow>()({
  name: 'iam_login_profiles',
  key: row => row.userId,
  indexes: {},
});
