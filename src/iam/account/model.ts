import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';

/** What IAM keeps of an account as a whole. */
export interface AccountSettingsRow {
  readonly account: string;
  /** Its name in sign-in addresses; no other account has it. */
  readonly alias?: string;
  readonly passwordPolicy?: PasswordPolicyRow;
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html */
export interface PasswordPolicyRow {
  readonly minimumLength: number;
  readonly requireSymbols: boolean;
  readonly requireNumbers: boolean;
  readonly requireUppercase: boolean;
  readonly requireLowercase: boolean;
  readonly allowUsersToChange: boolean;
  /** Days. */
  readonly maxAge?: number;
  /** How many former passwords must not be used again. */
  readonly reusePrevention?: number;
  readonly hardExpiry: boolean;
}

export const accountSettings = defineTable<AccountSettingsRow>()({
  name: 'iam_accounts',
  key: row => row.account,
  indexes: { alias: row => row.alias },
});

export function settingsOf(db: Reader, account: string): AccountSettingsRow {
  return db.get(accountSettings, account) ?? { account };
}

/** A CSV of an account's users and their credentials, as it was when it was asked for. */
export interface CredentialReportRow {
  readonly account: string;
  /** Milliseconds since the epoch. */
  readonly generated: number;
  readonly content: string;
}

export const credentialReports = defineTable<CredentialReportRow>()({
  name: 'iam_credential_reports',
  key: row => row.account,
  indexes: {},
});
