import { resolveConfiguration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import type { Command } from './command.ts';
import { readCredentials, runningServer } from './server-files.ts';

export const command: Command = {
  name: 'env',
  summary: 'prints the variables that point AWS clients at Fogbank',
  description:
    'Prints export lines with endpoint, keys and region, for eval "$(fogbank env)". AWS clients of that shell then talk to Fogbank.',
  settings: ['data', 'listen', 'region'],
  options: [{ name: 'json', description: 'prints a JSON object instead' }],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const variables = clientEnvironment(configuration);
    if (invocation.has('json')) process.stdout.write(`${JSON.stringify(variables, undefined, 2)}\n`);
    else {
      for (const [name, value] of Object.entries(variables))
        process.stdout.write(`export ${name}=${shellQuote(value)}\n`);
    }
    return 0;
  },
};

/**
 * The variables that every AWS SDK reads. The running server's address wins over the configured one, since it may
 * have been started with another `--listen`.
 * @throws UserError when the server has not made its keys yet.
 */
export function clientEnvironment(configuration: {
  dataDir: string;
  host: string;
  port: number;
  region: string;
}): Record<string, string> {
  const credentials = readCredentials(configuration.dataDir);
  if (credentials === undefined) {
    throw new UserError(
      `there are no keys in ${configuration.dataDir} yet`,
      'The server makes them at its first start: fogbank up. If it runs on another folder, add --data DIR.',
    );
  }
  return {
    AWS_ENDPOINT_URL: runningServer(configuration.dataDir)?.url ?? endpoint(configuration.host, configuration.port),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_DEFAULT_REGION: configuration.region,
    AWS_REGION: configuration.region,
  };
}

/** A client cannot connect to the address that means "every interface", so it is sent to this machine. */
function endpoint(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** A word as a POSIX shell reads it back. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
