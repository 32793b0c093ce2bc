import type {
  AccessKeyMetadata,
  CreateAccessKeyRequest,
  CreateAccessKeyResponse,
  DeleteAccessKeyRequest,
  GetAccessKeyLastUsedRequest,
  GetAccessKeyLastUsedResponse,
  ListAccessKeysRequest,
  ListAccessKeysResponse,
  UpdateAccessKeyRequest,
} from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { iamArn, rootArn } from '../arns.ts';
import { timestamp } from '../entity.ts';
import { noSuchEntity, quotaExceeded, validationError } from '../errors.ts';
import { newAccessKeyId, newSecretAccessKey } from '../ids.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { type MaybeUser, userOrCaller, userOrCallerArn } from '../users/caller.ts';
import { userArn, users } from '../users/model.ts';
import { type AccessKeyRow, accessKeys, keyHolder, lastUses } from './model.ts';

/** Root's keys are called by this where a user's name stands. */
const rootName = '<root_account>';

function holderOf(context: ReadContext, input: MaybeUser): { readonly userId?: string; readonly name: string } {
  const user = userOrCaller(context, input);
  return user === undefined ? { name: rootName } : { userId: user.userId, name: user.userName };
}

/** @throws ApiError `NoSuchEntity` */
function findKey(context: ReadContext, input: MaybeUser & { readonly AccessKeyId?: string | undefined }): AccessKeyRow {
  const { userId } = holderOf(context, input);
  const row = context.db.get(accessKeys, input.AccessKeyId ?? '');
  if (row === undefined || row.account !== context.account || row.userId !== userId) {
    throw noSuchEntity(`The Access Key with id ${input.AccessKeyId} cannot be found.`);
  }
  return row;
}

/**
 * The secret is told this once.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
 */
const createAccessKey = writeOperation<CreateAccessKeyRequest, CreateAccessKeyResponse>({
  service: 'iam',
  name: 'CreateAccessKey',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const { account } = context;
    const { userId, name } = holderOf(context, input);
    if (context.db.countBy(accessKeys, 'holder', keyHolder(account, userId)) >= quotas.AccessKeysPerUser) {
      throw quotaExceeded('AccessKeysPerUser', quotas.AccessKeysPerUser);
    }
    const accessKeyId = newAccessKeyId();
    const secret = newSecretAccessKey();
    const row: AccessKeyRow = {
      accessKeyId,
      account,
      ...(userId !== undefined && { userId }),
      sealedSecret: context.services.secrets.seal(secret, accessKeyId),
      status: 'Active',
      createDate: context.now,
    };
    context.db.put(accessKeys, row);
    return {
      AccessKey: {
        UserName: name,
        AccessKeyId: accessKeyId,
        Status: row.status,
        SecretAccessKey: secret,
        CreateDate: timestamp(row.createDate),
      },
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html */
const updateAccessKey = writeOperation<UpdateAccessKeyRequest, void>({
  service: 'iam',
  name: 'UpdateAccessKey',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const { Status: status } = input;
    if (status !== 'Active' && status !== 'Inactive') {
      throw validationError(
        `1 validation error detected: Value '${status}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]`,
      );
    }
    context.db.put(accessKeys, { ...findKey(context, input), status });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html */
const deleteAccessKey = writeOperation<DeleteAccessKeyRequest, void>({
  service: 'iam',
  name: 'DeleteAccessKey',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const row = findKey(context, input);
    if (row.fromFile) {
      throw new ApiError(
        'UnsupportedOperation',
        'This key is in credentials.json of the data folder and comes back from there. Make it Inactive with UpdateAccessKey, or start the server with another FOGBANK_ROOT_ACCESS_KEY_ID.',
      );
    }
    context.db.delete(accessKeys, row.accessKeyId);
    context.db.delete(lastUses, row.accessKeyId);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html */
const listAccessKeys = readOperation<ListAccessKeysRequest, ListAccessKeysResponse>({
  service: 'iam',
  name: 'ListAccessKeys',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const { userId, name } = holderOf(context, input);
    const all = context.db.by(accessKeys, 'holder', keyHolder(context.account, userId));
    const { rows, end } = pageByKey(context, input, all, row => row.accessKeyId);
    const AccessKeyMetadata = rows.map(
      (row): AccessKeyMetadata => ({
        UserName: name,
        AccessKeyId: row.accessKeyId,
        Status: row.status,
        CreateDate: timestamp(row.createDate),
      }),
    );
    return { AccessKeyMetadata, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html */
const getAccessKeyLastUsed = readOperation<GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse>({
  service: 'iam',
  name: 'GetAccessKeyLastUsed',
  resources: (input, context) => {
    const row = context.db.get(accessKeys, input.AccessKeyId ?? '');
    const user = row?.userId === undefined ? undefined : context.db.get(users, row.userId);
    if (row?.account !== context.account) return [iamArn(context.account, 'user/*')];
    return [user === undefined ? rootArn(context.account) : userArn(user)];
  },
  run: (input, context) => {
    const row = context.db.get(accessKeys, input.AccessKeyId ?? '');
    if (row === undefined || row.account !== context.account) {
      throw noSuchEntity(`The Access Key with id ${input.AccessKeyId} cannot be found.`);
    }
    const user = row.userId === undefined ? undefined : context.db.get(users, row.userId);
    const used = context.services.lastUse.of(context.db, row.accessKeyId);
    return {
      UserName: user?.userName ?? rootName,
      AccessKeyLastUsed:
        used === undefined
          ? { ServiceName: 'N/A', Region: 'N/A' }
          : { LastUsedDate: timestamp(used.date), ServiceName: used.service, Region: used.region },
    };
  },
});

export const accessKeyOperations: readonly AnyOperation[] = [
  createAccessKey,
  updateAccessKey,
  deleteAccessKey,
  listAccessKeys,
  getAccessKeyLastUsed,
];
