import { defineTable } from '../../state/table.ts';

/** A long-term access key of a user, or of an account's root. */
export interface AccessKeyRow {
  /** `AKIA…` */
  readonly accessKeyId: string;
  readonly account: string;
  /** `AIDA…`; absent: the account's root. */
  readonly userId?: string;
  /** The secret access key, sealed about the key's id. */
  readonly sealedSecret: string;
  readonly status: 'Active' | 'Inactive';
  /** Milliseconds since the epoch. */
  readonly createDate: number;
  /** The key that stands in `credentials.json` and is put back from there. */
  readonly fromFile?: true;
}

/** @see keyHolder */
export const accessKeys = defineTable<AccessKeyRow>()({
  name: 'iam_access_keys',
  key: row => row.accessKeyId,
  indexes: { holder: row => keyHolder(row.account, row.userId), account: row => row.account },
});

/** Under what a holder's keys are found: the user's id, or `ACCOUNT/root`. */
export function keyHolder(account: string, userId: string | undefined): string {
  return userId ?? `${account}/root`;
}

/** When a key or a role last signed a call. Apart from the keys, which are looked up at every call and seldom change. */
export interface LastUseRow {
  /** `AKIA…` or `AROA…` */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly date: number;
  /** As in credential scopes: `ec2`, `monitoring` … */
  readonly service: string;
  readonly region: string;
}

export const lastUses = defineTable<LastUseRow>()({ name: 'iam_last_uses', key: row => row.id, indexes: {} });
