import type {
  DecryptResponse,
  EncryptResponse,
  GenerateDataKeyResponse,
  GenerateRandomResponse,
  ReEncryptResponse,
} from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTestKms, type TestKms } from '../testing.ts';

let api: TestKms;
let key: { KeyId: string; Arn: string };
beforeEach(async () => {
  api = createTestKms();
  key = await api.key();
});

const Plaintext = Buffer.from('attack at dawn');
const EncryptionContext = { purpose: 'test', 'aws:ebs:id': 'vol-1' };
const encrypt = async (input: object = {}) =>
  (await api.kms<EncryptResponse>('Encrypt', { KeyId: key.KeyId, Plaintext, ...input })).CiphertextBlob ?? Buffer.of();

describe('Encrypt and Decrypt', () => {
  it('make a ciphertext that only the key and the context read', async () => {
    const CiphertextBlob = await encrypt({ EncryptionContext });
    expect(Buffer.from(CiphertextBlob).includes(Plaintext)).toBe(false);
    expect(await encrypt({ EncryptionContext })).not.toEqual(CiphertextBlob);
    const reordered = { 'aws:ebs:id': 'vol-1', purpose: 'test' };
    const read = await api.kms<DecryptResponse>('Decrypt', { CiphertextBlob, EncryptionContext: reordered });
    expect(read).toMatchObject({ KeyId: key.Arn, Plaintext, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    for (const wrong of [undefined, { purpose: 'test' }, { ...EncryptionContext, purpose: 'other' }]) {
      expect(await api.code('Decrypt', { CiphertextBlob, EncryptionContext: wrong })).toBe(
        'InvalidCiphertextException',
      );
    }
  });

  it('notice any change of the ciphertext', async () => {
    const blob = await encrypt();
    for (let at = 0; at < blob.length; at += 7) {
      const changed = Buffer.from(blob);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const code = await api.code('Decrypt', { CiphertextBlob: changed });
      // A change of the key's id names a key that does not exist.
      expect(code).toBe(at >= 1 && at <= 16 ? 'AccessDenied' : 'InvalidCiphertextException');
    }
    expect(await api.code('Decrypt', { CiphertextBlob: Buffer.from('nonsense') })).toBe('InvalidCiphertextException');
    expect(await api.code('Decrypt', { CiphertextBlob: Buffer.of() })).toBe('ValidationException');
  });

  it('take a key by alias, and check the one that is named', async () => {
    await api.kms('CreateAlias', { AliasName: 'alias/a', TargetKeyId: key.KeyId });
    const CiphertextBlob = await encrypt({ KeyId: 'alias/a' });
    expect(await api.kms('Decrypt', { CiphertextBlob, KeyId: 'alias/a' })).toMatchObject({ KeyId: key.Arn });
    const other = await api.key();
    expect(await api.code('Decrypt', { CiphertextBlob, KeyId: other.KeyId })).toBe('IncorrectKeyException');
    expect(await api.code('Decrypt', { CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' })).toBe(
      'InvalidKeyUsageException',
    );
  });

  it('belong to one Region', async () => {
    const CiphertextBlob = await encrypt();
    expect(await api.code('Decrypt', { CiphertextBlob }, { region: 'eu-west-1' })).toBe('AccessDenied');
  });

  it.each([
    ['nothing', { Plaintext: Buffer.of() }, 'ValidationException'],
    ['too much', { Plaintext: Buffer.alloc(4097) }, 'ValidationException'],
    ['a grant token that is none', { GrantTokens: ['x'] }, 'InvalidGrantTokenException'],
    ['an algorithm of other keys', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }, 'InvalidKeyUsageException'],
  ])('refuse %s', async (_what, input, code) => {
    expect(await api.code('Encrypt', { KeyId: key.KeyId, Plaintext, ...input })).toBe(code);
  });

  it('are only tried with DryRun', async () => {
    expect(await api.code('Encrypt', { KeyId: key.KeyId, Plaintext, DryRun: true })).toBe('DryRunOperation');
  });
});

describe('ReEncrypt', () => {
  it('moves a ciphertext under another key and context', async () => {
    const other = await api.key();
    const CiphertextBlob = await encrypt({ EncryptionContext });
    const moved = await api.kms<ReEncryptResponse>('ReEncrypt', {
      CiphertextBlob,
      SourceEncryptionContext: EncryptionContext,
      DestinationKeyId: other.KeyId,
      DestinationEncryptionContext: { a: 'b' },
    });
    expect(moved).toMatchObject({ SourceKeyId: key.Arn, KeyId: other.Arn });
    await api.kms('DisableKey', { KeyId: key.KeyId });
    const read = { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { a: 'b' } };
    expect(await api.kms('Decrypt', read)).toMatchObject({ KeyId: other.Arn, Plaintext });
  });
});

describe('data keys', () => {
  it('come in plain and encrypted', async () => {
    for (const [input, length] of [
      [{ KeySpec: 'AES_256' }, 32],
      [{ KeySpec: 'AES_128' }, 16],
      [{ NumberOfBytes: 1024 }, 1024],
    ] as const) {
      const made = await api.kms<GenerateDataKeyResponse>('GenerateDataKey', {
        KeyId: key.KeyId,
        EncryptionContext,
        ...input,
      });
      expect(made.Plaintext).toHaveLength(length);
      expect(made.KeyId).toBe(key.Arn);
      const read = await api.kms('Decrypt', { CiphertextBlob: made.CiphertextBlob, EncryptionContext });
      expect(read).toMatchObject({ Plaintext: made.Plaintext });
    }
  });

  it('come without their plaintext', async () => {
    const made = await api.kms<GenerateDataKeyResponse>('GenerateDataKeyWithoutPlaintext', {
      KeyId: key.KeyId,
      KeySpec: 'AES_256',
    });
    expect(made).not.toHaveProperty('Plaintext');
    const read = await api.kms<DecryptResponse>('Decrypt', { CiphertextBlob: made.CiphertextBlob });
    expect(read.Plaintext).toHaveLength(32);
  });

  it.each([
    ['no size', {}],
    ['two sizes', { KeySpec: 'AES_256', NumberOfBytes: 32 }],
    ['another spec', { KeySpec: 'AES_512' }],
    ['no bytes', { NumberOfBytes: 0 }],
    ['too many bytes', { NumberOfBytes: 1025 }],
  ])('are refused with %s', async (_what, input) => {
    expect(await api.code('GenerateDataKey', { KeyId: key.KeyId, ...input })).toBe('ValidationException');
  });

  it('are refused to enclaves', async () => {
    const input = { KeyId: key.KeyId, KeySpec: 'AES_256', Recipient: { AttestationDocument: Buffer.of(1) } };
    expect(await api.code('GenerateDataKey', input)).toBe('UnsupportedOperationException');
  });
});

describe('GenerateRandom', () => {
  it('gives bytes that differ', async () => {
    const one = await api.kms<GenerateRandomResponse>('GenerateRandom', { NumberOfBytes: 16 });
    const other = await api.kms<GenerateRandomResponse>('GenerateRandom', { NumberOfBytes: 16 });
    expect(one.Plaintext).toHaveLength(16);
    expect(one.Plaintext).not.toEqual(other.Plaintext);
    expect(await api.code('GenerateRandom')).toBe('ValidationException');
  });
});

it('no event tells what was encrypted', async () => {
  const { Plaintext: dataKey } = await api.kms<GenerateDataKeyResponse>('GenerateDataKey', {
    KeyId: key.KeyId,
    KeySpec: 'AES_256',
  });
  const CiphertextBlob = await encrypt({ EncryptionContext });
  await api.kms('Decrypt', { CiphertextBlob, EncryptionContext });
  await api.state.settled();
  const lines = JSON.stringify([...api.events.candidates({ account: '000000000000', region: 'us-east-1' })]);
  expect(lines).toContain('GenerateDataKey');
  expect(lines).toContain('vol-1');
  expect(lines).not.toContain(Plaintext.toString('base64'));
  expect(lines).not.toContain(Buffer.from(dataKey ?? []).toString('base64'));
});
