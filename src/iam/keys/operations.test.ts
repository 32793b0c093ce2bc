import type {
  CreateAccessKeyResponse,
  GetAccessKeyLastUsedResponse,
  ListAccessKeysResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { ensureFirstAccount } from '../../accounts/accounts.ts';
import { accessKeyOf } from '../access-keys.ts';
import { createTestIam, type TestIam, testAccount } from '../testing.ts';

let api: TestIam;
beforeEach(async () => {
  api = createTestIam();
  await api.iam('CreateUser', { UserName: 'bob' });
  await api.iam('CreateUser', { UserName: 'alice' });
});

const create = async (input: object = { UserName: 'bob' }) => {
  const { AccessKey } = await api.iam<CreateAccessKeyResponse>('CreateAccessKey', input);
  if (AccessKey === undefined) throw new Error('no key');
  return AccessKey;
};
const list = async (input: object = { UserName: 'bob' }) =>
  (await api.iam<ListAccessKeysResponse>('ListAccessKeys', input)).AccessKeyMetadata;
const known = (id: string | undefined) => accessKeyOf(api.state, api.secrets, id ?? '');

describe('an access key', () => {
  test('is told once with its secret, and signs for its user', async () => {
    const key = await create();
    expect(key).toEqual({
      UserName: 'bob',
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
      Status: 'Active',
      CreateDate: new Date(api.clock.now()),
    });
    const { SecretAccessKey: secret, ...listed } = key;
    expect(await list()).toEqual([listed]);
    expect(known(key.AccessKeyId)).toMatchObject({
      secretAccessKey: secret,
      active: true,
      principal: { type: 'user', userName: 'bob', arn: 'arn:aws:iam::000000000000:user/bob' },
    });
  });

  test('follows its user when he is renamed', async () => {
    const { AccessKeyId } = await create();
    expect(known(AccessKeyId)?.principal.arn).toBe('arn:aws:iam::000000000000:user/bob');
    await api.iam('UpdateUser', { UserName: 'bob', NewUserName: 'rob', NewPath: '/x/' });
    expect(known(AccessKeyId)?.principal.arn).toBe('arn:aws:iam::000000000000:user/x/rob');
  });

  test('is rotated: a second one is made, the first made inactive, then deleted', async () => {
    const [first, second] = [await create(), await create()];
    expect(await api.code('CreateAccessKey', { UserName: 'bob' })).toBe('LimitExceeded');
    const one = { UserName: 'bob', AccessKeyId: first.AccessKeyId };
    await api.iam('UpdateAccessKey', { ...one, Status: 'Inactive' });
    expect(known(first.AccessKeyId)?.active).toBe(false);
    expect(await list()).toContainEqual(expect.objectContaining({ ...one, Status: 'Inactive' }));
    await api.iam('UpdateAccessKey', { ...one, Status: 'Active' });
    expect(known(first.AccessKeyId)?.active).toBe(true);
    await api.iam('DeleteAccessKey', one);
    expect(known(first.AccessKeyId)).toBeUndefined();
    expect((await list())?.map(key => key.AccessKeyId)).toEqual([second.AccessKeyId]);
  });

  test("is not another's", async () => {
    const { AccessKeyId } = await create();
    for (const [operation, more] of [
      ['DeleteAccessKey', {}],
      ['UpdateAccessKey', { Status: 'Inactive' }],
    ] as const) {
      expect(await api.code(operation, { UserName: 'alice', AccessKeyId, ...more })).toBe('NoSuchEntity');
      expect(await api.code(operation, { AccessKeyId, ...more })).toBe('NoSuchEntity');
      expect(await api.code(operation, { AccessKeyId, ...more }, '111122223333')).toBe('NoSuchEntity');
    }
    expect(await api.code('UpdateAccessKey', { UserName: 'bob', AccessKeyId, Status: 'x' })).toBe('ValidationError');
    expect(await api.code('GetAccessKeyLastUsed', { AccessKeyId }, '111122223333')).toBe('NoSuchEntity');
    expect(known(AccessKeyId)?.active).toBe(true);
  });

  test('is kept sealed', async () => {
    const { SecretAccessKey, AccessKeyId } = await create();
    const stored = [...api.store.load()].map(row => row.data).join('\n');
    expect(stored).toContain(AccessKeyId);
    expect(stored).not.toContain(SecretAccessKey);
  });

  test('tells where it was last used', async () => {
    const { AccessKeyId } = await create();
    const lastUsed = () => api.iam<GetAccessKeyLastUsedResponse>('GetAccessKeyLastUsed', { AccessKeyId });
    expect(await lastUsed()).toEqual({
      UserName: 'bob',
      AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' },
    });
    const principal = known(AccessKeyId)?.principal;
    if (principal === undefined) throw new Error('no principal');
    api.lastUse.record({ principal, service: 'ec2', region: 'eu-west-1' }, api.clock.now());
    const used = { LastUsedDate: new Date(api.clock.now()), ServiceName: 'ec2', Region: 'eu-west-1' };
    expect((await lastUsed()).AccessKeyLastUsed).toEqual(used);
    api.lastUse.flush(api.state);
    expect((await lastUsed()).AccessKeyLastUsed).toEqual(used);
  });
});

describe('keys of the caller', () => {
  test('are those of a user, or of root', async () => {
    const bob = known((await create()).AccessKeyId)?.principal;
    if (bob === undefined) throw new Error('no principal');
    await api.iam('AttachUserPolicy', { UserName: 'bob', PolicyArn: 'arn:aws:iam::aws:policy/IAMFullAccess' });
    const mine = await api.as<ListAccessKeysResponse>(bob, 'ListAccessKeys');
    expect(mine.AccessKeyMetadata).toEqual(await list());
    const root = await create({});
    expect(known(root.AccessKeyId)?.principal).toMatchObject({ type: 'root', account: testAccount });
    expect((await list({}))?.map(key => key.AccessKeyId)).toEqual([root.AccessKeyId]);
    await api.iam('DeleteAccessKey', { AccessKeyId: root.AccessKeyId });
    expect(await list({})).toEqual([]);
  });

  test('the key of credentials.json may be made inactive, but is not deleted', async () => {
    const file = { accountId: testAccount, accessKeyId: 'AKIAFILEFILEFILEFILE', secretAccessKey: 's' };
    ensureFirstAccount(api.state, api.secrets, file, 1);
    expect(await api.code('DeleteAccessKey', { AccessKeyId: file.accessKeyId })).toBe('UnsupportedOperation');
    await api.iam('UpdateAccessKey', { AccessKeyId: file.accessKeyId, Status: 'Inactive' });
    ensureFirstAccount(api.state, api.secrets, file, 2);
    expect(known(file.accessKeyId)?.active).toBe(false);
  });
});
