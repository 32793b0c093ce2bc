import type { AccessTarget, ConditionKeys } from '../../api/access.ts';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import { aliasKeys, keyTarget } from '../access/targets.ts';
import { accessDenied } from '../errors.ts';
import { findKey, keyArn, mustBeEnabled } from '../keys/find.ts';
import { type KeyRow, keys } from '../keys/model.ts';
import { keyIdOf, open } from './ciphertext.ts';
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import { checkAlgorithm, checkedBytes } from './input.ts';

/** What is to be decrypted; by Decrypt, or by ReEncrypt. */
export interface Encrypted {
  readonly ciphertext: Uint8Array | undefined;
  /** The key that it must be of, where the caller says so. */
  readonly identifier: string | undefined;
  readonly algorithm: string | undefined;
  readonly context: EncryptionContext;
}

/** The key of this Region that made a ciphertext. */
function keyOfCiphertext(context: ReadContext, ciphertext: Uint8Array | undefined): KeyRow | undefined {
  const id = ciphertext === undefined ? undefined : keyIdOf(ciphertext);
  const row = id === undefined ? undefined : context.db.get(keys, id);
  return row !== undefined && regionOf(row.owner) === context.region ? row : undefined;
}

/** The key that decrypts, as what a call touches. */
export function decryptionTarget(context: ReadContext, encrypted: Encrypted, more: ConditionKeys = {}): AccessTarget {
  const { identifier, ciphertext, algorithm } = encrypted;
  const row = identifier === undefined ? keyOfCiphertext(context, ciphertext) : undefined;
  return keyTarget(context, row === undefined ? identifier : keyArn(row), {
    ...cryptographicKeys(algorithm, encrypted.context),
    ...aliasKeys(identifier),
    ...more,
  });
}

/** Condition keys of operations that encrypt or decrypt. */
export function cryptographicKeys(algorithm: string | undefined, context: EncryptionContext): ConditionKeys {
  return { 'kms:EncryptionAlgorithm': algorithm ?? 'SYMMETRIC_DEFAULT', ...contextKeys(context) };
}

/**
 * @throws ApiError `InvalidCiphertextException` for what was changed, or has another encryption context,
 *   `IncorrectKeyException`, `DisabledException`, `KMSInvalidStateException`, `NotFoundException`
 */
export function decrypt(context: ReadContext, encrypted: Encrypted) {
  const ciphertext = checkedBytes('ciphertextBlob', encrypted.ciphertext, 6144);
  const { identifier } = encrypted;
  const id = keyIdOf(ciphertext);
  const named = identifier === undefined ? undefined : findKey(context, identifier, { alias: true, foreign: true });
  if (id === undefined) throw invalidCiphertext();
  if (named !== undefined && named.keyId !== id) {
    throw new ApiError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  const row = named ?? keyOfCiphertext(context, ciphertext);
  if (row === undefined) {
    throw accessDenied(
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    );
  }
  mustBeEnabled(row);
  checkAlgorithm(row, encrypted.algorithm);
  const opened = open(context.services.secrets, row, ciphertext, encrypted.context);
  if (opened === undefined) throw invalidCiphertext();
  return { ...opened, row };
}

function invalidCiphertext(): ApiError {
  return new ApiError(
    'InvalidCiphertextException',
    'The ciphertext is not valid, or was made with another encryption context.',
  );
}
