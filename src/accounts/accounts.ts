import { randomInt } from 'node:crypto';
import { ApiError } from '../api/errors.ts';
import { newAccessKeyId, newSecretAccessKey } from '../iam/ids.ts';
import { accessKeys, keyHolder } from '../iam/keys/model.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { State, Tx } from '../state/state.ts';
import { type AccountRow, accounts } from './model.ts';

export interface NewAccount {
  readonly name: string;
  /** Twelve digits; a random number unless given. */
  readonly accountId?: string | undefined;
}

/** What is told once: the secret cannot be read again. */
export interface CreatedAccount {
  readonly account: AccountRow;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Makes an account with a root access key.
 * @throws ApiError `ValidationError` for a bad name or id, `EntityAlreadyExists` for one that is taken.
 */
export function createAccount(tx: Tx, secrets: Secrets, { name, accountId }: NewAccount, now: number): CreatedAccount {
  if (!/^[\w+=,.@ -]{1,50}$/.test(name)) {
    throw new ApiError(
      'ValidationError',
      `'${name}' is not a name for an account. Use 1 to 50 letters, digits, spaces and _+=,.@-`,
    );
  }
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) {
    throw new ApiError('ValidationError', `'${accountId}' is not an account id. Use twelve digits.`);
  }
  if (tx.firstBy(accounts, 'name', name) !== undefined) {
    throw new ApiError('EntityAlreadyExists', `There is an account named '${name}' already.`, 409);
  }
  if (accountId !== undefined && tx.get(accounts, accountId) !== undefined) {
    throw new ApiError('EntityAlreadyExists', `The account ${accountId} exists already.`, 409);
  }
  const account = { accountId: accountId ?? freeAccountId(tx), name, created: now };
  tx.put(accounts, account);
  return { account, ...createRootKey(tx, secrets, account.accountId, now) };
}

function freeAccountId(tx: Tx): string {
  for (;;) {
    const id = String(randomInt(100_000_000_000, 1_000_000_000_000 - 1));
    if (tx.get(accounts, id) === undefined) return id;
  }
}

/** A new access key of an account's root. */
export function createRootKey(tx: Tx, secrets: Secrets, account: string, now: number) {
  const accessKeyId = newAccessKeyId();
  const secretAccessKey = newSecretAccessKey();
  const sealedSecret = secrets.seal(secretAccessKey, accessKeyId);
  tx.put(accessKeys, { accessKeyId, account, sealedSecret, status: 'Active', createDate: now });
  return { accessKeyId, secretAccessKey };
}

/** The key of `credentials.json`. */
export interface FileKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Makes the first account and its root key be those of `credentials.json`, at every start. A key that the file had
 * before and has no more is gone then; one that was made inactive stays so.
 * @throws ApiError `EntityAlreadyExists` when the key's id is another holder's.
 */
export function ensureFirstAccount(state: State, secrets: Secrets, file: FileKey, now: number): void {
  const { accountId: account, accessKeyId, secretAccessKey } = file;
  state.write(tx => {
    if (tx.get(accounts, account) === undefined) tx.put(accounts, { accountId: account, name: 'main', created: now });
    for (const key of tx.by(accessKeys, 'holder', keyHolder(account, undefined))) {
      if (key.fromFile && key.accessKeyId !== accessKeyId) tx.delete(accessKeys, key.accessKeyId);
    }
    const present = tx.get(accessKeys, accessKeyId);
    if (present !== undefined && (present.account !== account || present.userId !== undefined)) {
      throw new ApiError('EntityAlreadyExists', `The access key ${accessKeyId} is already another user's.`, 409);
    }
    if (present?.fromFile && secrets.open(present.sealedSecret, accessKeyId) === secretAccessKey) return;
    tx.put(accessKeys, {
      accessKeyId,
      account,
      sealedSecret: secrets.seal(secretAccessKey, accessKeyId),
      status: present?.status ?? 'Active',
      createDate: present?.createDate ?? now,
      fromFile: true,
    });
  });
}
