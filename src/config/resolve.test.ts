import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nearest } from './nearest.ts';
import { type ConfigurationSources, resolveConfiguration } from './resolve.ts';
import { settingsTable } from './settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const uid = process.getuid?.() ?? 1;

function resolve(env: Record<string, string> = {}, sources: Omit<ConfigurationSources, 'host'> = {}) {
  // Homes that are not there keep the configuration of whoever runs the tests out; root's place cannot be moved.
  const homes = { HOME: join(folder, 'home'), XDG_CONFIG_HOME: join(folder, 'xdg') };
  return resolveConfiguration({ ...sources, host: { env: { ...homes, ...env }, cwd: folder, uid: uid || 1 } });
}

function toml(text: string, name = 'fogbank.toml'): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('precedence', () => {
  test('defaults', async () => {
    expect(await resolve()).toMatchObject({
      engine: 'qemu',
      host: '127.0.0.1',
      port: 4566,
      publicPool: '198.18.0.0/16',
      uplink: undefined,
      region: 'us-east-1',
      rootAccessKeyId: undefined,
    });
  });

  test('a file is stronger than defaults, a variable stronger than the file, a flag stronger than both', async () => {
    toml('listen = "127.0.0.1:1111"\nregion = "eu-west-1"\npublic-pool = "198.19.0.0/24"');
    expect(await resolve()).toMatchObject({ port: 1111, region: 'eu-west-1' });
    const env = { FOGBANK_LISTEN: '127.0.0.1:2222', FOGBANK_REGION: 'eu-west-2' };
    expect(await resolve(env)).toMatchObject({ port: 2222, region: 'eu-west-2', publicPool: '198.19.0.0/24' });
    expect(await resolve(env, { flags: { listen: '127.0.0.1:3333' } })).toMatchObject({
      port: 3333,
      region: 'eu-west-2',
      publicPool: '198.19.0.0/24',
    });
  });

  test('an empty variable is not set', async () => {
    toml('engine = "simulator"');
    expect(await resolve({ FOGBANK_ENGINE: '' })).toMatchObject({ engine: 'simulator' });
  });

  test('--config, then FOGBANK_CONFIG, then the current folder: only one file is read', async () => {
    toml('region = "eu-west-1"\nlisten = "127.0.0.1:1111"');
    const second = toml('region = "eu-west-2"', 'second.toml');
    toml('region = "eu-west-3"', 'third.toml');
    expect(await resolve({ FOGBANK_CONFIG: second })).toMatchObject({ region: 'eu-west-2', port: 4566 });
    expect(await resolve({ FOGBANK_CONFIG: second }, { configFile: 'third.toml' })).toMatchObject({
      region: 'eu-west-3',
    });
  });

  test('the XDG folder comes last', async () => {
    mkdirSync(join(folder, 'xdg/fogbank'), { recursive: true });
    toml('region = "eu-west-1"', 'xdg/fogbank/fogbank.toml');
    expect(await resolve()).toMatchObject({ region: 'eu-west-1' });
  });
});

test('paths are relative to the file that has them, flags and variables to the current folder', async () => {
  mkdirSync(join(folder, 'etc'));
  toml('data = "state"\nimage-cache = "/srv/images"', 'etc/fogbank.toml');
  const configFile = 'etc/fogbank.toml';
  expect(await resolve({}, { configFile })).toMatchObject({
    dataDir: join(folder, 'etc/state'),
    imageCacheDir: '/srv/images',
  });
  expect(await resolve({ FOGBANK_DATA: 'here' }, { configFile })).toMatchObject({ dataDir: join(folder, 'here') });
  expect(await resolve({}, { configFile, flags: { data: '../there' } })).toMatchObject({
    dataDir: join(folder, '../there'),
  });
});

