import { nearest } from '../config/nearest.ts';
import { UserError, usageError } from '../config/user-error.ts';
import type { Command } from './command.ts';
import { parseArguments } from './parse.ts';

/** The commands in the order in which the help lists them. */
const names = [
  'up',
  'down',
  'demo',
  'env',
  'ssh',
  'why',
  'account',
  'user',
  'policy',
  'image',
  'certificate',
  'doctor',
  'test',
] as const;

type CommandName = (typeof names)[number];

// Spelled out one by one, so that only the command that is asked for is loaded.
const load: Readonly<Record<CommandName, () => Promise<{ command: Command }>>> = {
  up: () => import('./up.ts'),
  down: () => import('./down.ts'),
  demo: () => import('./demo.ts'),
  env: () => import('./env.ts'),
  ssh: () => import('./ssh.ts'),
  why: () => import('./why.ts'),
  account: () => import('./account.ts'),
  user: () => import('./user.ts'),
  policy: () => import('./policy.ts'),
  image: () => import('./image.ts'),
  certificate: () => import('./certificate.ts'),
  doctor: () => import('./doctor.ts'),
  test: () => import('./test.ts'),
};

/** Runs one command line and returns the exit code: 0, 1 for a failure, 2 for a command line that is wrong. */
async function main(words: readonly string[]): Promise<number> {
  const [first, ...others] = words;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    const asked = others[0];
    if (first === 'help' && asked !== undefined) return main([asked, '--help']);
    const { mainHelp } = await import('./help.ts');
    const all = await Promise.all(names.map(async name => (await load[name]()).command));
    process.stdout.write(mainHelp(all));
    return 0;
  }
  if (first === 'version' || first === '--version') {
    const { version } = await import('./version.ts');
    process.stdout.write(`fogbank ${version()}\n`);
    return 0;
  }
  const name = names.find(candidate => candidate === first);
  if (name === undefined) {
    const guess = nearest(first, names);
    throw usageError(
      first.startsWith('-') ? `there is no flag ${first}` : `there is no command '${first}'`,
      guess === undefined ? 'See fogbank --help' : `Did you mean '${guess}'?`,
    );
  }
  const { command } = await load[name]();
  const invocation = parseArguments(command, others);
  if (invocation === 'help') {
    const { commandHelp } = await import('./help.ts');
    process.stdout.write(commandHelp(command));
    return 0;
  }
  return command.run(invocation);
}

/** Errors of other parts whose messages are meant for users. */
const spokenErrors: ReadonlySet<string> = new Set(['EngineError', 'ImageError']);

/** What a person reads of a failure: no stack trace, unless FOGBANK_DEBUG asks for it. */
function report(error: unknown): number {
  if (error instanceof Error && process.env.FOGBANK_DEBUG) process.stderr.write(`${error.stack}\n`);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`fogbank: ${message}\n`);
  if (error instanceof UserError) {
    if (error.hint !== undefined) process.stderr.write(`${error.hint}\n`);
    return error.exitCode;
  }
  // These and errors of the system say what is wrong; anything else is a bug, of which the trace is wanted.
  if (!(error instanceof Error && (spokenErrors.has(error.name) || 'syscall' in error))) {
    process.stderr.write('This should not happen. FOGBANK_DEBUG=1 shows where it came from.\n');
  }
  return 1;
}

// A reader that has gone (`fogbank image list | head -1`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2)).catch(report);
