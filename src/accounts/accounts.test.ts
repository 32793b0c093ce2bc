import { expect, test } from 'vitest';
import { createTestApi } from '../api/testing.ts';
import { accessKeyOf } from '../iam/access-keys.ts';
import { accessKeys } from '../iam/keys/model.ts';
import { createAccount, ensureFirstAccount } from './accounts.ts';
import { accounts } from './model.ts';

const file = { accountId: '000000000000', accessKeyId: 'AKIAFILE', secretAccessKey: 'from the file' };

test('a new account has a number and a root key of its own, whose secret is kept sealed', () => {
  const { state, secrets } = createTestApi();
  const made = state.write(tx => createAccount(tx, secrets, { name: 'team blue' }, 5));
  expect(made.account).toEqual({ accountId: expect.stringMatching(/^\d{12}$/), name: 'team blue', created: 5 });
  expect(made.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
  expect(made.secretAccessKey).toHaveLength(40);
  expect(accessKeyOf(state, secrets, made.accessKeyId)).toMatchObject({
    secretAccessKey: made.secretAccessKey,
    active: true,
    principal: { type: 'root', account: made.account.accountId },
  });
  expect(JSON.stringify(state.get(accessKeys, made.accessKeyId))).not.toContain(made.secretAccessKey);
});

test.each([
  ['an empty name', { name: '' }, 'ValidationError'],
  ['a bad number', { name: 'x', accountId: '123' }, 'ValidationError'],
  ['a taken name', { name: 'main' }, 'EntityAlreadyExists'],
  ['a taken number', { name: 'x', accountId: '000000000000' }, 'EntityAlreadyExists'],
])('%s is refused', (_what, wanted, code) => {
  const { state, secrets } = createTestApi();
  ensureFirstAccount(state, secrets, file, 1);
  expect(() => state.write(tx => createAccount(tx, secrets, wanted, 1))).toThrow(expect.objectContaining({ code }));
  expect(state.count(accounts)).toBe(1);
});

test('the first account follows credentials.json', () => {
  const { state, secrets } = createTestApi();
  ensureFirstAccount(state, secrets, file, 1);
  ensureFirstAccount(state, secrets, file, 2);
  expect(state.get(accounts, file.accountId)?.created).toBe(1);
  expect(accessKeyOf(state, secrets, 'AKIAFILE')?.secretAccessKey).toBe('from the file');
  ensureFirstAccount(state, secrets, { ...file, secretAccessKey: 'changed' }, 3);
  expect(accessKeyOf(state, secrets, 'AKIAFILE')?.secretAccessKey).toBe('changed');
  ensureFirstAccount(state, secrets, { ...file, accessKeyId: 'AKIAOTHER' }, 3);
  expect(accessKeyOf(state, secrets, 'AKIAFILE')).toBeUndefined();
  expect(accessKeyOf(state, secrets, 'AKIAOTHER')?.principal.arn).toBe('arn:aws:iam::000000000000:root');
});

test("a configured key must not be another account's", () => {
  const { state, secrets } = createTestApi();
  const made = state.write(tx => createAccount(tx, secrets, { name: 'other' }, 1));
  expect(() => ensureFirstAccount(state, secrets, { ...file, accessKeyId: made.accessKeyId }, 1)).toThrow('already');
});
