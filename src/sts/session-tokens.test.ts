import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createTestApi } from '../api/testing.ts';
import { accessKeys } from '../iam/keys/model.ts';
import { roles } from '../iam/roles/model.ts';
import { createSecrets } from '../iam/secrets.ts';
import { users } from '../iam/users/model.ts';
import { issueCredentials, plainSession, type SessionHolder, SessionTokens } from './session-tokens.ts';

const account = '000000000000';
const identity = { account, path: '/', createDate: 0, inlinePolicies: [], attachedPolicies: [], tags: [] };
const user = { ...identity, userId: 'AIDAUSER', userName: 'ann', groups: [] };
const role = {
  ...identity,
  roleId: 'AROAROLE',
  roleName: 'build',
  path: '/team/',
  assumeRolePolicyDocument: '{}',
  maxSessionDuration: 3600,
};

function setUp() {
  const { state, secrets } = createTestApi();
  state.write(tx => {
    tx.put(users, user);
    tx.put(roles, role);
    tx.put(accessKeys, {
      accessKeyId: 'AKIAANN',
      account,
      userId: user.userId,
      sealedSecret: 'x',
      status: 'Active',
      createDate: 0,
    });
  });
  const tokens = new SessionTokens(secrets);
  const issue = (holder: SessionHolder, issuerKeyId?: string) =>
    issueCredentials(secrets, {
      holder,
      session: plainSession(1_000),
      expiration: 5_000,
      ...(issuerKeyId === undefined ? {} : { issuerKeyId }),
    });
  return { state, secrets, tokens, issue };
}

const holders: Record<string, SessionHolder> = {
  root: { type: 'root', account },
  user: { type: 'user', account, userId: user.userId },
  role: { type: 'assumed-role', account, roleId: role.roleId, sessionName: 'job-1', instanceId: 'i-0123' },
  federated: { type: 'federated-user', account, name: 'bob', userId: user.userId },
};

test.each([
  ['root', { type: 'root', arn: 'arn:aws:iam::000000000000:root', userId: account }],
  ['user', { type: 'user', arn: 'arn:aws:iam::000000000000:user/ann', userId: 'AIDAUSER', userName: 'ann' }],
  [
    'role',
    {
      type: 'assumed-role',
      arn: 'arn:aws:sts::000000000000:assumed-role/build/job-1',
      userId: 'AROAROLE:job-1',
      roleArn: 'arn:aws:iam::000000000000:role/team/build',
      instanceId: 'i-0123',
    },
  ],
  [
    'federated',
    {
      type: 'federated-user',
      arn: 'arn:aws:sts::000000000000:federated-user/bob',
      userId: '000000000000:bob',
      issuer: { arn: 'arn:aws:iam::000000000000:user/ann', userName: 'ann' },
    },
  ],
])('the key of a session of %s is known by its token alone', (name, principal) => {
  const { state, tokens, issue } = setUp();
  const made = issue(holders[name] as SessionHolder);
  expect(made.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
  expect(made.secretAccessKey).toHaveLength(40);
  const key = tokens.keyOf(state, made.accessKeyId, made.sessionToken);
  expect(key).toMatchObject({ ...made, active: true });
  expect(key?.principal).toMatchObject({ ...principal, accessKeyId: made.accessKeyId, session: { issuedAt: 1_000 } });
});

test('a token says nothing without the server, nor with the key of another session or server', () => {
  const { state, secrets, tokens, issue } = setUp();
  const first = issue(holders.role as SessionHolder);
  const second = issue(holders.role as SessionHolder);
  expect(Buffer.from(first.sessionToken.slice(3), 'base64url').toString('latin1')).not.toContain('job-1');
  expect(tokens.keyOf(state, second.accessKeyId, first.sessionToken)).toBeUndefined();
  expect(tokens.keyOf(state, first.accessKeyId, first.sessionToken)).toBeDefined();
  // Kept from the line above, it is still only this key's.
  expect(tokens.keyOf(state, second.accessKeyId, first.sessionToken)).toBeUndefined();
  for (const token of ['', 'x', first.sessionToken.slice(0, -2), secrets.seal('{}', first.accessKeyId)])
    expect(tokens.keyOf(state, first.accessKeyId, token)).toBeUndefined();
  const other = new SessionTokens(createSecrets(randomBytes(32)));
  expect(other.keyOf(state, first.accessKeyId, first.sessionToken)).toBeUndefined();
});

test('a session ends with its user, its role, or the key that asked for it', () => {
  const { state, tokens, issue } = setUp();
  const made = {
    user: issue(holders.user as SessionHolder, 'AKIAANN'),
    federated: issue(holders.federated as SessionHolder, 'AKIAANN'),
    role: issue(holders.role as SessionHolder),
  };
  const alive = () =>
    Object.entries(made)
      .filter(([, one]) => tokens.keyOf(state, one.accessKeyId, one.sessionToken) !== undefined)
      .map(([name]) => name);
  expect(alive()).toEqual(['user', 'federated', 'role']);
  const key = state.get(accessKeys, 'AKIAANN');
  state.write(tx => key && tx.put(accessKeys, { ...key, status: 'Inactive' }));
  expect(alive()).toEqual(['role']);
  state.write(tx => key && tx.put(accessKeys, key));
  expect(alive()).toHaveLength(3);
  state.write(tx => tx.delete(users, user.userId));
  expect(alive()).toEqual(['role']);
  // A role made anew under the same name is another role.
  state.write(tx => {
    tx.delete(roles, role.roleId);
    tx.put(roles, { ...role, roleId: 'AROANEW' });
  });
  expect(alive()).toEqual([]);
});

test('a user who is renamed keeps his sessions under his new name', () => {
  const { state, tokens, issue } = setUp();
  const { accessKeyId, sessionToken } = issue(holders.user as SessionHolder);
  const arn = () => tokens.keyOf(state, accessKeyId, sessionToken)?.principal.arn;
  expect(arn()).toBe('arn:aws:iam::000000000000:user/ann');
  state.write(tx => tx.put(users, { ...user, userName: 'anna' }));
  expect(arn()).toBe('arn:aws:iam::000000000000:user/anna');
});
