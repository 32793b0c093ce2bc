import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let data: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'fogbank up-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});

/** Nothing of whoever runs the tests: no settings, no AMIs. */
const env = () => ({
  PATH: process.env.PATH,
  HOME: data,
  XDG_CONFIG_HOME: data,
  FOGBANK_IMAGE_CACHE: join(data, 'images'),
});

function fogbank(...words: string[]) {
  const result = spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', cwd: data, env: env() });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

interface Started {
  readonly child: ChildProcess;
  readonly line: string;
  readonly errors: () => string;
  readonly ended: Promise<number | null>;
}

async function up(...words: string[]): Promise<Started> {
  const child = spawn(
    process.execPath,
    [main, 'up', '--engine', 'simulator', '--listen', '127.0.0.1:0', '--data', join(data, 'state'), ...words],
    { cwd: data, env: env(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  let out = '';
  let errors = '';
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const ended = new Promise<number | null>(resolve => child.on('close', code => resolve(code)));
  const line = await new Promise<string>(resolve => {
    child.stdout.on('data', chunk => {
      out += chunk;
      if (out.includes('\n')) resolve(out);
    });
    child.on('close', () => resolve(out));
  });
  return { child, line, errors: () => errors, ended };
}

const state = () => join(data, 'state');

describe('a server', () => {
  test('says when it is ready, answers, and gives its keys to env alone', async () => {
    const server = await up();
    expect(server.line, server.errors()).toMatch(/^fogbank is ready on http:\/\/127\.0\.0\.1:\d+ in \d+ ms\n$/);
    const url = /http:\S+/.exec(server.line)?.[0] ?? '';
    expect((await fetch(`${url}/_fogbank/health`)).status).toBe(200);
    const shell = fogbank('env', '--data', state()).out;
    expect(shell).toContain(`export AWS_ENDPOINT_URL=${url}\n`);
    expect(shell).toMatch(/^export AWS_SECRET_ACCESS_KEY=\S{16,}$/m);
    expect(JSON.parse(fogbank('env', '--json', '--data', state(), '--region', 'eu-west-1').out)).toMatchObject({
      AWS_ENDPOINT_URL: url,
      AWS_REGION: 'eu-west-1',
    });
    expect(statSync(join(state(), 'credentials.json')).mode & 0o077).toBe(0);
    expect(statSync(state()).mode & 0o077).toBe(0);
    expect(server.errors()).not.toContain(/SECRET_ACCESS_KEY=(\S+)/.exec(shell)?.[1]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends by %s and leaves no record of running', async signal => {
    const server = await up();
    expect(existsSync(join(state(), 'server.json'))).toBe(true);
    server.child.kill(signal);
    expect(await server.ended).toBe(0);
    expect(server.errors()).toContain('stopped');
    expect(existsSync(join(state(), 'server.json'))).toBe(false);
  });

  test('is ended by down, again and again', async () => {
    const server = await up();
    const words = ['down', '--engine', 'simulator', '--data', state()];
    expect(fogbank(...words)).toMatchObject({ code: 0, out: 'the server has stopped\n' });
    expect(await server.ended).toBe(0);
    expect(fogbank(...words)).toMatchObject({ code: 0, out: 'no server was running\n' });
    expect(fogbank('down', '--engine', 'simulator', '--data', join(data, 'never'))).toMatchObject({ code: 0 });
  });

  test('that was killed is no obstacle to the next one', async () => {
    const first = await up();
    first.child.kill('SIGKILL');
    await first.ended;
    expect(existsSync(join(state(), 'server.json'))).toBe(true);
    expect((await up()).line).toContain('is ready on');
  });

  test('does not share its data folder', async () => {
    await up();
    const second = await up();
    expect(await second.ended).toBe(1);
    expect(second.line).toBe('');
    expect(second.errors()).toContain('--data');
    expect(second.errors()).not.toMatch(/\n\s+at /);
  });

  test('that cannot have its port says so', async () => {
    const url = new URL(/http:\S+/.exec((await up()).line)?.[0] ?? '');
    const second = spawnSync(
      process.execPath,
      [main, 'up', '--engine', 'simulator', '--listen', url.host, '--data', join(data, 'other')],
      { encoding: 'utf8', cwd: data, env: env() },
    );
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('is in use');
  });

  test('takes the root key that it is given', async () => {
    writeFileSync(
      join(data, 'fogbank.toml'),
      'root-access-key-id = "AKIAIOSFODNN7EXAMPLE"\nroot-secret-access-key = "wJalrXUtnFEMI/K7MDENG"\naccount-id = "123456789012"\n',
    );
    await up();
    expect(fogbank('env', '--data', state()).out).toContain('AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n');
  });
});

test('the certificates of identity documents belong to a data folder', () => {
  expect(fogbank('certificate', '--data', state())).toMatchObject({ code: 1, out: '' });
  mkdirSync(state());
  const pem = fogbank('certificate', '--data', state()).out;
  expect(new X509Certificate(pem).publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  expect(fogbank('certificate', 'rsa2048', '--data', state()).out).toBe(pem);
  expect(new X509Certificate(fogbank('certificate', 'dsa', '--data', state()).out).publicKey.asymmetricKeyType).toBe(
    'dsa',
  );
});

describe('help', () => {
  const commands = ['up', 'down', 'demo', 'env', 'ssh', 'image', 'certificate', 'doctor', 'test'];

  test('names every command', () => {
    const { code, out } = fogbank();
    expect(code).toBe(0);
    for (const name of commands) expect(out).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    expect(fogbank('--help').out).toBe(out);
  });

  test.each(commands)('of %s', name => {
    const { code, out, err } = fogbank(name, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: fogbank ${name}`);
    expect(fogbank('help', name).out).toBe(out);
  });

  test.each(commands)('%s refuses a flag that it does not have', name => {
    const { code, err } = fogbank(name, '--no-such-flag');
    expect(code).toBe(2);
    expect(err).toContain('there is no flag --no-such-flag');
    expect(err).not.toMatch(/\n\s+at /);
  });
});

test.skipIf(process.getuid?.() === 0)('machines without root are refused with the way out', () => {
  const { code, err } = fogbank('up', '--data', state());
  expect(code).toBe(1);
  expect(err).toContain('--engine simulator');
});
