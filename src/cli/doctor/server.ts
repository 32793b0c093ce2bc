import { createServer } from 'node:net';
import type { Configuration } from '../../config/resolve.ts';
import { readCredentials, runningServer } from '../server-files.ts';
import { type Check, type Finding, fail, ok, warn } from './check.ts';

/** Is the address free, or taken by the very server of this data folder? */
export function portCheck(configuration: Configuration): Check {
  return {
    name: 'address',
    async run() {
      const { host, port } = configuration;
      const server = runningServer(configuration.dataDir);
      if (server !== undefined) return ok(`a server of this data folder runs on ${server.url}`);
      const problem = await listenOnce(host, port);
      if (problem === undefined) return ok(`${host}:${port} is free`);
      if (problem === 'EADDRINUSE') {
        return fail(
          `${host}:${port} is taken by another program`,
          'End it, or choose another one with --listen HOST:PORT.',
        );
      }
      return fail(`${host}:${port} cannot be used: ${problem}`, 'Choose another one with --listen HOST:PORT.');
    },
  };
}

/** Error code of listening there, or undefined when it works. */
function listenOnce(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise(resolve => {
    server.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The server that runs, if one does. */
export function serverChecks(configuration: Configuration): Check[] {
  const server = runningServer(configuration.dataDir);
  if (server === undefined) return [];
  return [{ name: 'server', run: () => health(server.url, configuration.dataDir) }];
}

async function health(url: string, dataDir: string): Promise<Finding> {
  const start = performance.now();
  const answer = await fetch(new URL('/_fogbank/health', url), { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  if (answer?.ok !== true)
    return fail(`${url} does not answer`, 'See what the server printed; fogbank down, then fogbank up.');
  if (readCredentials(dataDir) === undefined)
    return warn('it answers, but its keys cannot be read', 'Run this as its user.');
  return ok(`answers in ${Math.round(performance.now() - start)} ms`);
}
