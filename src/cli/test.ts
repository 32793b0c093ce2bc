import type { Command } from './command.ts';

export const command: Command = {
  name: 'test',
  summary: 'runs the tests of Fogbank itself',
  description:
    'Runs formatter and linter, type checker and unit tests, then tests with real machines and networks (as root only; AMIs that are missing are built first), then tests with real AWS clients and the crash test. The last line has the totals of all runs.',
  options: [
    { name: 'unit', description: 'checks and unit tests only' },
    { name: 'guest', description: 'tests with machines and networks only' },
    { name: 'acceptance', description: 'tests with AWS clients only' },
    {
      name: 'install-clients',
      description: 'installs the AWS CLI and boto3 where they are missing or too old (as CI=true does)',
    },
  ],
  rest: 'FILTER …  (parts of test file names)',
  async run(invocation) {
    const { runTests } = await import('./test-runs.ts');
    const kinds = (['unit', 'guest', 'acceptance'] as const).filter(kind => invocation.has(kind));
    return runTests({
      kinds: kinds.length > 0 ? kinds : ['unit', 'guest', 'acceptance'],
      installClients: invocation.has('install-clients') || process.env.CI === 'true',
      filters: invocation.rest,
    });
  },
};
