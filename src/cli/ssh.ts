import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolveConfiguration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import { connect } from './client.ts';
import type { Command } from './command.ts';
import { findCommand } from './packages.ts';
import { waitUntilOpen } from './port.ts';
import { findTarget, sshArguments } from './ssh-target.ts';

/** A whole Debian needs over a minute to its SSH server where processors are emulated. */
const bootSeconds = 180;

export const command: Command = {
  name: 'ssh',
  summary: 'logs in to an instance, or runs a command there',
  description:
    "Finds the instance through the API, waits until it answers, and runs ssh with its address, its AMI's login user and the private key. The key is taken from --identity, else from keys/KEY-PAIR.pem in the data folder, else from your SSH agent or ~/.ssh.",
  positionals: [{ name: 'INSTANCE', required: true }],
  rest: 'COMMAND …',
  settings: ['data', 'listen', 'region'],
  options: [
    { name: 'identity', placeholder: 'FILE', description: 'private key' },
    { name: 'user', placeholder: 'NAME', description: "login user (default: the AMI's)" },
  ],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const target = await findTarget(connect(configuration), invocation.positionals[0] ?? '', invocation.value('user'));
    if (findCommand('ssh') === undefined)
      throw new UserError('ssh is missing', 'As root: apt-get install openssh-client');
    const answers = await waitUntilOpen(target.address, 22, bootSeconds, () =>
      process.stderr.write(`fogbank: waiting for ${target.instanceId} to answer on port 22 of ${target.address}\n`),
    );
    if (!answers) {
      throw new UserError(
        `${target.instanceId} does not answer on port 22 of ${target.address}`,
        'Its security groups must allow port 22 from here; aws ec2 get-console-output shows how far its boot came.',
      );
    }
    const options = { dataDir: configuration.dataDir, identity: invocation.value('identity') };
    return runSsh([
      ...sshArguments(target, options),
      ...(invocation.rest.length > 0 ? ['--', ...invocation.rest] : []),
    ]);
  },
};

/** Runs ssh on this terminal. Returns its exit code, or 128 plus the signal's number, as a shell does. */
function runSsh(words: readonly string[]): Promise<number> {
  const child = spawn('ssh', words, { stdio: 'inherit' });
  // Ctrl-C is for the program at the other end.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', error => reject(new UserError(`ssh could not be started: ${error.message}`)));
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
