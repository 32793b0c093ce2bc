import type {
  CreateAliasRequest,
  DeleteAliasRequest,
  ListAliasesRequest,
  ListAliasesResponse,
  UpdateAliasRequest,
} from '@aws-sdk/client-kms';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { aliasTarget, keyTarget } from '../access/targets.ts';
import { constraint, notFound } from '../errors.ts';
import { findKey, refusePendingDeletion } from '../keys/find.ts';
import type { KeyRow } from '../keys/model.ts';
import { page } from '../paging.ts';
import { type AliasRow, aliasArn, aliases, aliasKey } from './model.ts';

const service = 'kms';

/** Aliases of one key. @see https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
const mostOfKey = 50;

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html */
const createAlias = writeOperation<CreateAliasRequest, void>({
  service,
  name: 'CreateAlias',
  resources: (input, context) => [aliasTarget(context, input.AliasName), keyTarget(context, input.TargetKeyId)],
  run: (input, context) => {
    const { owner, db, now } = context;
    const name = checkedName(input.AliasName);
    refuseReserved(name);
    const key = targetOf(context, input.TargetKeyId);
    if (db.get(aliases, aliasKey(owner, name)) !== undefined) {
      throw new ApiError('AlreadyExistsException', `An alias with the name ${aliasArn(owner, name)} already exists`);
    }
    checkNumber(context, key);
    db.put(aliases, { name, owner, keyId: key.keyId, created: now, updated: now });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html */
const updateAlias = writeOperation<UpdateAliasRequest, void>({
  service,
  name: 'UpdateAlias',
  // The key that it is taken from, too.
  resources: (input, context) => {
    const current = context.db.get(aliases, aliasKey(context.owner, input.AliasName ?? ''));
    return [
      aliasTarget(context, input.AliasName),
      keyTarget(context, input.TargetKeyId),
      ...(current === undefined ? [] : [keyTarget(context, current.keyId)]),
    ];
  },
  run: (input, context) => {
    const name = checkedName(input.AliasName);
    refuseReserved(name);
    const row = findAlias(context, name);
    const key = targetOf(context, input.TargetKeyId);
    if (row.keyId !== key.keyId) checkNumber(context, key);
    context.db.put(aliases, { ...row, keyId: key.keyId, updated: context.now });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html */
const deleteAlias = writeOperation<DeleteAliasRequest, void>({
  service,
  name: 'DeleteAlias',
  resources: (input, context) => {
    const current = context.db.get(aliases, aliasKey(context.owner, input.AliasName ?? ''));
    return [aliasTarget(context, input.AliasName), keyTarget(context, current?.keyId)];
  },
  run: (input, context) => {
    const name = checkedName(input.AliasName);
    refuseReserved(name);
    context.db.delete(aliases, aliasKey(context.owner, findAlias(context, name).name));
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html */
const listAliases = readOperation<ListAliasesRequest, ListAliasesResponse>({
  service,
  name: 'ListAliases',
  resources: () => ['*'],
  run: (input, context) => {
    const key = input.KeyId === undefined ? undefined : findKey(context, input.KeyId);
    const all = context.db.by(aliases, 'owner', context.owner).filter(row => !key || row.keyId === key.keyId);
    const { rows, end } = page(context, input, all, row => row.name, { usual: 50, most: 100 });
    const Aliases = rows.map(row => ({
      AliasName: row.name,
      AliasArn: aliasArn(row.owner, row.name),
      TargetKeyId: row.keyId,
      CreationDate: new Date(row.created),
      LastUpdatedDate: new Date(row.updated),
    }));
    return { Aliases, ...end };
  },
});

function checkedName(name = ''): string {
  if (name.length < 1 || name.length > 256) {
    throw constraint('aliasName', name, 'Member must have length between 1 and 256');
  }
  if (!name.startsWith('alias/'))
    throw invalidName(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw constraint('aliasName', name, 'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$');
  }
  return name;
}

const invalidName = (message: string) => new ApiError('InvalidAliasNameException', message);

/** Those of AWS managed keys are made and kept by AWS. */
function refuseReserved(name: string): void {
  if (name.startsWith('alias/aws/'))
    throw new ApiError('NotAuthorizedException', `${name}: aliases that begin with alias/aws/ are reserved for AWS.`);
}

function findAlias({ db, owner }: ReadContext, name: string): AliasRow {
  const row = db.get(aliases, aliasKey(owner, name));
  if (row === undefined) throw notFound(`Alias ${aliasArn(owner, name)} is not found.`);
  return row;
}

function targetOf(context: ReadContext, identifier: string | undefined): KeyRow {
  if (identifier !== undefined && /^(?:arn:.*:)?alias\//.test(identifier)) {
    throw new ApiError('ValidationException', 'Aliases must refer to keys. Not aliases');
  }
  const key = findKey(context, identifier);
  refusePendingDeletion(key);
  return key;
}

function checkNumber({ db }: ReadContext, key: KeyRow): void {
  if (db.countBy(aliases, 'keyId', key.keyId) < mostOfKey) return;
  throw new ApiError('LimitExceededException', `A key can have at most ${mostOfKey} aliases.`);
}

export const aliasOperations: readonly AnyOperation[] = [createAlias, updateAlias, deleteAlias, listAliases];
