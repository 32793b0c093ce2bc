import { ApiError } from '../../api/errors.ts';
import type { ReadContext, WriteContext } from '../../api/operation.ts';
import type { DiskKey } from '../../engine/engine.ts';
import { unwrap } from '../../kms/data-keys.ts';
import type { SnapshotRow } from './model.ts';

/** How a snapshot's blocks are encrypted. */
export type SnapshotEncryption = Pick<SnapshotRow, 'encrypted' | 'kmsKeyId' | 'wrappedKey'>;

export interface EncryptionRequest {
  readonly Encrypted?: boolean | undefined;
  readonly KmsKeyId?: string | undefined;
}

/**
 * How a copy of a snapshot is encrypted.
 * @throws ApiError `InvalidParameterValue`, `InvalidParameterDependency`, `UnsupportedOperation`
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
 */
export function encryptionOfCopy(
  _context: WriteContext,
  { Encrypted, KmsKeyId }: EncryptionRequest,
  source: SnapshotRow,
): SnapshotEncryption {
  if (KmsKeyId !== undefined && Encrypted !== true) {
    throw new ApiError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set to true.',
    );
  }
  if (source.encrypted && Encrypted === false) {
    throw new ApiError(
      'InvalidParameterValue',
      `A copy of the encrypted snapshot ${source.snapshotId} is encrypted. Leave out Encrypted.`,
    );
  }
  if (Encrypted === true) {
    throw new ApiError(
      'UnsupportedOperation',
      'Encrypted snapshots are not supported yet. Leave out Encrypted and KmsKeyId.',
    );
  }
  const { encrypted, kmsKeyId, wrappedKey } = source;
  return { encrypted, ...(kmsKeyId && { kmsKeyId }), ...(wrappedKey && { wrappedKey }) };
}

/** The key that a snapshot's blocks are read with. @throws KeyUnavailableError */
export function diskKeyOf(
  { db, services }: Pick<ReadContext, 'db'> & { readonly services: Pick<ReadContext['services'], 'secrets'> },
  row: Pick<SnapshotRow, 'wrappedKey'>,
): DiskKey | undefined {
  return row.wrappedKey === undefined ? undefined : unwrap(db, services.secrets, row.wrappedKey);
}
