import type { Configuration } from '../../config/resolve.ts';
import { UserError } from '../../config/user-error.ts';
import { connect, type Ec2Client } from '../client.ts';
import { destroyMachines } from '../destroy.ts';
import { ensurePackages, imagePackages, machinePackages } from '../packages.ts';
import { progressPrinter } from '../progress.ts';
import { playScenario } from './scenario.ts';
import { existingServer, startBackgroundServer } from './server.ts';
import { duration, Transcript } from './transcript.ts';

/** Prepares what the scenario needs, plays it, and leaves nothing behind. Returns the exit code. */
export async function runDemo(options: Configuration & { family: string }): Promise<number> {
  if (process.getuid?.() !== 0) throw new UserError('machines and networks need root', 'sudo fogbank demo');
  await ensurePackages([...machinePackages, ...imagePackages], 'to run machines and build their AMI');
  const image = await ensureImage(options);

  const interruption = new AbortController();
  // The first Ctrl-C cleans up; whoever presses it again does not want to wait for that.
  const interrupt = (): void => {
    if (interruption.signal.aborted) process.exit(130);
    process.stderr.write('\nfogbank: interrupted, cleaning up (once more to end at once)\n');
    interruption.abort(new UserError('interrupted', undefined, { exitCode: 130 }));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);

  const transcript = new Transcript();
  const start = performance.now();
  const existing = existingServer(options);
  const server =
    existing ??
    (await transcript.step(
      'fogbank up &',
      () => startBackgroundServer(options),
      started => `the server is ready on ${started.url}`,
    ));
  const client = connect(options);
  try {
    await playScenario({
      transcript,
      client,
      dataDir: options.dataDir,
      image,
      interrupted: interruption.signal,
    });
  } finally {
    // Other instances of this data folder, from earlier days, keep running.
    const idle = existing === undefined && (await runningInstances(client).catch(() => 1)) === 0;
    await server.stop();
    if (idle) await destroyMachines(options);
  }
  process.stdout.write(
    `\nThat was all of it in ${duration(performance.now() - start)}; everything that it made is gone.\n`,
  );
  if (existing === undefined) process.stdout.write('fogbank up starts the server for you to use it yourself.\n');
  return 0;
}

async function runningInstances(client: Ec2Client): Promise<number> {
  const states = ['pending', 'running', 'shutting-down', 'stopping'];
  const answer = await client.call('DescribeInstances', { Filter: [{ Name: 'instance-state-name', Value: states }] });
  return answer.items('reservationSet').length;
}

async function ensureImage(options: Configuration & { family: string }): Promise<{ name: string; loginUser: string }> {
  const { buildImage } = await import('../../images/build.ts');
  const progress = progressPrinter();
  return buildImage(options.family, { cacheDir: options.imageCacheDir, onProgress: progress.report }).finally(
    progress.end,
  );
}
