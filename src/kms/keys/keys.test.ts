import type {
  CreateKeyResponse,
  DescribeKeyResponse,
  GetKeyPolicyResponse,
  GetKeyRotationStatusResponse,
  ListKeyPoliciesResponse,
  ListKeyRotationsResponse,
  ListKeysResponse,
  ListResourceTagsResponse,
  ScheduleKeyDeletionResponse,
} from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { aliases } from '../aliases/model.ts';
import { keyController } from '../controller.ts';
import { createTestKms, type TestKms } from '../testing.ts';
import { keys } from './model.ts';

let api: TestKms;
beforeEach(() => {
  api = createTestKms();
});

const day = 24 * 3600 * 1000;
const metadata = async (KeyId: string) => (await api.kms<DescribeKeyResponse>('DescribeKey', { KeyId })).KeyMetadata;
const encrypt = (KeyId: string) => ({ KeyId, Plaintext: Buffer.from('secret') });

describe('CreateKey', () => {
  it('makes a symmetric key of the account and Region', async () => {
    const { KeyMetadata } = await api.kms<CreateKeyResponse>(
      'CreateKey',
      { Description: 'disks', Tags: [{ TagKey: 'team', TagValue: 'a' }] },
      { region: 'eu-west-1' },
    );
    expect(KeyMetadata).toEqual({
      AWSAccountId: '000000000000',
      KeyId: expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/),
      Arn: `arn:aws:kms:eu-west-1:000000000000:key/${KeyMetadata?.KeyId}`,
      CreationDate: new Date(api.clock.now()),
      Enabled: true,
      Description: 'disks',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
      CurrentKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await api.code('DescribeKey', { KeyId: KeyMetadata?.KeyId })).toBe('NotFoundException');
  });

  it.each([
    ['RSA', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }, 'UnsupportedOperationException'],
    ['HMAC', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, 'UnsupportedOperationException'],
    ['imported material', { Origin: 'EXTERNAL' }, 'UnsupportedOperationException'],
    ['several Regions', { MultiRegion: true }, 'UnsupportedOperationException'],
    ['a key store', { CustomKeyStoreId: 'cks-1' }, 'UnsupportedOperationException'],
    ['a use that does not fit', { KeyUsage: 'SIGN_VERIFY' }, 'ValidationException'],
    ['two specs', { KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' }, 'ValidationException'],
    ['a long description', { Description: 'x'.repeat(8193) }, 'ValidationException'],
    ['a reserved tag', { Tags: [{ TagKey: 'aws:a', TagValue: '' }] }, 'TagException'],
    ['a policy that is none', { Policy: '{' }, 'MalformedPolicyDocument'],
  ])('refuses %s', async (_what, input, code) => {
    expect(await api.code('CreateKey', input)).toBe(code);
    expect(api.state.count(keys)).toBe(0);
  });

  it('keeps no key material readable in the store', async () => {
    const { KeyId } = await api.key();
    const row = api.state.get(keys, KeyId);
    const sealed = row?.materials[0]?.sealed ?? '';
    const opened = api.secrets.open(sealed, `kms/${KeyId}/${row?.materials[0]?.materialId}`);
    expect(Buffer.from(opened, 'base64')).toHaveLength(32);
    expect(JSON.stringify(row)).not.toContain(opened);
    expect(() => api.secrets.open(sealed, 'kms/another')).toThrow();
  });
});

describe('keys', () => {
  it('are listed page by page, those of the Region only', async () => {
    const made = [await api.key(), await api.key(), await api.key()];
    await api.key({}, { region: 'eu-west-1' });
    await api.key({}, { account: '111122223333' });
    const first = await api.kms<ListKeysResponse>('ListKeys', { Limit: 2 });
    expect(first).toMatchObject({ Truncated: true });
    const rest = await api.kms<ListKeysResponse>('ListKeys', { Limit: 2, Marker: first.NextMarker });
    expect(rest.Truncated).toBe(false);
    const all = [...(first.Keys ?? []), ...(rest.Keys ?? [])].map(one => one.KeyArn);
    expect(all.sort()).toEqual(made.map(one => one.Arn).sort());
    expect(await api.code('ListKeys', { Marker: 'x' })).toBe('InvalidMarkerException');
    expect(await api.code('ListKeys', { Limit: 0 })).toBe('ValidationException');
  });

  it('are found by id and ARN, and in no other form', async () => {
    const { KeyId, Arn } = await api.key();
    expect((await metadata(Arn))?.KeyId).toBe(KeyId);
    const absent = KeyId.replace(/^.{8}/, '00000000');
    expect(await api.code('DescribeKey', { KeyId: absent })).toBe('NotFoundException');
    expect(await api.code('DescribeKey', { KeyId: 'x' })).toBe('NotFoundException');
    expect(await api.code('DescribeKey', { KeyId: 'alias/none' })).toBe('NotFoundException');
    expect(await api.code('DescribeKey', { KeyId: Arn.replace('us-east-1', 'eu-west-1') })).toBe('NotFoundException');
    expect(await api.code('EnableKey', { KeyId: 'alias/aws/ebs' })).toBe('NotFoundException');
  });

  it('have a description and tags that change', async () => {
    const { KeyId } = await api.key({ Tags: [{ TagKey: 'team', TagValue: 'a' }] });
    await api.kms('UpdateKeyDescription', { KeyId, Description: 'new' });
    expect((await metadata(KeyId))?.Description).toBe('new');
    await api.kms('TagResource', {
      KeyId,
      Tags: [
        { TagKey: 'team', TagValue: 'b' },
        { TagKey: 'env', TagValue: '' },
      ],
    });
    await api.kms('UntagResource', { KeyId, TagKeys: ['env', 'none'] });
    const { Tags } = await api.kms<ListResourceTagsResponse>('ListResourceTags', { KeyId });
    expect(Tags).toEqual([{ TagKey: 'team', TagValue: 'b' }]);
    const many = Array.from({ length: 50 }, (_, at) => ({ TagKey: `k${at}`, TagValue: '' }));
    expect(await api.code('TagResource', { KeyId, Tags: many })).toBe('LimitExceededException');
  });
});

describe('a disabled key', () => {
  it('neither encrypts nor decrypts until it is enabled', async () => {
    const { KeyId } = await api.key();
    const { CiphertextBlob } = await api.kms<{ CiphertextBlob: Uint8Array }>('Encrypt', encrypt(KeyId));
    await api.kms('DisableKey', { KeyId });
    expect(await metadata(KeyId)).toMatchObject({ Enabled: false, KeyState: 'Disabled' });
    for (const [operation, input] of [
      ['Encrypt', encrypt(KeyId)],
      ['Decrypt', { CiphertextBlob }],
      ['GenerateDataKey', { KeyId, KeySpec: 'AES_256' }],
      ['EnableKeyRotation', { KeyId }],
      ['RotateKeyOnDemand', { KeyId }],
    ] as const) {
      expect(await api.code(operation, input)).toBe('DisabledException');
    }
    await api.kms('EnableKey', { KeyId });
    expect((await api.kms<{ Plaintext: Uint8Array }>('Decrypt', { CiphertextBlob })).Plaintext).toEqual(
      Buffer.from('secret'),
    );
  });
});

describe('deletion', () => {
  it('waits, can be cancelled, and then takes the key, its aliases and its material', async () => {
    const { KeyId, Arn } = await api.key();
    await api.kms('CreateAlias', { AliasName: 'alias/disks', TargetKeyId: KeyId });
    const { CiphertextBlob } = await api.kms<{ CiphertextBlob: Uint8Array }>('Encrypt', encrypt(KeyId));
    const schedule = { KeyId, PendingWindowInDays: 7 };
    expect(await api.kms<ScheduleKeyDeletionResponse>('ScheduleKeyDeletion', schedule)).toEqual({
      KeyId: Arn,
      DeletionDate: new Date(api.clock.now() + 7 * day),
      KeyState: 'PendingDeletion',
      PendingWindowInDays: 7,
    });
    expect(await metadata(KeyId)).toMatchObject({ KeyState: 'PendingDeletion', DeletionDate: expect.any(Date) });
    for (const [operation, input] of [
      ['Encrypt', encrypt(KeyId)],
      ['EnableKey', { KeyId }],
      ['ScheduleKeyDeletion', { KeyId }],
      ['TagResource', { KeyId, Tags: [] }],
      ['CreateAlias', { AliasName: 'alias/more', TargetKeyId: KeyId }],
    ] as const) {
      expect(await api.code(operation, input)).toBe('KMSInvalidStateException');
    }
    await api.kms('CancelKeyDeletion', { KeyId });
    expect(await metadata(KeyId)).toMatchObject({ KeyState: 'Disabled' });
    expect(await api.code('CancelKeyDeletion', { KeyId })).toBe('KMSInvalidStateException');

    const controller = keyController(api.state, api.secrets, api.clock);
    await api.kms('ScheduleKeyDeletion', schedule);
    api.clock.advance(6 * day);
    expect(await controller.reconcile(KeyId)).toBe(day);
    expect(api.state.get(keys, KeyId)).toBeDefined();
    api.clock.advance(day);
    expect(await controller.reconcile(KeyId)).toBeUndefined();
    expect(await api.code('DescribeKey', { KeyId })).toBe('NotFoundException');
    expect(api.state.count(aliases)).toBe(0);
    expect(await api.code('Decrypt', { CiphertextBlob })).toBe('AccessDenied');
  });

  it('takes 7 to 30 days', async () => {
    const { KeyId } = await api.key();
    expect(await api.code('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 6 })).toBe('ValidationException');
    expect(await api.code('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 31 })).toBe('ValidationException');
  });
});

describe('rotation', () => {
  const status = (KeyId: string) => api.kms<GetKeyRotationStatusResponse>('GetKeyRotationStatus', { KeyId });

  it('makes new material when it is due, and old ciphertexts stay readable', async () => {
    const { KeyId, Arn } = await api.key();
    const old = await api.kms<{ CiphertextBlob: Uint8Array }>('Encrypt', encrypt(KeyId));
    expect(await status(KeyId)).toEqual({ KeyRotationEnabled: false, KeyId: Arn });
    await api.kms('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    const due = new Date(api.clock.now() + 90 * day);
    expect(await status(KeyId)).toEqual({
      KeyRotationEnabled: true,
      KeyId: Arn,
      RotationPeriodInDays: 90,
      NextRotationDate: due,
    });
    const controller = keyController(api.state, api.secrets, api.clock);
    expect(await controller.reconcile(KeyId)).toBe(day);
    api.clock.advance(90 * day);
    const before = (await metadata(KeyId))?.CurrentKeyMaterialId;
    await controller.reconcile(KeyId);
    const after = (await metadata(KeyId))?.CurrentKeyMaterialId;
    expect(after).not.toBe(before);
    const { Rotations } = await api.kms<ListKeyRotationsResponse>('ListKeyRotations', { KeyId });
    expect(Rotations).toEqual([
      { KeyId: Arn, KeyMaterialId: after, KeyMaterialState: 'CURRENT', RotationDate: due, RotationType: 'AUTOMATIC' },
    ]);
    const read = await api.kms<{ Plaintext: Uint8Array; KeyMaterialId: string }>('Decrypt', old);
    expect(read).toMatchObject({ Plaintext: Buffer.from('secret'), KeyMaterialId: before });
    const newer = await api.kms<{ CiphertextBlob: Uint8Array }>('Encrypt', encrypt(KeyId));
    expect(await api.kms('Decrypt', { CiphertextBlob: newer.CiphertextBlob })).toMatchObject({ KeyMaterialId: after });
    await api.kms('DisableKeyRotation', { KeyId });
    expect((await status(KeyId)).KeyRotationEnabled).toBe(false);
  });

  it('happens on demand, 25 times', async () => {
    const { KeyId } = await api.key();
    for (let at = 0; at < 25; at++) await api.kms('RotateKeyOnDemand', { KeyId });
    expect(await api.code('RotateKeyOnDemand', { KeyId })).toBe('LimitExceededException');
    const all = await api.kms<ListKeyRotationsResponse>('ListKeyRotations', {
      KeyId,
      IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
    });
    expect(all.Rotations).toHaveLength(26);
    expect(all.Rotations?.[0]).not.toHaveProperty('RotationDate');
    expect(all.Rotations?.filter(one => one.KeyMaterialState === 'CURRENT')).toHaveLength(1);
  });

  it('has a period of 90 to 2560 days', async () => {
    const { KeyId } = await api.key();
    expect(await api.code('EnableKeyRotation', { KeyId, RotationPeriodInDays: 89 })).toBe('ValidationException');
    expect(await api.code('EnableKeyRotation', { KeyId, RotationPeriodInDays: 2561 })).toBe('ValidationException');
  });
});

describe('key policies', () => {
  const statement = (Principal: object, Action = 'kms:*') => ({ Effect: 'Allow', Principal, Action, Resource: '*' });
  const text = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const root = { AWS: 'arn:aws:iam::000000000000:root' };

  it('are root’s by default, and can be read and put', async () => {
    const { KeyId } = await api.key();
    const { Policy } = await api.kms<GetKeyPolicyResponse>('GetKeyPolicy', { KeyId, PolicyName: 'default' });
    expect(JSON.parse(Policy ?? '')).toMatchObject({ Statement: [{ Principal: root, Action: 'kms:*' }] });
    const changed = text(statement(root), statement({ AWS: '*' }, 'kms:DescribeKey'));
    await api.kms('PutKeyPolicy', { KeyId, Policy: changed });
    expect((await api.kms<GetKeyPolicyResponse>('GetKeyPolicy', { KeyId })).Policy).toBe(changed);
    expect(await api.kms<ListKeyPoliciesResponse>('ListKeyPolicies', { KeyId })).toEqual({
      PolicyNames: ['default'],
      Truncated: false,
    });
    expect(await api.code('GetKeyPolicy', { KeyId, PolicyName: 'other' })).toBe('ValidationException');
  });

  it('must leave the caller the right to change them, unless that is bypassed', async () => {
    const ann = await makeUser(api, 'ann');
    const hers = text(statement({ AWS: ann.arn }));
    expect(await api.code('CreateKey', { Policy: hers })).toBe('MalformedPolicyDocument');
    const { KeyId } = await api.key({ Policy: hers, BypassPolicyLockoutSafetyCheck: true });
    // Not even root may do anything with it then.
    expect(await api.code('DescribeKey', { KeyId })).toBe('AccessDenied');
    expect(await api.code('PutKeyPolicy', { KeyId, Policy: text(statement(root)) })).toBe('AccessDenied');
    await api.kms('PutKeyPolicy', { KeyId, Policy: text(statement({ AWS: ann.arn }), statement(root)) }, { as: ann });
    expect((await metadata(KeyId))?.KeyId).toBe(KeyId);
  });

  it('name users and roles that exist, and mean them alone', async () => {
    const nobody = text(statement(root), statement({ AWS: 'arn:aws:iam::000000000000:user/nobody' }));
    expect(await api.code('CreateKey', { Policy: nobody })).toBe('MalformedPolicyDocument');
    const ann = await makeUser(api, 'ann');
    const { KeyId } = await api.key({ Policy: text(statement(root), statement({ AWS: ann.arn })) });
    await api.kms('DescribeKey', { KeyId }, { as: ann });
    await api.call('DeleteUser', { UserName: 'ann' }, { service: 'iam' });
    const other = await makeUser(api, 'ann');
    expect(await api.code('DescribeKey', { KeyId }, { as: other })).toBe('AccessDenied');
    const { Policy } = await api.kms<GetKeyPolicyResponse>('GetKeyPolicy', { KeyId });
    expect(Policy).toContain(ann.userId);
  });
});