test('the data folder of root and of others', async () => {
  const host = { env: { HOME: '/home/me' }, cwd: folder };
  expect(await resolveConfiguration({ host: { ...host, uid: 0 } })).toMatchObject({ dataDir: '/var/lib/fogbank' });
  expect(await resolveConfiguration({ host: { ...host, uid: 1000 } })).toMatchObject({
    dataDir: '/home/me/.local/share/fogbank',
  });
  const xdg = { ...host, uid: 1000, env: { XDG_DATA_HOME: '/mnt/data' } };
  expect(await resolveConfiguration({ host: xdg })).toMatchObject({ dataDir: '/mnt/data/fogbank' });
});

test('frozen guests: how much they may take, or none at all', async () => {
  expect(await resolve()).toMatchObject({
    warmBytes: 8 * 2 ** 30,
    memoryOvercommit: 2,
    pageSharing: false,
    volumeLimits: true,
  });
  toml('warm = "off"\nwarm-budget = "0.5"\nmemory-overcommit = "1.5"\npage-sharing = "on"\nvolume-limits = "off"');
  expect(await resolve()).toMatchObject({
    warmBytes: 0,
    memoryOvercommit: 1.5,
    pageSharing: true,
    volumeLimits: false,
  });
  expect(await resolve({ FOGBANK_WARM: 'on' })).toMatchObject({ warmBytes: 2 ** 29 });
  expect(await resolve({ FOGBANK_WARM: 'on' }, { flags: { warm: 'off' } })).toMatchObject({ warmBytes: 0 });
  await expect(resolve({ FOGBANK_MEMORY_OVERCOMMIT: '0.5' })).rejects.toThrow(
    "FOGBANK_MEMORY_OVERCOMMIT must be a number from 1 to 32, not '0.5'",
  );
});

describe('what is wrong is named with its place', () => {
  test('a flag is a wrong command line', async () => {
    await expect(resolve({}, { flags: { engine: 'xen' } })).rejects.toMatchObject({
      message: "--engine must be qemu or simulator, not 'xen'",
      exitCode: 2,
    });
  });

  test('a variable', async () => {
    await expect(resolve({ FOGBANK_PUBLIC_POOL: 'x' })).rejects.toMatchObject({
      message: expect.stringMatching(/^FOGBANK_PUBLIC_POOL must be an IPv4 prefix/),
      exitCode: 1,
    });
  });

  test.each([
    ['engin = "qemu"', "there is no setting 'engin'"],
    ['[section]\nengine = "qemu"', "there is no setting 'section'"],
    ['listen = 4566', "the value of 'listen' must be a string"],
    ['engine = ', 'is not valid TOML'],
    ['accel = "hvf"', "'accel' must be kvm or tcg"],
  ])('in a file: %s', async (text, message) => {
    toml(text);
    await expect(resolve()).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining(message) });
  });

  test('an unknown key is answered with the one that was meant', async () => {
    toml('engin = "qemu"');
    await expect(resolve()).rejects.toMatchObject({ hint: "Did you mean 'engine'?" });
  });

  test('a named file that is missing', async () => {
    await expect(resolve({}, { configFile: 'none.toml' })).rejects.toThrow('none.toml does not exist');
  });

  test("somebody else's file in the current folder", async () => {
    toml('engine = "simulator"');
    const host = { env: { HOME: folder }, cwd: folder, uid: uid + 4242 };
    const asked = resolveConfiguration({ host });
    // Root's own files are trusted by everybody.
    if (uid === 0) expect(await asked).toMatchObject({ engine: 'simulator' });
    else await expect(asked).rejects.toThrow('belongs to another user');
  });

  test('half a key', async () => {
    await expect(resolve({ FOGBANK_ROOT_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' })).rejects.toThrow('given together');
  });
});

test('docs/configuration.md has the table of all settings', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toContain(settingsTable());
});

test('the nearest word', () => {
  expect(nearest('biuld', ['list', 'build', 'pull'])).toBe('build');
  expect(nearest('dwn', ['up', 'down', 'demo'])).toBe('down');
  expect(nearest('doc', ['up', 'doctor'])).toBe('doctor');
  expect(nearest('frobnicate', ['up', 'down'])).toBeUndefined();
});
