import { spawn } from 'node:child_process';

/** What a check found. `fail`: Fogbank cannot run; `warn`: it can, with a loss that `detail` names. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

export interface Check {
  readonly name: string;
  /** An error that is thrown is a finding of level `fail`. */
  run(): Finding | Promise<Finding>;
}

export const ok = (detail: string): Finding => ({ level: 'ok', detail });
export const warn = (detail: string, advice?: string): Finding => ({ level: 'warn', detail, advice });
export const fail = (detail: string, advice?: string): Finding => ({ level: 'fail', detail, advice });

/**
 * Runs a command, feeding it `input`, for `timeout` milliseconds at most. Resolves to its output and whether it
 * succeeded, also when it cannot start.
 */
export function probe(
  words: readonly string[],
  input = '',
  timeout = 20_000,
): Promise<{ ok: boolean; output: string; error: string }> {
  const [name = '', ...rest] = words;
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const child = spawn(name, rest, { stdio: 'pipe', timeout, env: { ...process.env, PATH: path, LC_ALL: 'C' } });
  let output = '';
  let error = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  child.stderr.on('data', chunk => {
    error += chunk;
  });
  // The command may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise(resolve => {
    child.on('error', reason => resolve({ ok: false, output, error: reason.message }));
    child.on('close', code => resolve({ ok: code === 0, output, error: error.trim() }));
  });
}
