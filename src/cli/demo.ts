import { resolveConfiguration } from '../config/resolve.ts';
import { usageError } from '../config/user-error.ts';
import type { Command } from './command.ts';

/** AMIs that the demonstration can launch: those that are built here. */
const families = ['micro', 'debian-12'];

export const command: Command = {
  name: 'demo',
  summary: 'launches an instance, logs in, stops and starts it, and cleans up',
  description:
    'Shows the whole way from the API to an SSH prompt, each step as the AWS CLI command that one would type and with the time that it took. Uses the server of the data folder when it runs, else starts one for the time of the demonstration. Builds the AMI when it is missing. Removes everything that it made, also after Ctrl-C.',
  settings: ['listen', 'data', 'publicPool', 'accel', 'imageCache', 'region'],
  options: [{ name: 'ami', placeholder: families.join('|'), description: 'which AMI to launch (default: micro)' }],
  async run(invocation) {
    const family = invocation.value('ami') ?? 'micro';
    if (!families.includes(family)) throw usageError(`demo: --ami must be ${families.join(' or ')}, not '${family}'`);
    const configuration = await resolveConfiguration({
      flags: { ...invocation.settings, engine: 'qemu' },
      configFile: invocation.configFile,
    });
    const { runDemo } = await import('./demo/run.ts');
    return runDemo({ ...configuration, family });
  },
};
