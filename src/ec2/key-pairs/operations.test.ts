import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { DeleteKeyPairResult, DescribeKeyPairsResult, ImportKeyPairResult, KeyPair } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';

let api: TestApi;
beforeEach(() => {
  api = createTestApi();
});

const create = (KeyName: string, more: object = {}) =>
  api.call<KeyPair>('CreateKeyPair', { KeyName, KeyType: 'ed25519', ...more });
const describeAll = async (input: object = {}) =>
  (await api.call<DescribeKeyPairsResult>('DescribeKeyPairs', input)).KeyPairs ?? [];
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const importRsa = (KeyName: string, more: object = {}) =>
  api.call<ImportKeyPairResult>('ImportKeyPair', { KeyName, PublicKeyMaterial: Buffer.from(rsa), ...more });

describe('CreateKeyPair', () => {
  test('answers the private key once and describes the public one afterwards', async () => {
    const made = await create('mine', { KeyType: undefined });
    expect(made).toMatchObject({ KeyName: 'mine', KeyPairId: expect.stringMatching(/^key-0[0-9a-f]{16}$/) });
    expect(made.KeyFingerprint).toMatch(/^([0-9a-f]{2}:){19}[0-9a-f]{2}$/);
    const [described] = await describeAll({ IncludePublicKey: true });
    expect(described).toMatchObject({
      KeyPairId: made.KeyPairId,
      KeyType: 'rsa',
      KeyFingerprint: made.KeyFingerprint,
      CreateTime: new Date(api.clock.now()),
    });
    const imported = await api.call<ImportKeyPairResult>('ImportKeyPair', {
      KeyName: 'again',
      PublicKeyMaterial: Buffer.from(described?.PublicKey ?? ''),
    });
    const derived = createPublicKey(createPrivateKey(made.KeyMaterial ?? '')).export({ type: 'spki', format: 'pem' });
    const same = await api.call<ImportKeyPairResult>('ImportKeyPair', {
      KeyName: 'derived',
      PublicKeyMaterial: Buffer.from(derived),
    });
    expect(same.KeyFingerprint).toBe(imported.KeyFingerprint);
  });

  test('never keeps the private key', async () => {
    const made = await create('mine', { KeyType: 'rsa' });
    const body = made.KeyMaterial?.split('\n')[3] ?? '';
    expect(body.length).toBe(64);
    expect(JSON.stringify(api.store.load())).not.toContain(body);
  });

  test.each([
    [{ KeyType: 'rsa', KeyFormat: 'pem' }, '-----BEGIN RSA PRIVATE KEY-----'],
    [{ KeyType: 'ed25519', KeyFormat: 'pem' }, '-----BEGIN OPENSSH PRIVATE KEY-----'],
    [{ KeyType: 'rsa', KeyFormat: 'ppk' }, 'PuTTY-User-Key-File-2: ssh-rsa'],
    [{ KeyType: 'ed25519', KeyFormat: 'ppk' }, 'PuTTY-User-Key-File-2: ssh-ed25519'],
  ])('%j', async (input, start) => {
    expect((await create('k', input)).KeyMaterial?.startsWith(start)).toBe(true);
  });

  test('takes tags', async () => {
    const made = await create('k', {
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'team', Value: 'blue' }] }],
    });
    expect(made.Tags).toEqual([{ Key: 'team', Value: 'blue' }]);
    expect((await describeAll({ Filters: [{ Name: 'tag:team', Values: ['b*'] }] })).map(key => key.KeyName)).toEqual([
      'k',
    ]);
    expect(await describeAll({ Filters: [{ Name: 'tag-key', Values: ['other'] }] })).toEqual([]);
  });

  test.each([
    [{ KeyName: '' }, 'MissingParameter'],
    [{ KeyName: ' k' }, 'InvalidParameterValue'],
    [{ KeyName: 'clé' }, 'InvalidParameterValue'],
    [{ KeyName: 'two\nlines' }, 'InvalidParameterValue'],
    [{ KeyName: 'x'.repeat(256) }, 'InvalidParameterValue'],
    [{ KeyName: 'k', KeyType: 'dsa' }, 'InvalidParameterValue'],
    [{ KeyName: 'k', KeyFormat: 'der' }, 'InvalidParameterValue'],
    [
      { KeyName: 'k', TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a' }] }] },
      'InvalidParameterValue',
    ],
    [{ KeyName: 'k', KeyType: 'ed25519', DryRun: true }, 'DryRunOperation'],
  ])('%j fails and leaves nothing', async (input, code) => {
    expect((await api.fail('CreateKeyPair', input)).code).toBe(code);
    expect(await describeAll()).toEqual([]);
  });

  test('refuses a name in use, in the same account and Region only', async () => {
    await create('k');
    expect((await api.fail('CreateKeyPair', { KeyName: 'k' })).code).toBe('InvalidKeyPair.Duplicate');
    expect((await api.fail('ImportKeyPair', { KeyName: 'k', PublicKeyMaterial: Buffer.from(rsa) })).code).toBe(
      'InvalidKeyPair.Duplicate',
    );
    const input = { KeyName: 'k', KeyType: 'ed25519' };
    await api.call('CreateKeyPair', input, { region: 'eu-west-1' });
    await api.call('CreateKeyPair', input, { account: '111111111111' });
    expect(await describeAll()).toHaveLength(1);
  });

  test('of two at the same time with one name, one wins', async () => {
    const results = await Promise.allSettled([create('k'), create('k')]);
    expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await describeAll()).toHaveLength(1);
  });
});

