import { randomBytes } from 'node:crypto';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  GenerateDataKeyRequest,
  GenerateDataKeyResponse,
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
  GenerateRandomRequest,
  GenerateRandomResponse,
  ReEncryptRequest,
  ReEncryptResponse,
} from '@aws-sdk/client-kms';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { aliasKeys, keyTarget } from '../access/targets.ts';
import { unsupported, validation } from '../errors.ts';
import { checkGrantTokens } from '../grants/tokens.ts';
import { arnOfKey, findKey, keyArn, mustBeEnabled } from '../keys/find.ts';
import type { KeyRow } from '../keys/model.ts';
import { seal } from './ciphertext.ts';
import { cryptographicKeys, decrypt, decryptionTarget, type Encrypted } from './decryption.ts';
import { contextOf, type EncryptionContext } from './encryption-context.ts';
import {
  checkAlgorithm,
  checkedBytes,
  checkedNumber,
  dataKeyLength,
  refuseModifiers,
  refuseRecipient,
} from './input.ts';
import { currentMaterial } from './material.ts';

const service = 'kms';

/** Bytes that Encrypt takes at most. */
const largestPlaintext = 4096;

interface KeyUse {
  readonly KeyId: string | undefined;
  readonly EncryptionContext?: EncryptionContext | undefined;
  readonly EncryptionAlgorithm?: string | undefined;
  readonly GrantTokens?: string[] | undefined;
}

function useTarget({ KeyId, EncryptionContext = {}, EncryptionAlgorithm }: KeyUse, context: ReadContext) {
  const keys = { ...cryptographicKeys(EncryptionAlgorithm, EncryptionContext), ...aliasKeys(KeyId) };
  return [keyTarget(context, KeyId, keys)];
}

/** The key of a call that encrypts. @throws ApiError */
function usableKey(context: ReadContext, { KeyId, GrantTokens, EncryptionAlgorithm }: KeyUse): KeyRow {
  checkGrantTokens(context, GrantTokens);
  const row = findKey(context, KeyId, { alias: true, foreign: true });
  mustBeEnabled(row);
  checkAlgorithm(row, EncryptionAlgorithm);
  return row;
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html */
const encrypt = readOperation<EncryptRequest, EncryptResponse>({
  service,
  name: 'Encrypt',
  resources: useTarget,
  run: (input, context) => {
    const plaintext = checkedBytes('plaintext', input.Plaintext, largestPlaintext);
    const row = usableKey(context, input);
    return {
      CiphertextBlob: seal(context.services.secrets, row, plaintext, input.EncryptionContext ?? {}),
      KeyId: keyArn(row),
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html */
const decryptOperation = readOperation<DecryptRequest, DecryptResponse>({
  service,
  name: 'Decrypt',
  resources: (input, context) => [decryptionTarget(context, encryptedOf(input))],
  run: (input, context) => {
    refuseRecipient(input.Recipient);
    refuseModifiers(input.DryRunModifiers);
    checkGrantTokens(context, input.GrantTokens);
    const { row, plaintext, materialId } = decrypt(context, encryptedOf(input));
    return {
      KeyId: keyArn(row),
      Plaintext: plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyMaterialId: materialId,
    };
  },
});

function encryptedOf(input: DecryptRequest): Encrypted {
  const { CiphertextBlob: ciphertext, KeyId: identifier, EncryptionAlgorithm: algorithm } = input;
  return { ciphertext, identifier, algorithm, context: input.EncryptionContext ?? {} };
}

function sourceOf(input: ReEncryptRequest): Encrypted {
  const { CiphertextBlob: ciphertext, SourceKeyId: identifier, SourceEncryptionAlgorithm: algorithm } = input;
  return { ciphertext, identifier, algorithm, context: input.SourceEncryptionContext ?? {} };
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html */
const reEncrypt = readOperation<ReEncryptRequest, ReEncryptResponse>({
  service,
  name: 'ReEncrypt',
  action: 'kms:ReEncryptFrom',
  resources: (input, context) => {
    const { DestinationKeyId: KeyId, DestinationEncryptionAlgorithm: algorithm } = input;
    const from = decryptionTarget(context, sourceOf(input));
    const onSame = { 'kms:ReEncryptOnSameKey': from.arn === arnOfKey(context, KeyId) };
    const to = {
      ...cryptographicKeys(algorithm, contextOf(input as object as Record<string, unknown>, 'ReEncryptTo')),
      ...aliasKeys(KeyId),
    };
    return [
      { ...from, keys: { ...from.keys, ...onSame } },
      { ...keyTarget(context, KeyId, { ...to, ...onSame }), action: 'kms:ReEncryptTo' },
    ];
  },
  run: (input, context) => {
    refuseModifiers(input.DryRunModifiers);
    const { DestinationKeyId, DestinationEncryptionContext = {}, DestinationEncryptionAlgorithm, GrantTokens } = input;
    const from = decrypt(context, sourceOf(input));
    const to = usableKey(context, {
      KeyId: DestinationKeyId,
      EncryptionAlgorithm: DestinationEncryptionAlgorithm,
      GrantTokens,
    });
    return {
      CiphertextBlob: seal(context.services.secrets, to, from.plaintext, DestinationEncryptionContext),
      SourceKeyId: keyArn(from.row),
      KeyId: keyArn(to),
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      SourceKeyMaterialId: from.materialId,
      DestinationKeyMaterialId: currentMaterial(to).materialId,
    };
  },
});

/** A new data key, and what names the key that it is encrypted under. */
function dataKey(context: ReadContext, input: GenerateDataKeyRequest) {
  const bytes = dataKeyLength(input);
  const row = usableKey(context, input);
  const plaintext = randomBytes(bytes);
  const answer = {
    CiphertextBlob: seal(context.services.secrets, row, plaintext, input.EncryptionContext ?? {}),
    KeyId: keyArn(row),
    KeyMaterialId: currentMaterial(row).materialId,
  };
  return { answer, plaintext };
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html */
const generateDataKey = readOperation<GenerateDataKeyRequest, GenerateDataKeyResponse>({
  service,
  name: 'GenerateDataKey',
  resources: useTarget,
  run: (input, context) => {
    refuseRecipient(input.Recipient);
    const { answer, plaintext } = dataKey(context, input);
    return { ...answer, Plaintext: plaintext };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html */
const generateDataKeyWithoutPlaintext = readOperation<
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse
>({
  service,
  name: 'GenerateDataKeyWithoutPlaintext',
  resources: useTarget,
  run: (input, context) => dataKey(context, input).answer,
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html */
const generateRandom = readOperation<GenerateRandomRequest, GenerateRandomResponse>({
  service,
  name: 'GenerateRandom',
  resources: () => ['*'],
  run: input => {
    refuseRecipient(input.Recipient);
    if (input.CustomKeyStoreId !== undefined) throw unsupported('Custom key stores are not supported.');
    if (input.NumberOfBytes === undefined) throw validation('Please specify the number of bytes.');
    return { Plaintext: randomBytes(checkedNumber(input.NumberOfBytes)) };
  },
});

export const cryptographicOperations: readonly AnyOperation[] = [
  encrypt,
  decryptOperation,
  reEncrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  generateRandom,
];
