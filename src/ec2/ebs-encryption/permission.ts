import { parseArn } from '../../api/arn.ts';
import type { ReadContext } from '../../api/operation.ts';
import { lookUpKey } from '../../kms/keys/find.ts';
import { keys } from '../../kms/keys/model.ts';
import type { Reader } from '../../state/state.ts';
import type { DiskEncryption } from './model.ts';

/** What EBS does with a KMS key on behalf of a caller, as actions of KMS that he must be allowed. */
const uses = {
  /** Makes a data key for a new volume or copy. */
  encrypt: ['kms:GenerateDataKeyWithoutPlaintext'],
  /** Reads a snapshot. */
  read: ['kms:Decrypt'],
  /** Lets a machine work with a volume. */
  attach: ['kms:CreateGrant', 'kms:Decrypt'],
} as const;

export type KeyUse = keyof typeof uses;

/**
 * Whether the caller may have EBS use a key, by the key's policy and his own.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-permissions
 */
export function mayUseKey(context: ReadContext, keyArn: string, use: KeyUse): boolean {
  const { account, services } = context;
  // Of a copy from another Region, EC2 reads the source there.
  const region = parseArn(keyArn)?.region ?? context.region;
  const always = { 'kms:CallerAccount': account, 'kms:ViaService': `ec2.${region}.amazonaws.com` };
  return uses[use].every(action => {
    const conditions = action === 'kms:CreateGrant' ? { ...always, 'kms:GrantIsForAWSResource': true } : always;
    return services.verdict(context, { action, arn: keyArn, keys: conditions }).decision.effect === 'allowed';
  });
}

/** The same, of a key that is enabled. */
export function isKeyUsable(context: ReadContext, keyArn: string, use: KeyUse): boolean {
  return lookUpKey(context.db, context, keyArn)?.state === 'Enabled' && mayUseKey(context, keyArn, use);
}

/** Whether something is encrypted under the key that EBS made for its account, which no other account may use. */
export function isUnderEbsKey(db: Reader, { kmsKeyId }: DiskEncryption): boolean {
  return kmsKeyId !== undefined && db.get(keys, kmsKeyId.slice(kmsKeyId.indexOf('/') + 1))?.manager === 'AWS';
}
