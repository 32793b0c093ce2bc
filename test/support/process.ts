import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Text for standard input; without it there is none. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the program is killed; default five minutes. */
  readonly timeout?: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with these words, never through a shell. Resolves whatever its exit code; 128 when it was killed. */
export function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(program, words, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeout ?? 300_000,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', chunk => stdout.push(chunk));
  child.stderr.on('data', chunk => stderr.push(chunk));
  // A program that ends without reading its input closes the pipe; its exit code tells what happened.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code =>
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      }),
    );
  });
}

/** What a program printed. @throws Error with all it said when it fails. */
export async function output(program: string, words: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(program, words, options);
  if (result.code === 0) return result.stdout;
  throw new Error(
    `${[program, ...words].join(' ')}\nended with code ${result.code}\n${result.stderr.trim()}\n${result.stdout.trim()}`.trim(),
  );
}

/** Why a program cannot be used here, or undefined when it can. */
export async function problemWith(program: string, ...words: string[]): Promise<string | undefined> {
  try {
    const result = await run(program, words, { timeout: 60_000 });
    if (result.code === 0) return undefined;
    return `${[program, ...words].join(' ')} fails: ${result.stderr.trim().split('\n').at(-1)}`;
  } catch {
    return `${program} is not installed`;
  }
}

/** Says on the terminal why a file's tests are skipped; Vitest itself only counts them. */
export function skipped(what: string, reason: string | undefined): boolean {
  if (reason === undefined) return false;
  process.stderr.write(`skipped: ${what}: ${reason}\n`);
  return true;
}
