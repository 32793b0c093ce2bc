import { createAccount } from '../../src/accounts/accounts.ts';
import type { SigningKey } from '../../src/cli/sign.ts';
import { openSecrets } from '../../src/iam/secrets.ts';
import { State } from '../../src/state/state.ts';
import { openSqliteStore } from '../../src/state/stores/sqlite.ts';
import { tables } from '../../src/tables.ts';

/** Makes accounts in a data folder that no server has open, and tells the keys of their roots. */
export function makeAccounts(dataDir: string, ids: readonly string[]): SigningKey[] {
  const state = new State(openSqliteStore(dataDir), tables);
  try {
    const secrets = openSecrets(dataDir, state);
    return ids.map(accountId => {
      const made = state.write(tx => createAccount(tx, secrets, { name: accountId, accountId }, Date.now()));
      return { accessKeyId: made.accessKeyId, secretAccessKey: made.secretAccessKey };
    });
  } finally {
    state.close();
  }
}
