import { defineTable } from '../../state/table.ts';

/**
 * A KMS key. Times are milliseconds since the epoch.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
 */
export interface KeyRow {
  /** A UUID. */
  readonly keyId: string;
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly description: string;
  readonly created: number;
  readonly state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  /** When it is to be deleted; while it is pending. */
  readonly deletionDate?: number;
  /** `AWS` for keys that services made for an account, such as that of `alias/aws/ebs`. */
  readonly manager: 'AWS' | 'CUSTOMER';
  readonly keySpec: 'SYMMETRIC_DEFAULT';
  readonly keyUsage: 'ENCRYPT_DECRYPT';
  /** The key policy, as JSON text. */
  readonly policy: string;
  /** Unique ids of users and roles that the policy names, by their ARNs. */
  readonly policyIds?: Readonly<Record<string, string>>;
  /** Oldest first; the last one encrypts, all of them decrypt. */
  readonly materials: readonly KeyMaterial[];
  readonly tags: Readonly<Record<string, string>>;
  /** Automatic rotation, when it is on. */
  readonly rotation?: {
    /** Days. */
    readonly period: number;
    readonly next: number;
  };
}

export interface KeyMaterial {
  /** 64 hexadecimal digits. */
  readonly materialId: string;
  /** The 32 bytes in Base64, sealed. */
  readonly sealed: string;
  readonly created: number;
  /** How it came into being, unless it is the first. */
  readonly by?: 'AUTOMATIC' | 'ON_DEMAND';
}

export const keys = defineTable<KeyRow>()({
  name: 'kms_keys',
  key: row => row.keyId,
  indexes: { owner: row => row.owner },
});
