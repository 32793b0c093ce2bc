import type { ReadContext, WriteContext } from '../../api/operation.ts';
import type { DiskKey } from '../../engine/engine.ts';
import { unwrap } from '../../kms/data-keys.ts';
import { type EncryptionRequest, encrypt, planCopy } from '../ebs-encryption/encryption.ts';
import type { DiskEncryption } from '../ebs-encryption/model.ts';
import type { SnapshotRow } from './model.ts';

/** How a snapshot's blocks are encrypted. */
export type SnapshotEncryption = DiskEncryption;

export type { EncryptionRequest };

/**
 * How a copy of a snapshot is encrypted.
 * @throws ApiError `InvalidParameterValue`, `InvalidParameterDependency`
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
 */
export function encryptionOfCopy(
  context: WriteContext,
  request: EncryptionRequest,
  source: SnapshotRow,
): SnapshotEncryption {
  return encrypt(context, planCopy(context, request, source));
}

/** The key that a snapshot's blocks are read with. @throws KeyUnavailableError */
export function diskKeyOf(
  { db, services }: Pick<ReadContext, 'db'> & { readonly services: Pick<ReadContext['services'], 'secrets'> },
  row: Pick<SnapshotRow, 'wrappedKey'>,
): DiskKey | undefined {
  return row.wrappedKey === undefined ? undefined : unwrap(db, services.secrets, row.wrappedKey);
}
