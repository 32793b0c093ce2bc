import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientEnvironment, shellQuote } from './env.ts';
import { isRunning, readServerRecord, runningServer } from './server-files.ts';

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-files-'));
});
afterEach(() => {
  child?.kill();
  child = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(...words: string[]): Promise<number> {
  const [name = '', ...rest] = words;
  child = spawn(name, rest, { stdio: 'ignore' });
  await new Promise(resolve => child?.on('spawn', resolve));
  return child.pid ?? 0;
}

function record(pid: number, startedAt = Date.now()) {
  return { pid, url: 'http://127.0.0.1:4599', startedAt, host: '127.0.0.1', port: 4599 };
}

test('a server that runs is told from a process that has got its number', async () => {
  writeFileSync(join(folder, 'main.ts'), 'setTimeout(() => {}, 60_000)');
  const pid = await start(process.execPath, join(folder, 'main.ts'));
  expect(isRunning(record(pid))).toBe(true);
  expect(isRunning(record(pid, Date.now() - 60_000)), 'the record is older than the process').toBe(false);
});

test('another program is no server', async () => {
  expect(isRunning(record(await start('sleep', '60')))).toBe(false);
});

test('a process that has ended is no server', async () => {
  const pid = await start('true');
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(isRunning(record(pid))).toBe(false);
});

test.each(['', '{', '{"pid":1,"url":"x","startedAt":1,"host":"h","port":1}', '{"pid":"7"}', 'null'])(
  'a broken record: %s',
  text => {
    writeFileSync(join(folder, 'server.json'), text);
    expect(readServerRecord(folder)).toBeUndefined();
    expect(runningServer(folder)).toBeUndefined();
  },
);

test('the time of start may be a number or a date', () => {
  writeFileSync(join(folder, 'server.json'), JSON.stringify({ ...record(77), startedAt: '2026-01-02T03:04:05.000Z' }));
  expect(readServerRecord(folder)?.startedAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
});

test('the environment of clients', () => {
  const where = { dataDir: folder, host: '0.0.0.0', port: 4566, region: 'eu-west-1' };
  expect(() => clientEnvironment(where)).toThrow('there are no keys');
  writeFileSync(
    join(folder, 'credentials.json'),
    JSON.stringify({ accountId: '000000000000', accessKeyId: 'AKIA', secretAccessKey: 's' }),
  );
  expect(clientEnvironment(where)).toEqual({
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
    AWS_ACCESS_KEY_ID: 'AKIA',
    AWS_SECRET_ACCESS_KEY: 's',
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_REGION: 'eu-west-1',
  });
});

test('a running server is found by its own address', async () => {
  writeFileSync(join(folder, 'main.ts'), 'setTimeout(() => {}, 60_000)');
  const pid = await start(process.execPath, join(folder, 'main.ts'));
  writeFileSync(
    join(folder, 'credentials.json'),
    JSON.stringify({ accountId: '0', accessKeyId: 'A', secretAccessKey: 's' }),
  );
  writeFileSync(join(folder, 'server.json'), JSON.stringify(record(pid)));
  const where = { dataDir: folder, host: '127.0.0.1', port: 4566, region: 'us-east-1' };
  expect(clientEnvironment(where).AWS_ENDPOINT_URL).toBe('http://127.0.0.1:4599');
});

test.each([
  ['plain-1/x', 'plain-1/x'],
  ['', "''"],
  ['a b', "'a b'"],
  ["it's $HOME", "'it'\\''s $HOME'"],
])('shell words: %j', (word, quoted) => expect(shellQuote(word)).toBe(quoted));
