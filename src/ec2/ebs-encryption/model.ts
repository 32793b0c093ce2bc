import type { KeyUnavailableError } from '../../kms/data-keys.ts';
import { defineTable } from '../../state/table.ts';

/** The encryption of a volume's or snapshot's blocks, as their rows have it. */
export interface DiskEncryption {
  readonly encrypted: boolean;
  /** ARN of the KMS key; what was asked for, if that cannot be used. */
  readonly kmsKeyId?: string;
  /** The data key that the blocks are encrypted with, wrapped by the KMS key. */
  readonly wrappedKey?: string;
  /** The data key of the snapshot that it is made of, wrapped; absent when that is not encrypted. */
  readonly sourceKey?: string;
  /** Why it cannot be made: EC2 finds out after it has answered. */
  readonly keyRefused?: KeyUnavailableError['reason'];
}

/** What an account has chosen for new volumes and copies in a Region. There is no row where it has chosen nothing. */
export interface EbsEncryptionRow {
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  /** Everything new is encrypted. */
  readonly byDefault: boolean;
  /** ARN of the KMS key that encrypts where a request names none; EBS's own unless given. */
  readonly kmsKeyId?: string;
}

export const ebsEncryption = defineTable<EbsEncryptionRow>()({
  name: 'ebs_encryption',
  key: row => row.owner,
  indexes: {},
});
