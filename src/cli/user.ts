import { resolveConfiguration } from '../config/resolve.ts';
import { usageError } from '../config/user-error.ts';
import { connectAdmin } from './admin-client.ts';
import type { Command } from './command.ts';
import { printKey } from './print-key.ts';

export const command: Command = {
  name: 'user',
  summary: 'makes, lists and deletes IAM users',
  description:
    'create NAME makes a user with an access key and prints it as export lines, for eval "$(fogbank user create NAME)"; the secret is shown this once. What he may do says --policy: an AWS managed policy by its name (AmazonEC2FullAccess), any managed policy by its ARN, or a file with a policy document; without it, nothing. list shows the users and their keys; delete NAME removes one with his keys and policies. The server must run on this machine; whatever else users need, IAM\'s own API does (aws iam …).',
  positionals: [
    { name: 'ACTION', required: true, choices: ['create', 'list', 'delete'] },
    { name: 'NAME', required: false },
  ],
  settings: ['data', 'listen', 'region'],
  options: [
    { name: 'policy', placeholder: 'NAME|ARN|FILE', description: 'create: what the user may do' },
    { name: 'account', placeholder: 'ID|NAME', description: 'in this account (default: the first one)' },
    { name: 'json', description: 'prints JSON' },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const [action, name] = invocation.positionals;
    const admin = connectAdmin(configuration);
    const { createUser, deleteUser, firstAccount, listUsers } = await import('./user/users.ts');
    const place = { admin, account: invocation.value('account') ?? firstAccount(configuration.dataDir) };
    if (action === 'list') {
      if (name !== undefined) throw usageError(`user: unexpected '${name}'`);
      await listUsers(place, invocation.has('json'));
      return 0;
    }
    if (name === undefined) throw usageError(`user: ${action} whom? Give a name`);
    if (action === 'delete') {
      await deleteUser(place, name);
      return 0;
    }
    const { arn, key } = await createUser(place, name, invocation.value('policy'));
    if (!invocation.has('json')) process.stderr.write(`fogbank: made ${arn}\n`);
    printKey({ endpoint: admin.endpoint, region: configuration.region, ...key }, { Arn: arn }, invocation.has('json'));
    return 0;
  },
};
