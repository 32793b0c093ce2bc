import { beforeEach, expect, it } from 'vitest';
import { createTestKms, type TestKms } from '../../kms/testing.ts';

let api: TestKms;
beforeEach(() => {
  api = createTestKms();
});

const byDefault = async (options = {}) =>
  (await api.call<{ EbsEncryptionByDefault: boolean }>('GetEbsEncryptionByDefault', {}, options))
    .EbsEncryptionByDefault;
const defaultKey = async (options = {}) =>
  (await api.call<{ KmsKeyId: string }>('GetEbsDefaultKmsKeyId', {}, options)).KmsKeyId;

it('encryption by default is switched on and off by account and Region', async () => {
  expect(await byDefault()).toBe(false);
  expect(await api.call('EnableEbsEncryptionByDefault')).toEqual({ EbsEncryptionByDefault: true });
  expect(await byDefault()).toBe(true);
  expect(await byDefault({ region: 'eu-west-1' })).toBe(false);
  expect(await byDefault({ account: '111122223333' })).toBe(false);
  expect(await api.call('DisableEbsEncryptionByDefault')).toEqual({ EbsEncryptionByDefault: false });
  expect(await byDefault()).toBe(false);
});

it('the default key is EBS’s own, until another is chosen', async () => {
  expect(await defaultKey()).toBe('alias/aws/ebs');
  const { KeyId, Arn } = await api.key();
  await api.kms('CreateAlias', { AliasName: 'alias/disks', TargetKeyId: KeyId });
  await api.call('EnableEbsEncryptionByDefault');
  expect(await api.call('ModifyEbsDefaultKmsKeyId', { KmsKeyId: 'alias/disks' })).toEqual({ KmsKeyId: Arn });
  expect(await defaultKey()).toBe(Arn);
  expect(await defaultKey({ region: 'eu-west-1' })).toBe('alias/aws/ebs');
  expect(await byDefault()).toBe(true);
  expect(await api.call('ResetEbsDefaultKmsKeyId')).toEqual({ KmsKeyId: 'alias/aws/ebs' });
  expect(await defaultKey()).toBe('alias/aws/ebs');
  expect((await api.fail('ModifyEbsDefaultKmsKeyId', { KmsKeyId: 'alias/none' })).code).toBe('InvalidParameterValue');
});
