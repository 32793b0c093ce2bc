import type { DescribeKeyResponse, ListAliasesResponse } from '@aws-sdk/client-kms';
import { beforeEach, expect, it } from 'vitest';
import { createTestKms, type TestKms } from '../testing.ts';

let api: TestKms;
beforeEach(() => {
  api = createTestKms();
});

const AliasName = 'alias/team/disks';
const keyBehind = async (KeyId: string, options = {}) =>
  (await api.kms<DescribeKeyResponse>('DescribeKey', { KeyId }, options)).KeyMetadata?.KeyId;

it('an alias stands for a key, and can be moved to another', async () => {
  const one = await api.key();
  const other = await api.key();
  await api.kms('CreateAlias', { AliasName, TargetKeyId: one.KeyId });
  expect(await keyBehind(AliasName)).toBe(one.KeyId);
  expect(await keyBehind(`arn:aws:kms:us-east-1:000000000000:${AliasName}`)).toBe(one.KeyId);
  await api.kms('UpdateAlias', { AliasName, TargetKeyId: other.Arn });
  expect(await keyBehind(AliasName)).toBe(other.KeyId);
  await api.kms('DeleteAlias', { AliasName });
  expect(await api.code('DescribeKey', { KeyId: AliasName })).toBe('NotFoundException');
  expect(await api.code('DeleteAlias', { AliasName })).toBe('NotFoundException');
});

it('aliases are listed, all or those of a key', async () => {
  const one = await api.key();
  const other = await api.key();
  for (const name of ['c', 'a', 'b']) {
    const target = name === 'b' ? other : one;
    await api.kms('CreateAlias', { AliasName: `alias/${name}`, TargetKeyId: target.KeyId });
  }
  const first = await api.kms<ListAliasesResponse>('ListAliases', { Limit: 2 });
  expect(first.Aliases?.map(row => row.AliasName)).toEqual(['alias/a', 'alias/b']);
  const rest = await api.kms<ListAliasesResponse>('ListAliases', { Limit: 2, Marker: first.NextMarker });
  expect(rest.Aliases).toEqual([
    {
      AliasName: 'alias/c',
      AliasArn: 'arn:aws:kms:us-east-1:000000000000:alias/c',
      TargetKeyId: one.KeyId,
      CreationDate: new Date(api.clock.now()),
      LastUpdatedDate: new Date(api.clock.now()),
    },
  ]);
  const ofOther = await api.kms<ListAliasesResponse>('ListAliases', { KeyId: other.Arn });
  expect(ofOther.Aliases?.map(row => row.AliasName)).toEqual(['alias/b']);
});

it.each([
  ['disks', 'InvalidAliasNameException'],
  ['alias/', 'ValidationException'],
  ['alias/a b', 'ValidationException'],
  [`alias/${'a'.repeat(251)}`, 'ValidationException'],
  ['alias/aws/ebs', 'NotAuthorizedException'],
])('the name %s is refused', async (name, code) => {
  const { KeyId } = await api.key();
  expect(await api.code('CreateAlias', { AliasName: name, TargetKeyId: KeyId })).toBe(code);
});

it('a name is taken once in a Region, and stands for a key of the same account and Region', async () => {
  const { KeyId } = await api.key();
  const abroad = await api.key({}, { region: 'eu-west-1' });
  const foreign = await api.key({}, { account: '111122223333' });
  await api.kms('CreateAlias', { AliasName, TargetKeyId: KeyId });
  expect(await api.code('CreateAlias', { AliasName, TargetKeyId: KeyId })).toBe('AlreadyExistsException');
  await api.kms('CreateAlias', { AliasName, TargetKeyId: abroad.KeyId }, { region: 'eu-west-1' });
  const more = { AliasName: 'alias/more' };
  expect(await api.code('CreateAlias', { ...more, TargetKeyId: abroad.Arn })).toBe('NotFoundException');
  expect(await api.code('CreateAlias', { ...more, TargetKeyId: foreign.Arn })).toBe('AccessDenied');
  expect(await api.code('CreateAlias', { ...more, TargetKeyId: AliasName })).toBe('ValidationException');
});

it('asking for EBS’s key makes it, once, and nobody can change it', async () => {
  expect((await api.kms<ListAliasesResponse>('ListAliases')).Aliases).toEqual([]);
  const id = await keyBehind('alias/aws/ebs');
  expect(await keyBehind('alias/aws/ebs')).toBe(id);
  expect(await keyBehind('alias/aws/ebs', { region: 'eu-west-1' })).not.toBe(id);
  const { KeyMetadata } = await api.kms<DescribeKeyResponse>('DescribeKey', { KeyId: id });
  expect(KeyMetadata).toMatchObject({ KeyManager: 'AWS', KeyState: 'Enabled' });
  expect(await api.kms('GetKeyRotationStatus', { KeyId: id })).toMatchObject({ KeyRotationEnabled: true });
  for (const operation of ['DisableKey', 'ScheduleKeyDeletion']) {
    expect(await api.code(operation, { KeyId: id })).toBe('AccessDenied');
  }
  // It works through EC2 only.
  expect(await api.code('Encrypt', { KeyId: 'alias/aws/ebs', Plaintext: Buffer.from('x') })).toBe('AccessDenied');
});
