import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootCredentials } from './credentials.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fogbank-credentials-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('root credentials', () => {
  it('are made once, and readable by their owner only', () => {
    const first = rootCredentials(directory, {});
    expect(first).toMatchObject({
      accountId: '000000000000',
      accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
    });
    expect(first.secretAccessKey).toHaveLength(40);
    expect(rootCredentials(directory, {})).toEqual(first);
    expect(statSync(join(directory, 'credentials.json')).mode & 0o777).toBe(0o600);
  });

  it('are replaced by configured ones, and kept then', () => {
    const made = rootCredentials(directory, { accountId: '123456789012' });
    const configured = { rootAccessKeyId: 'AKIDEXAMPLE', rootSecretAccessKey: 'secret' };
    expect(rootCredentials(directory, configured)).toEqual({
      accountId: made.accountId,
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'secret',
    });
    expect(rootCredentials(directory, {}).accessKeyId).toBe('AKIDEXAMPLE');
  });

  it.each([
    ['half a key', { rootAccessKeyId: 'AKIDEXAMPLE' }],
    ['a bad account', { accountId: '12' }],
    ['another account', { accountId: '999999999999' }],
  ])('refuse %s', (_what, configured) => {
    rootCredentials(directory, {});
    expect(() => rootCredentials(directory, configured)).toThrow(expect.objectContaining({ name: 'UserError' }));
  });

  it('refuse a damaged file instead of replacing the key', () => {
    writeFileSync(join(directory, 'credentials.json'), '{');
    expect(() => rootCredentials(directory, {})).toThrow('cannot be read');
  });
});
