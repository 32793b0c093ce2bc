import type {
  DisableEbsEncryptionByDefaultRequest,
  DisableEbsEncryptionByDefaultResult,
  EnableEbsEncryptionByDefaultRequest,
  EnableEbsEncryptionByDefaultResult,
  GetEbsDefaultKmsKeyIdRequest,
  GetEbsDefaultKmsKeyIdResult,
  GetEbsEncryptionByDefaultRequest,
  GetEbsEncryptionByDefaultResult,
  ModifyEbsDefaultKmsKeyIdRequest,
  ModifyEbsDefaultKmsKeyIdResult,
  ResetEbsDefaultKmsKeyIdRequest,
  ResetEbsDefaultKmsKeyIdResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { ebsAlias } from '../../kms/keys/create.ts';
import { keyArn, lookUpKey } from '../../kms/keys/find.ts';
import { type EbsEncryptionRow, ebsEncryption } from './model.ts';
import { mayUseKey } from './permission.ts';

const service = 'ec2';
const resources = () => ['*'];

const settingsOf = ({ db, owner }: ReadContext): EbsEncryptionRow =>
  db.get(ebsEncryption, owner) ?? { owner, byDefault: false };

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableEbsEncryptionByDefault.html */
const enableEbsEncryptionByDefault = writeOperation<
  EnableEbsEncryptionByDefaultRequest,
  EnableEbsEncryptionByDefaultResult
>({
  service,
  name: 'EnableEbsEncryptionByDefault',
  resources,
  run: (_input, context) => {
    context.db.put(ebsEncryption, { ...settingsOf(context), byDefault: true });
    return { EbsEncryptionByDefault: true };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableEbsEncryptionByDefault.html */
const disableEbsEncryptionByDefault = writeOperation<
  DisableEbsEncryptionByDefaultRequest,
  DisableEbsEncryptionByDefaultResult
>({
  service,
  name: 'DisableEbsEncryptionByDefault',
  resources,
  run: (_input, context) => {
    context.db.put(ebsEncryption, { ...settingsOf(context), byDefault: false });
    return { EbsEncryptionByDefault: false };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetEbsEncryptionByDefault.html */
const getEbsEncryptionByDefault = readOperation<GetEbsEncryptionByDefaultRequest, GetEbsEncryptionByDefaultResult>({
  service,
  name: 'GetEbsEncryptionByDefault',
  resources,
  run: (_input, context) => {
    const { byDefault } = settingsOf(context);
    return { EbsEncryptionByDefault: byDefault, SseType: byDefault ? 'sse-kms' : 'none' };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetEbsDefaultKmsKeyId.html */
const getEbsDefaultKmsKeyId = readOperation<GetEbsDefaultKmsKeyIdRequest, GetEbsDefaultKmsKeyIdResult>({
  service,
  name: 'GetEbsDefaultKmsKeyId',
  resources,
  run: (_input, context) => ({ KmsKeyId: settingsOf(context).kmsKeyId ?? ebsAlias }),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyEbsDefaultKmsKeyId.html */
const modifyEbsDefaultKmsKeyId = writeOperation<ModifyEbsDefaultKmsKeyIdRequest, ModifyEbsDefaultKmsKeyIdResult>({
  service,
  name: 'ModifyEbsDefaultKmsKeyId',
  resources,
  run: ({ KmsKeyId: identifier = '' }, context) => {
    const key = lookUpKey(context.db, context, identifier);
    const isForeign = key !== undefined && key.owner !== context.owner;
    if (key === undefined || (isForeign && !mayUseKey(context, keyArn(key), 'encrypt'))) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${identifier.slice(0, 200)} ) for parameter KmsKeyId is invalid. There is no such KMS key in ${context.region}.`,
      );
    }
    const kmsKeyId = keyArn(key);
    context.db.put(ebsEncryption, { ...settingsOf(context), kmsKeyId });
    return { KmsKeyId: kmsKeyId };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetEbsDefaultKmsKeyId.html */
const resetEbsDefaultKmsKeyId = writeOperation<ResetEbsDefaultKmsKeyIdRequest, ResetEbsDefaultKmsKeyIdResult>({
  service,
  name: 'ResetEbsDefaultKmsKeyId',
  resources,
  run: (_input, context) => {
    const { kmsKeyId: _key, ...rest } = settingsOf(context);
    context.db.put(ebsEncryption, rest);
    return { KmsKeyId: ebsAlias };
  },
});

export const ebsEncryptionOperations: readonly AnyOperation[] = [
  enableEbsEncryptionByDefault,
  disableEbsEncryptionByDefault,
  getEbsEncryptionByDefault,
  getEbsDefaultKmsKeyId,
  modifyEbsDefaultKmsKeyId,
  resetEbsDefaultKmsKeyId,
];
