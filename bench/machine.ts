import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** The machine that figures were measured on, as lines of a list. */
export function machine(): string[] {
  const [first] = cpus();
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux';
  const others = loadavg()[0]?.toFixed(1);
  return [
    `processor: ${first?.model ?? 'unknown'}, ${cpus().length} cores`,
    `memory: ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `system: ${system}, kernel ${release()}`,
    `Node ${process.version}, ${firstLine('qemu-system-x86_64', '--version') ?? 'no QEMU'}`,
    `load average of the machine when it began: ${others}`,
  ];
}

/** First line that a program prints, or undefined where it is not installed. */
export function firstLine(program: string, ...words: string[]): string | undefined {
  const { stdout, error } = spawnSync(program, words, { encoding: 'utf8' });
  return error === undefined ? stdout.split('\n')[0]?.trim() : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
