import { spawn } from 'node:child_process';
import { EngineError } from '../../engine.ts';

export interface RunOptions {
  /** Written to the command's standard input. */
  readonly input?: string;
  /** Run inside this network namespace (its name under /run/netns). */
  readonly namespace?: string;
  /** Exit codes that are no failure, besides 0. */
  readonly accept?: readonly number[];
}

const timeLimitMs = 30_000;

/** Where commands are looked for; a service's or user's own PATH often lacks the system's directories. */
export const searchPath = [process.env.PATH, '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean).join(':');

/** Says what failed in one line: the first line that a tool printed, without its noise. */
function failure(command: string, stderr: string, end: string): EngineError {
  const line = stderr.split('\n').find(text => text.trim() !== '') ?? end;
  return new EngineError('Failed', `${command}: ${line.trim()}`);
}

/**
 * Runs a command to its end and returns its standard output. No shell is involved.
 * @throws EngineError `Failed` when it cannot be started, exits with another code, or takes longer than 30 s.
 */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const [command, ...args] =
    options.namespace === undefined ? argv : (['nsenter', `--net=/run/netns/${options.namespace}`, ...argv] as const);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeLimitMs,
      env: { ...process.env, LC_ALL: 'C', PATH: searchPath },
    });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', error => reject(failure(argv[0], '', error.message)));
    child.on('close', (code, signal) => {
      if (code === 0 || (code !== null && options.accept?.includes(code))) {
        resolve(Buffer.concat(out).toString());
      } else {
        const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
        reject(failure(argv[0], Buffer.concat(errors).toString(), end));
      }
    });
    // A command that ends before it has read everything reports its failure by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/**
 * Runs lines of `ip -batch`; stops at the first that fails. Nothing happens for no lines. Lines with
 * IPv6 in them, be it only in the family of a rule, need `-6`.
 */
export async function ipBatch(namespace: string | undefined, lines: readonly string[], family?: '-6'): Promise<void> {
  if (lines.length === 0) return;
  const scope = [...(family === undefined ? [] : [family]), ...(namespace === undefined ? [] : ['-n', namespace])];
  await run(['ip', ...scope, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Loads nftables commands as one transaction: all of them or none. Nothing happens for no lines. */
export async function nftTransaction(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await run(['nft', '-f', '-'], { input: `${lines.join('\n')}\n`, namespace });
}

/** `ip -json …` parsed; an empty answer is an empty list. */
export async function ipJson(namespace: string | undefined, ...args: string[]): Promise<unknown[]> {
  const scope = namespace === undefined ? [] : ['-n', namespace];
  const text = (await run(['ip', ...scope, '-json', ...args])).trim();
  const value: unknown = text === '' ? [] : JSON.parse(text);
  return Array.isArray(value) ? value : [];
}
