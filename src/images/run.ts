import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ImageError } from './types.ts';

export interface RunOptions {
  /** Added to a minimal environment; nothing of the caller's environment but PATH and proxy settings is passed on. */
  env?: Record<string, string>;
  /** Called with every line of both outputs. */
  onLine?: (line: string) => void;
  cwd?: string;
}

const inherited = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'TMPDIR'];

/**
 * Runs a program to its end, without a shell.
 * @throws ImageError naming the Debian package when the program is missing, and with its last lines when it fails.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const env: Record<string, string> = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' };
    for (const name of inherited) {
      const value = process.env[name];
      if (value) env[name] = value;
    }
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const tail: string[] = [];
    const note = (line: string): void => {
      tail.push(line);
      if (tail.length > 12) tail.shift();
      options.onLine?.(line);
    };
    createInterface({ input: child.stdout }).on('line', note);
    createInterface({ input: child.stderr }).on('line', note);
    child.on('error', error => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(
        new ImageError(missing ? missingTool(command) : `cannot run ${command}: ${error.message}`, { cause: error }),
      );
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new ImageError(`${command} failed (${signal ?? `status ${code}`}):\n  ${tail.join('\n  ')}`));
    });
  });
}

const packages: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'qemu-img': 'qemu-utils',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  chroot: 'coreutils',
};

function missingTool(command: string): string {
  const name = packages[command];
  return name ? `${command} is not installed: apt-get install ${name}` : `${command} is not installed`;
}