describe('ImportKeyPair', () => {
  test('answers the MD5 fingerprint of an RSA key', async () => {
    const made = await importRsa('mine', {
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'a', Value: '1' }] }],
    });
    expect(made).toMatchObject({
      KeyName: 'mine',
      KeyFingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/),
      Tags: [{ Key: 'a', Value: '1' }],
    });
    expect(await describeAll({ Filters: [{ Name: 'fingerprint', Values: [made.KeyFingerprint] }] })).toHaveLength(1);
  });

  test('refuses what is no key', async () => {
    expect(await api.fail('ImportKeyPair', { KeyName: 'k', PublicKeyMaterial: Buffer.from('no key') })).toMatchObject({
      code: 'InvalidKey.Format',
      status: 400,
    });
    expect(await describeAll()).toEqual([]);
  });
});

describe('DescribeKeyPairs', () => {
  test('by name, id, both, and filters', async () => {
    const [a, b, c] = [await importRsa('a'), await importRsa('b'), await importRsa('c')];
    const names = async (input: object) => (await describeAll(input)).map(key => key.KeyName);
    expect(await names({})).toEqual(['a', 'b', 'c']);
    expect(await names({ KeyNames: ['c', 'a'] })).toEqual(['c', 'a']);
    expect(await names({ KeyPairIds: [b.KeyPairId], KeyNames: ['b', 'a'] })).toEqual(['b', 'a']);
    expect(await names({ Filters: [{ Name: 'key-name', Values: ['[abc]', 'b', 'c?'] }] })).toEqual(['b']);
    expect(await names({ Filters: [{ Name: 'key-pair-id', Values: [a.KeyPairId, c.KeyPairId] }] })).toEqual(['a', 'c']);
    expect((await describeAll({ KeyNames: ['a'] }))[0]?.PublicKey).toBeUndefined();
  });

  test('refuses unknown names, ids and filters', async () => {
    await importRsa('a');
    expect(await api.fail('DescribeKeyPairs', { KeyNames: ['a', 'x', 'y'] })).toMatchObject({
      code: 'InvalidKeyPair.NotFound',
      message: "The key pairs 'x, y' do not exist",
    });
    expect((await api.fail('DescribeKeyPairs', { KeyPairIds: ['key-0123456789abcdef0'] })).code).toBe(
      'InvalidKeyPair.NotFound',
    );
    expect((await api.fail('DescribeKeyPairs', { KeyPairIds: ['i-0123456789abcdef0'] })).code).toBe(
      'InvalidKeyPair.Malformed',
    );
    expect((await api.fail('DescribeKeyPairs', { Filters: [{ Name: 'name', Values: ['a'] }] })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('DeleteKeyPair', () => {
  test('by name and by id, with its tags', async () => {
    const a = await importRsa('a', { TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'k' }] }] });
    const b = await importRsa('b');
    expect(await api.call<DeleteKeyPairResult>('DeleteKeyPair', { KeyName: 'a' })).toEqual({
      Return: true,
      KeyPairId: a.KeyPairId,
    });
    expect(await api.call<DeleteKeyPairResult>('DeleteKeyPair', { KeyPairId: b.KeyPairId })).toEqual({
      Return: true,
      KeyPairId: b.KeyPairId,
    });
    expect(await describeAll()).toEqual([]);
    expect(JSON.stringify(api.store.load())).not.toContain(a.KeyPairId);
    await importRsa('a');
  });

  test('a name that does not exist is no error, an id is', async () => {
    expect(await api.call('DeleteKeyPair', { KeyName: 'none' })).toEqual({ Return: true });
    expect((await api.fail('DeleteKeyPair', { KeyPairId: 'key-0123456789abcdef0' })).code).toBe(
      'InvalidKeyPair.NotFound',
    );
    expect((await api.fail('DeleteKeyPair', {})).code).toBe('MissingParameter');
    const { KeyPairId } = await importRsa('a');
    expect((await api.fail('DeleteKeyPair', { KeyPairId, KeyName: 'b' })).code).toBe('InvalidParameterCombination');
    expect((await api.fail('DeleteKeyPair', { KeyPairId, DryRun: true })).code).toBe('DryRunOperation');
    expect(await describeAll()).toHaveLength(1);
  });

  test('another account cannot', async () => {
    const { KeyPairId } = await importRsa('a');
    expect((await api.fail('DeleteKeyPair', { KeyPairId }, { account: '111111111111' })).code).toBe(
      'InvalidKeyPair.NotFound',
    );
    await api.call('DeleteKeyPair', { KeyName: 'a' }, { account: '111111111111' });
    expect(await describeAll()).toHaveLength(1);
  });
});
