import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONSOLE_BYTES, readConsole, trimConsole } from './console-log.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-console-'));
  file = join(folder, 'console.log');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('shows the end of the log, whole when it is short', async () => {
  expect(await readConsole(file)).toHaveLength(0);
  await writeFile(file, 'hello\n');
  expect(Buffer.from(await readConsole(file)).toString()).toBe('hello\n');
  await appendFile(file, `${'x'.repeat(100_000)}end`);
  const text = Buffer.from(await readConsole(file)).toString();
  expect(text).toHaveLength(CONSOLE_BYTES);
  expect(text.endsWith('xend')).toBe(true);
});

test('takes bounded room on the disk and loses nothing that is new', async () => {
  await writeFile(file, Buffer.alloc(5 * 1024 * 1024, 'a'));
  await appendFile(file, 'the end');
  await trimConsole(file);
  expect((await stat(file)).blocks * 512).toBeLessThan(600 * 1024);
  await appendFile(file, ', and more');
  const text = Buffer.from(await readConsole(file)).toString();
  expect(text.endsWith('athe end, and more')).toBe(true);
  expect(text).not.toContain('\0');
});

test('leaves a small log alone', async () => {
  await writeFile(file, Buffer.alloc(500_000, 'a'));
  await trimConsole(file);
  expect((await readFile(file)).every(byte => byte === 97)).toBe(true);
});

test('follows no link that a machine made', async () => {
  await writeFile(join(folder, 'secret'), Buffer.alloc(5 * 1024 * 1024, 's'));
  await symlink(join(folder, 'secret'), file);
  expect(await readConsole(file)).toHaveLength(0);
  await trimConsole(file);
  expect((await readFile(join(folder, 'secret')))[0]).toBe(115);
});
