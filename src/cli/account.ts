import { resolveConfiguration } from '../config/resolve.ts';
import { usageError } from '../config/user-error.ts';
import { connectAdmin } from './admin-client.ts';
import type { Command } from './command.ts';
import { printKey, printTable } from './print-key.ts';

interface Account {
  readonly accountId: string;
  readonly name: string;
  readonly created: number;
  readonly optedOutRegions?: readonly string[];
}

interface CreatedAccount {
  readonly account: Account;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const command: Command = {
  name: 'account',
  summary: 'makes and lists accounts, which do not see each other',
  description:
    'create NAME makes an account with a root access key of its own and prints it as export lines, for eval "$(fogbank account create NAME)": the secret is shown this once. list shows the accounts. opt-out ACCOUNT REGION keeps an account (by its id or name) out of one of the Regions that AWS lets accounts opt in to; opt-in lets it in again. The server must run on this machine.',
  positionals: [
    { name: 'ACTION', required: true, choices: ['create', 'list', 'opt-in', 'opt-out'] },
    { name: 'NAME', required: false },
    { name: 'REGION', required: false },
  ],
  settings: ['data', 'listen', 'region'],
  options: [
    { name: 'id', placeholder: 'DIGITS', description: 'create: the account id of twelve digits (default: random)' },
    { name: 'json', description: 'prints JSON' },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const [action, name, region] = invocation.positionals;
    const admin = connectAdmin(configuration);
    if (action === 'list') {
      if (name !== undefined) throw usageError(`account: unexpected '${name}'`);
      const { accounts } = await admin.call<{ accounts: Account[] }>('listAccounts', {});
      if (invocation.has('json')) process.stdout.write(`${JSON.stringify(accounts, undefined, 2)}\n`);
      else printTable([['ACCOUNT', 'NAME', 'CREATED', 'NOT IN'], ...accounts.map(rowOf)]);
      return 0;
    }
    if (name === undefined)
      throw usageError(`account: ${action} needs ${action === 'create' ? 'a name' : 'an account'}`);
    if (action === 'create') {
      if (region !== undefined) throw usageError(`account: unexpected '${region}'`);
      const made = await admin.call<CreatedAccount>('createAccount', { name, accountId: invocation.value('id') });
      const { accountId } = made.account;
      if (!invocation.has('json')) process.stderr.write(`fogbank: made account ${accountId} (${name})\n`);
      printKey(
        { endpoint: admin.endpoint, region: configuration.region, ...made },
        { AccountId: accountId, Name: name },
        invocation.has('json'),
      );
      return 0;
    }
    if (region === undefined) throw usageError(`account: ${action} needs a Region`);
    await admin.call('setOptIn', { account: name, region, optedIn: action === 'opt-in' });
    return 0;
  },
};

function rowOf({ accountId, name, created, optedOutRegions = [] }: Account): string[] {
  return [accountId, name, new Date(created).toISOString().slice(0, 19).replace('T', ' '), optedOutRegions.join(' ')];
}
