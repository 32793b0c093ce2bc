import type { GrantOperation } from '@aws-sdk/client-kms';
import { defineTable } from '../../state/table.ts';

/**
 * A permission to use one key, for one principal.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
 */
export interface GrantRow {
  /** 64 hexadecimal digits. */
  readonly grantId: string;
  readonly keyId: string;
  readonly name: string;
  /** ARN, as it was given. */
  readonly grantee: string;
  readonly retiring?: string;
  /** Unique ids of the two, by their ARNs. */
  readonly principalIds: Readonly<Record<string, string>>;
  /** Account or ARN of who made it. */
  readonly issuer: string;
  readonly operations: readonly GrantOperation[];
  readonly constraints?: GrantConstraintsRow;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

/** Which encryption contexts the grant is for: those that are equal, or that have at least these pairs. */
export interface GrantConstraintsRow {
  readonly equals?: Readonly<Record<string, string>>;
  readonly subset?: Readonly<Record<string, string>>;
}

export const grants = defineTable<GrantRow>()({
  name: 'kms_grants',
  key: row => row.grantId,
  indexes: { keyId: row => row.keyId, retiring: row => row.retiring },
});
