import { type Configuration, resolveConfiguration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import type { Command } from './command.ts';

export const command: Command = {
  name: 'up',
  summary: 'runs the server in the foreground',
  description:
    'Runs the server until it is interrupted. Instances are processes of their own: they keep running when the server ends, and are found again at its next start. fogbank down ends everything.',
  settings: [
    'engine',
    'listen',
    'data',
    'publicPool',
    'uplink',
    'accel',
    'imageCache',
    'warm',
    'warmBudget',
    'memoryOvercommit',
    'pageSharing',
    'volumeLimits',
    'instanceCredentials',
    'accountId',
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    if (configuration.engine === 'qemu') {
      if (process.getuid?.() !== 0) {
        throw new UserError(
          'machines and networks need root',
          'Run it with sudo, or without machines: fogbank up --engine simulator',
        );
      }
      const { ensurePackages, machinePackages } = await import('./packages.ts');
      await ensurePackages(machinePackages, 'to run machines');
    }
    return serve(configuration);
  },
};

async function serve(configuration: Configuration): Promise<number> {
  const log = (line: string): void => {
    process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  };
  const interrupted = new Promise<NodeJS.Signals>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
  });
  const { startServer } = await import('../server.ts');
  const server = await startServer({
    dataDir: configuration.dataDir,
    host: configuration.host,
    port: configuration.port,
    engine: configuration.engine,
    publicPool: configuration.publicPool,
    uplink: configuration.uplink,
    accel: configuration.accel,
    warmBytes: configuration.warmBytes,
    memoryOvercommit: configuration.memoryOvercommit,
    pageSharing: configuration.pageSharing,
    volumeLimits: configuration.volumeLimits,
    instanceCredentials: configuration.instanceCredentials,
    accountId: configuration.accountId,
    rootAccessKeyId: configuration.rootAccessKeyId,
    rootSecretAccessKey: configuration.rootSecretAccessKey,
    imageCacheDir: configuration.imageCacheDir,
    log,
  });
  // `performance.now()` counts from the start of the process.
  process.stdout.write(`fogbank is ready on ${server.url} in ${Math.round(performance.now())} ms\n`);
  if (configuration.engine === 'qemu') await mentionMissingImages(configuration.imageCacheDir, log);

  await interrupted;
  log('stopping: calls under way are finished');
  // A second signal means "now": the state is safe against that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await server.close();
  log(
    configuration.engine === 'qemu'
      ? 'stopped; running instances keep running, fogbank up finds them again, fogbank down ends them'
      : 'stopped',
  );
  // Nothing may keep a server alive that has said that it stopped.
  process.exit(0);
}

async function mentionMissingImages(cacheDir: string | undefined, log: (line: string) => void): Promise<void> {
  const { cachedImages } = await import('../images/cache.ts');
  const images = await cachedImages(cacheDir);
  if (images.length === 0) log('there is no AMI yet; make one with: fogbank image build micro');
}
