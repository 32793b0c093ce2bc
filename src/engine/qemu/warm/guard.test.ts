import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guarded, memoryDescriptor } from './guard.ts';

const run = promisify(execFile);

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-guard-'));
  file = join(folder, 'memory');
  await writeFile(file, Buffer.alloc(1024 * 1024, 1));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Opens the file under a descriptor and punches out half of it: fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, …). */
function puncher(descriptor: number): string[] {
  const punch = `open F, '+<', $ARGV[0] or die; exit(syscall(285, ${descriptor}, 3, 0, 524288) == 0 ? 0 : 1)`;
  return ['sh', '-c', `exec ${descriptor}<>"$1"; exec perl -e "$2" "$1"`, 'sh', file, punch];
}

const kib = async () => ((await stat(file)).blocks * 512) / 1024;

test('a hole cannot be punched into the guarded descriptor, and the caller does not notice', async () => {
  const [program = '', ...argv] = guarded(puncher(7), 7);
  await run(program, argv);
  expect(await kib()).toBeGreaterThanOrEqual(1024);
});

test('other descriptors are as they were', async () => {
  const [program = '', ...argv] = guarded(puncher(8), 7);
  await run(program, argv);
  expect(await kib()).toBeLessThanOrEqual(520);
});

test('what is run has no more rights than before, and its own status', async () => {
  const [program = '', ...argv] = guarded(
    ['sh', '-c', 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; exit 3'],
    7,
  );
  const failure = await run(program, argv).catch(error => error);
  expect(failure).toMatchObject({ code: 3, stdout: 'NoNewPrivs:\t1\nSeccomp:\t2\n' });
});

test('the descriptor of a file is found where the file is open once', async () => {
  const child = spawn('sh', ['-c', 'exec 9<"$1"; echo; read line; exec 8<"$1"; echo; read line', 'sh', file]);
  try {
    await once(child.stdout, 'data');
    expect(await memoryDescriptor(child.pid ?? 0, file)).toBe(9);
    expect(await memoryDescriptor(child.pid ?? 0, `${file}.other`)).toBeUndefined();
    child.stdin.write('\n');
    await once(child.stdout, 'data');
    expect(await memoryDescriptor(child.pid ?? 0, file)).toBeUndefined();
  } finally {
    child.kill('SIGKILL');
  }
});
