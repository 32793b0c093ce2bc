import { resolveConfiguration } from '../config/resolve.ts';
import { usageError } from '../config/user-error.ts';
import { connectAdmin } from './admin-client.ts';
import type { Command } from './command.ts';

export const command: Command = {
  name: 'policy',
  summary: 'says whether a principal may do something, and which statement decides',
  description:
    'check ACTION RESOURCE --as PRINCIPAL asks the policies of the running server as a call would: ec2:StopInstances on an ARN, or on * for actions without resources. PRINCIPAL is the ARN of a user or role, or a name: ann, role/deploy. Tags and keys of a resource that exists are known; others are given by --key. The exit code is 0 when it is allowed, else 1.',
  positionals: [
    { name: 'check', required: true, choices: ['check'] },
    { name: 'ACTION', required: true },
    { name: 'RESOURCE', required: true },
  ],
  settings: ['data', 'listen', 'region'],
  options: [
    { name: 'as', placeholder: 'PRINCIPAL', description: 'who would call' },
    { name: 'account', placeholder: 'ID|NAME', description: 'the account of a principal by name (default: the first)' },
    { name: 'key', placeholder: 'KEY=VALUE,…', description: 'further condition keys of the request' },
    { name: 'json', description: 'prints JSON' },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const [, action, resource] = invocation.positionals;
    const principal = invocation.value('as');
    if (principal === undefined) throw usageError('policy: who? Give --as PRINCIPAL');
    const keys = keysOf(invocation.value('key'));
    const { region } = configuration;
    const input = { action, resource, principal, account: invocation.value('account'), keys, region };
    const answer = await connectAdmin(configuration).call<{ effect: string; explanation: string[] }>(
      'checkPolicy',
      input,
    );
    process.stdout.write(
      invocation.has('json') ? `${JSON.stringify(answer, undefined, 2)}\n` : `${answer.explanation.join('\n')}\n`,
    );
    return answer.effect === 'allowed' ? 0 : 1;
  },
};

function keysOf(text: string | undefined): Record<string, string> {
  const keys: Record<string, string> = {};
  for (const pair of text?.split(',') ?? []) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw usageError(`policy: '${pair}' is not KEY=VALUE`);
    keys[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return keys;
}
