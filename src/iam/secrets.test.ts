import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secretSetting, settings } from '../api/settings.ts';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { createSecrets, isSealed, openSecrets } from './secrets.ts';

describe('sealing', () => {
  const secrets = createSecrets(new Uint8Array(32).fill(1));

  test('opens to what was sealed, and never looks the same twice', () => {
    const [one, two] = [secrets.seal('geheim ü', 'AKIA1'), secrets.seal('geheim ü', 'AKIA1')];
    expect(one).not.toBe(two);
    expect(isSealed(one)).toBe(true);
    expect(one).not.toContain('geheim');
    expect(secrets.open(one, 'AKIA1')).toBe('geheim ü');
    expect(secrets.open(two, 'AKIA1')).toBe('geheim ü');
  });

  test('does not open about something else, under another key, or when it was changed', () => {
    const sealed = secrets.seal('geheim', 'AKIA1');
    expect(() => secrets.open(sealed, 'AKIA2')).toThrow();
    expect(() => createSecrets(new Uint8Array(32).fill(2)).open(sealed, 'AKIA1')).toThrow();
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    bytes[30] = (bytes[30] ?? 0) ^ 1;
    expect(() => secrets.open(`s1.${bytes.toString('base64url')}`, 'AKIA1')).toThrow();
    expect(() => secrets.open(sealed.slice(0, 20), 'AKIA1')).toThrow();
    expect(() => secrets.open('geheim', 'AKIA1')).toThrow();
  });

  test('keys for different purposes differ, and stay the same', () => {
    expect(secrets.subkey('a')).toHaveLength(32);
    expect(secrets.subkey('a')).toEqual(createSecrets(new Uint8Array(32).fill(1)).subkey('a'));
    expect(secrets.subkey('a')).not.toEqual(secrets.subkey('b'));
  });
});

describe('the key file', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fogbank-secrets-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const newState = () => new State(new MemoryStore(), [settings]);

  test('is made once, readable by its owner only, and opens what it sealed', () => {
    const state = newState();
    const sealed = openSecrets(directory, state).seal('geheim');
    const file = join(directory, 'secrets.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(openSecrets(directory, state).open(sealed)).toBe('geheim');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('that is lost, exchanged or damaged is told, not replaced', () => {
    const state = newState();
    openSecrets(directory, state);
    const file = join(directory, 'secrets.key');
    writeFileSync(file, `${'ab'.repeat(32)}\n`);
    expect(() => openSecrets(directory, state)).toThrow('not the key');
    writeFileSync(file, 'ab');
    expect(() => openSecrets(directory, state)).toThrow('damaged');
    chmodSync(file, 0o600);
    rmSync(file);
    expect(() => openSecrets(directory, state)).toThrow('missing');
  });
});

test('secret settings are kept sealed, those of earlier versions too from the first use on', () => {
  const state = new State(new MemoryStore(), [settings]);
  const secrets = createSecrets(new Uint8Array(32));
  const old = Buffer.alloc(32, 7).toString('base64');
  state.write(tx => tx.put(settings, { name: 'old', value: old }));
  for (const name of ['old', 'new']) {
    const first = secretSetting(state, secrets, name);
    expect(first).toHaveLength(32);
    expect(secretSetting(state, secrets, name)).toEqual(first);
    expect(state.get(settings, name)?.value).not.toContain(Buffer.from(first).toString('base64'));
  }
  expect(Buffer.from(secretSetting(state, secrets, 'old')).toString('base64')).toBe(old);
});
