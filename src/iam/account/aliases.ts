import type {
  CreateAccountAliasRequest,
  DeleteAccountAliasRequest,
  ListAccountAliasesRequest,
  ListAccountAliasesResponse,
} from '@aws-sdk/client-iam';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { alreadyExists, noSuchEntity, validationError } from '../errors.ts';
import { pageByKey } from '../paging.ts';
import { accountSettings, settingsOf } from './model.ts';

/** An account has one alias: a new one takes the place of the old. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html */
const createAccountAlias = writeOperation<CreateAccountAliasRequest, void>({
  service: 'iam',
  name: 'CreateAccountAlias',
  resources: () => ['*'],
  run: (input, { db, account }) => {
    const alias = input.AccountAlias ?? '';
    if (!/^(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*$/.test(alias) || /^\d{12}$/.test(alias)) {
      throw validationError(
        'The account alias must have 3 to 63 lower-case letters, digits and single hyphens between them, and must not be an account number.',
      );
    }
    const holder = db.firstBy(accountSettings, 'alias', alias);
    if (holder !== undefined && holder.account !== account) {
      throw alreadyExists(`The account alias ${alias} already exists.`);
    }
    db.put(accountSettings, { ...settingsOf(db, account), alias });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountAlias.html */
const deleteAccountAlias = writeOperation<DeleteAccountAliasRequest, void>({
  service: 'iam',
  name: 'DeleteAccountAlias',
  resources: () => ['*'],
  run: (input, { db, account }) => {
    const { alias, ...rest } = settingsOf(db, account);
    if (alias === undefined || alias !== input.AccountAlias) {
      throw noSuchEntity(`The account alias ${input.AccountAlias} cannot be found.`);
    }
    db.put(accountSettings, rest);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html */
const listAccountAliases = readOperation<ListAccountAliasesRequest, ListAccountAliasesResponse>({
  service: 'iam',
  name: 'ListAccountAliases',
  resources: () => ['*'],
  run: (input, context) => {
    const { alias } = settingsOf(context.db, context.account);
    const { rows, end } = pageByKey(context, input, alias === undefined ? [] : [alias], one => one);
    return { AccountAliases: rows, ...end };
  },
});

export const accountAliasOperations: readonly AnyOperation[] = [
  createAccountAlias,
  deleteAccountAlias,
  listAccountAliases,
];
