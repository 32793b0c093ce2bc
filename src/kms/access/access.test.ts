import type { DescribeKeyResponse } from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeUser, type Statements, setPolicy } from '../../api/access-testing.ts';
import type { UserPrincipal } from '../../api/call.ts';
import { createTestKms, type TestKms } from '../testing.ts';

/* Who may use keys: key policies and the policies of users, together and each alone. */

let api: TestKms;
let ann: UserPrincipal;
beforeEach(async () => {
  api = createTestKms();
  ann = await makeUser(api, 'ann');
});

const root = (account = '000000000000') => `arn:aws:iam::${account}:root`;
const mine = { Effect: 'Allow', Principal: { AWS: root() }, Action: 'kms:*', Resource: '*' };
const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const Plaintext = Buffer.from('secret');

async function outcome(as: UserPrincipal, operation: string, input: object): Promise<string> {
  try {
    await api.kms(operation, input, { as });
    return 'allowed';
  } catch (error) {
    const { code } = error as { code: string };
    return code === 'AccessDenied' ? 'denied' : 'allowed';
  }
}

describe('the default key policy', () => {
  it('leaves it to the policies of the account', async () => {
    const { KeyId, Arn } = await api.key();
    const encrypt = { KeyId, Plaintext };
    expect(await outcome(ann, 'Encrypt', encrypt)).toBe('denied');
    await setPolicy(api, 'ann', { Action: 'kms:Encrypt', Resource: Arn });
    expect(await outcome(ann, 'Encrypt', encrypt)).toBe('allowed');
    expect(await outcome(ann, 'DescribeKey', { KeyId })).toBe('denied');
    const other = await api.key();
    expect(await outcome(ann, 'Encrypt', { ...encrypt, KeyId: other.KeyId })).toBe('denied');
  });

  it('is asked for the key behind an alias, and the one that made a ciphertext', async () => {
    const { KeyId, Arn } = await api.key();
    const other = await api.key();
    await api.kms('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId });
    await setPolicy(api, 'ann', { Action: ['kms:Encrypt', 'kms:Decrypt'], Resource: Arn });
    expect(await outcome(ann, 'Encrypt', { KeyId: 'alias/a', Plaintext })).toBe('allowed');
    const made = async (id: string) => api.kms('Encrypt', { KeyId: id, Plaintext });
    expect(await outcome(ann, 'Decrypt', { ...(await made(KeyId)), KeyId: undefined })).toBe('allowed');
    expect(await outcome(ann, 'Decrypt', { ...(await made(other.KeyId)), KeyId: undefined })).toBe('denied');
  });
});

describe('a key policy', () => {
  it('that does not name the account leaves its policies without effect, root’s too', async () => {
    const hers = { ...mine, Principal: { AWS: ann.arn } };
    const { KeyId } = await api.key({ Policy: policy(hers), BypassPolicyLockoutSafetyCheck: true });
    const bob = await makeUser(api, 'bob', { Action: 'kms:*' });
    const encrypt = { KeyId, Plaintext };
    // Of ann, nothing else must allow it.
    expect(await outcome(ann, 'Encrypt', encrypt)).toBe('allowed');
    expect(await outcome(bob, 'Encrypt', encrypt)).toBe('denied');
    expect(await api.code('Encrypt', encrypt)).toBe('AccessDenied');
  });

  it('that denies outweighs the policies of users', async () => {
    const denies = { Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: '*' };
    const { KeyId } = await api.key({ Policy: policy(mine, denies) });
    await setPolicy(api, 'ann', { Action: 'kms:*' });
    const made = await api.kms('Encrypt', { KeyId, Plaintext }, { as: ann });
    expect(await outcome(ann, 'Decrypt', { ...made, KeyId: undefined })).toBe('denied');
  });

  it('lets another account use the key, when its policies do, too', async () => {
    const account = '111122223333';
    const shares = { ...mine, Principal: { AWS: account }, Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'] };
    const { KeyId, Arn } = await api.key({ Policy: policy(mine, shares) });
    const eve = await makeUser(api, 'eve', { Action: 'kms:*' }, account);
    const joe = await makeUser(api, 'joe', undefined, account);
    const encrypt = { KeyId: Arn, Plaintext };
    const { KeyMetadata } = await api.kms<DescribeKeyResponse>('DescribeKey', { KeyId: Arn }, { account });
    expect(KeyMetadata?.AWSAccountId).toBe('000000000000');
    expect(await outcome(eve, 'Encrypt', encrypt)).toBe('allowed');
    expect(await outcome(joe, 'Encrypt', encrypt)).toBe('denied');
    // By its id alone it is looked for among her own.
    expect(await api.code('Encrypt', { ...encrypt, KeyId }, { account })).toBe('NotFoundException');
    expect(await outcome(eve, 'GenerateDataKey', { KeyId: Arn, KeySpec: 'AES_256' })).toBe('denied');
    const nobodys = await api.key();
    expect(await api.code('DescribeKey', { KeyId: nobodys.Arn }, { account })).toBe('AccessDenied');
    const absent = nobodys.Arn.replace(/key\/.{8}/, 'key/00000000');
    expect(await api.code('DescribeKey', { KeyId: absent }, { account })).toBe('AccessDenied');
    // Other accounts cannot manage a key, whatever its policy says.
    await api.kms('PutKeyPolicy', { KeyId, Policy: policy(mine, { ...shares, Action: 'kms:*' }) });
    for (const operation of ['DisableKey', 'ScheduleKeyDeletion', 'GetKeyPolicy']) {
      expect(await api.code(operation, { KeyId: Arn }, { account })).toBe('AccessDenied');
    }
  });
});

describe('conditions', () => {
  const cases: [string, Statements, string, object, string][] = [
    [
      'an alias',
      { Action: 'kms:*', Condition: { StringEquals: { 'kms:RequestAlias': 'alias/a' } } },
      'Encrypt',
      {},
      'denied',
    ],
    [
      'an alias that is used',
      { Action: 'kms:*', Condition: { StringEquals: { 'kms:RequestAlias': 'alias/a' } } },
      'Encrypt',
      { KeyId: 'alias/a' },
      'allowed',
    ],
    [
      'the aliases of a key',
      { Action: 'kms:*', Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/a' } } },
      'Encrypt',
      {},
      'allowed',
    ],
    [
      'an encryption context',
      { Action: 'kms:*', Condition: { StringEquals: { 'kms:EncryptionContext:app': 'web' } } },
      'Encrypt',
      { EncryptionContext: { app: 'web' } },
      'allowed',
    ],
    [
      'another encryption context',
      { Action: 'kms:*', Condition: { StringEquals: { 'kms:EncryptionContext:app': 'web' } } },
      'Encrypt',
      { EncryptionContext: { app: 'db' } },
      'denied',
    ],
    [
      'a tag of the key',
      { Action: 'kms:*', Condition: { StringEquals: { 'aws:ResourceTag/team': 'a' } } },
      'Encrypt',
      {},
      'allowed',
    ],
    [
      'tags that are given',
      { Action: 'kms:*', Condition: { StringEquals: { 'aws:RequestTag/team': 'b' } } },
      'TagResource',
      { Plaintext: undefined, Tags: [{ TagKey: 'team', TagValue: 'c' }] },
      'denied',
    ],
    [
      'a service',
      { Action: 'kms:*', Condition: { StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } } },
      'Encrypt',
      {},
      'denied',
    ],
    [
      'a waiting period',
      { Action: 'kms:*', Condition: { NumericGreaterThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': 20 } } },
      'ScheduleKeyDeletion',
      { Plaintext: undefined, PendingWindowInDays: 7 },
      'denied',
    ],
  ];
  it.each(cases)('ask for %s', async (_what, statements, operation, input, expected) => {
    const { KeyId } = await api.key({ Tags: [{ TagKey: 'team', TagValue: 'a' }] });
    await api.kms('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId });
    await setPolicy(api, 'ann', statements);
    expect(await outcome(ann, operation, { KeyId, Plaintext, ...input })).toBe(expected);
  });

  it('of ReEncrypt are asked on both keys', async () => {
    const one = await api.key();
    const other = await api.key();
    const { CiphertextBlob } = await api.kms<{ CiphertextBlob: Uint8Array }>('Encrypt', {
      KeyId: one.KeyId,
      Plaintext,
    });
    const input = { CiphertextBlob, DestinationKeyId: other.KeyId };
    await setPolicy(api, 'ann', { Action: 'kms:ReEncrypt*', Resource: one.Arn });
    expect(await outcome(ann, 'ReEncrypt', input)).toBe('denied');
    await setPolicy(api, 'ann', [
      { Action: 'kms:ReEncryptFrom', Resource: one.Arn },
      { Action: 'kms:ReEncryptTo', Resource: other.Arn },
    ]);
    expect(await outcome(ann, 'ReEncrypt', input)).toBe('allowed');
  });
});
