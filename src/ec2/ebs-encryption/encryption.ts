import { ApiError } from '../../api/errors.ts';
import type { ReadContext, WriteContext } from '../../api/operation.ts';
import { KeyUnavailableError, newDataKey } from '../../kms/data-keys.ts';
import { ebsAlias, ensureEbsKey } from '../../kms/keys/create.ts';
import { keyArn, lookUpKey } from '../../kms/keys/find.ts';
import { type DiskEncryption, ebsEncryption } from './model.ts';
import { type KeyUse, mayUseKey } from './permission.ts';

/*
 * How new volumes and copies of snapshots are encrypted. First a plan is made of what is asked for, which changes nothing;
 * then, when something is made by it, keys are.
 * https://docs.aws.amazon.com/ebs/latest/userguide/encryption-examples.html
 */

/** The parameters that every request has for it. */
export interface EncryptionRequest {
  readonly Encrypted?: boolean | undefined;
  readonly KmsKeyId?: string | undefined;
}

/** A snapshot that something is made of. */
export type EncryptedSource = Pick<DiskEncryption, 'encrypted' | 'kmsKeyId' | 'wrappedKey'> & {
  readonly owner: string;
};

export interface EncryptionPlan {
  readonly encrypted: boolean;
  /** The KMS key, by any of its names; without it, that of the source. */
  readonly key?: string;
  readonly source?: EncryptedSource;
}

/**
 * How a volume is to be encrypted: as asked for; as its snapshot is, if that is the account's own; else under the
 * account's default key, when the snapshot is encrypted or everything new is.
 * @throws ApiError `InvalidParameterDependency`, `InvalidParameterValue`
 */
export function planVolume(context: ReadContext, request: EncryptionRequest, source?: EncryptedSource): EncryptionPlan {
  checkRequest(request, source);
  const { byDefault, key } = defaultsOf(context);
  const isEncrypted = request.Encrypted === true || source?.encrypted === true || byDefault;
  if (!isEncrypted) return { encrypted: false };
  const keepsKey = source?.encrypted === true && source.owner === context.owner;
  const chosen = request.KmsKeyId ?? (keepsKey ? undefined : key);
  return { encrypted: true, ...(chosen !== undefined && { key: chosen }), ...(source && { source }) };
}

/**
 * How a copy of a snapshot is to be encrypted; under another key than the source's unless it is asked for.
 * @throws ApiError `InvalidParameterDependency`, `InvalidParameterValue`
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html#creating-encrypted-snapshots
 */
export function planCopy(context: ReadContext, request: EncryptionRequest, source: EncryptedSource): EncryptionPlan {
  checkRequest(request, source);
  const { byDefault, key } = defaultsOf(context);
  if (request.Encrypted !== true && !source.encrypted && !byDefault) return { encrypted: false, source };
  // Where nothing says otherwise a copy of what is encrypted is under EBS's own key, not the account's choice.
  const usual = request.Encrypted === true || byDefault ? key : ebsAlias;
  return { encrypted: true, key: request.KmsKeyId ?? usual, source };
}

/** What the caller's account has chosen in this Region. */
export function defaultsOf({ db, owner }: ReadContext): { byDefault: boolean; key: string } {
  const row = db.get(ebsEncryption, owner);
  return { byDefault: row?.byDefault === true, key: row?.kmsKeyId ?? ebsAlias };
}

function checkRequest({ Encrypted, KmsKeyId }: EncryptionRequest, source: EncryptedSource | undefined): void {
  if (KmsKeyId !== undefined && Encrypted !== true) {
    throw new ApiError(
      'InvalidParameterDependency',
      'The parameter [KmsKeyId] requires the parameter Encrypted to be set.',
    );
  }
  if (Encrypted === false && source?.encrypted === true) {
    throw new ApiError(
      'InvalidParameterValue',
      'What is made of an encrypted snapshot is encrypted. Leave out Encrypted, or set it to true.',
    );
  }
}

/**
 * Makes what a plan needs: the account's EBS key when it is first used, and a data key, unless the snapshot's can stay.
 * A key that does not exist, or that the caller may not use, is no error yet: the maker of the disk will fail.
 * @param forMachine a machine is to work with it
 */
export function encrypt(context: WriteContext, plan: EncryptionPlan, forMachine = false): DiskEncryption {
  if (!plan.encrypted) return { encrypted: false };
  const { db, services, owner, now } = context;
  const source = plan.source?.encrypted === true ? plan.source : undefined;
  const sourceKey = source?.wrappedKey && { sourceKey: source.wrappedKey };
  const identifier = plan.key ?? source?.kmsKeyId ?? ebsAlias;
  if (identifier === ebsAlias) ensureEbsKey(db, services.secrets, owner, now);
  const row = lookUpKey(db, context, identifier);
  const isSame = row !== undefined && source !== undefined && keyArn(row) === source.kmsKeyId;
  const refuse = (kmsKeyId: string, keyRefused: KeyUnavailableError['reason']) => ({
    encrypted: true,
    kmsKeyId,
    ...sourceKey,
    keyRefused,
  });
  // What another account calls its key is told to nobody who may not use it.
  const shown = row?.owner === owner ? keyArn(row) : identifier;
  if (source?.kmsKeyId !== undefined && !mayUseKey(context, source.kmsKeyId, 'read')) return refuse(shown, 'refused');
  if (row === undefined) return refuse(identifier, 'missing');
  const arn = keyArn(row);
  const needed: KeyUse[] = [...(isSame ? [] : ['encrypt' as const]), ...(forMachine ? ['attach' as const] : [])];
  if (!needed.every(use => mayUseKey(context, arn, use))) return refuse(shown, 'refused');
  if (isSame) {
    const { wrappedKey } = source;
    return { encrypted: true, kmsKeyId: arn, ...(wrappedKey !== undefined && { wrappedKey }), ...sourceKey };
  }
  try {
    const { wrapped } = newDataKey(db, services.secrets, context, arn);
    return { encrypted: true, kmsKeyId: arn, wrappedKey: wrapped, ...sourceKey };
  } catch (error) {
    if (error instanceof KeyUnavailableError) return refuse(arn, error.reason);
    throw error;
  }
}
