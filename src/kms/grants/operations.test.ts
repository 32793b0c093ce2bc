import type { CreateGrantResponse, ListGrantsResponse } from '@aws-sdk/client-kms';
import { beforeEach, expect, it } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import type { UserPrincipal } from '../../api/call.ts';
import { createTestKms, type TestKms } from '../testing.ts';
import { grants } from './model.ts';

let api: TestKms;
let ann: UserPrincipal;
let KeyId: string;
let Arn: string;
beforeEach(async () => {
  api = createTestKms();
  // Without any policy.
  ann = await makeUser(api, 'ann');
  ({ KeyId, Arn } = await api.key());
});

const grant = (input: object = {}, options = {}) =>
  api.kms<CreateGrantResponse>(
    'CreateGrant',
    { KeyId, GranteePrincipal: ann.arn, Operations: ['Encrypt', 'Decrypt'], ...input },
    options,
  );
const list = async (input: object = {}) =>
  (await api.kms<ListGrantsResponse>('ListGrants', { KeyId, ...input })).Grants ?? [];
const Plaintext = Buffer.from('secret');
/** `allowed`, or the code of the refusal. */
const encrypting = async (as: UserPrincipal, EncryptionContext?: object) => {
  try {
    await api.kms('Encrypt', { KeyId: Arn, Plaintext, EncryptionContext }, { as });
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

it('a grant lets its grantee do what it names, until it is revoked', async () => {
  expect(await encrypting(ann)).toBe('AccessDenied');
  const { GrantId, GrantToken = '' } = await grant({ Name: 'reading' });
  expect(await encrypting(ann)).toBe('allowed');
  await api.kms('Encrypt', { KeyId, Plaintext, GrantTokens: [GrantToken] }, { as: ann });
  expect(await api.code('GenerateDataKey', { KeyId, KeySpec: 'AES_256' }, { as: ann })).toBe('AccessDenied');
  expect(await encrypting(await makeUser(api, 'bob'))).toBe('AccessDenied');
  expect(await list()).toEqual([
    {
      KeyId: Arn,
      GrantId,
      Name: 'reading',
      CreationDate: new Date(api.clock.now()),
      GranteePrincipal: ann.arn,
      IssuingAccount: 'arn:aws:iam::000000000000:root',
      Operations: ['Encrypt', 'Decrypt'],
    },
  ]);
  await api.kms('RevokeGrant', { KeyId, GrantId });
  expect(await encrypting(ann)).toBe('AccessDenied');
  expect(await api.code('RevokeGrant', { KeyId, GrantId })).toBe('NotFoundException');
});

it('an explicit deny outweighs a grant', async () => {
  const eve = await makeUser(api, 'eve', { Effect: 'Deny', Action: 'kms:Encrypt' });
  await grant({ GranteePrincipal: eve.arn });
  expect(await encrypting(eve)).toBe('AccessDenied');
});

it('constraints bind a grant to encryption contexts', async () => {
  const { GrantId } = await grant({ Constraints: { EncryptionContextSubset: { a: '1' } } });
  expect(await encrypting(ann)).toBe('AccessDenied');
  expect(await encrypting(ann, { a: '2' })).toBe('AccessDenied');
  expect(await encrypting(ann, { a: '1', b: '2' })).toBe('allowed');
  await api.kms('RevokeGrant', { KeyId, GrantId });
  await grant({ Constraints: { EncryptionContextEquals: { a: '1' } } });
  expect(await encrypting(ann, { a: '1', b: '2' })).toBe('AccessDenied');
  expect(await encrypting(ann, { a: '1' })).toBe('allowed');
});

it('who may make grants by a constrained grant makes grants that are as strict', async () => {
  const bob = await makeUser(api, 'bob');
  const Constraints = { EncryptionContextSubset: { a: '1' } };
  await grant({ Operations: ['CreateGrant', 'Encrypt'], Constraints });
  const input = { KeyId, GranteePrincipal: bob.arn, Operations: ['Encrypt'] };
  expect(await api.code('CreateGrant', input, { as: ann })).toBe('AccessDenied');
  await grant({ ...input, Constraints: { EncryptionContextEquals: { a: '1', b: '2' } } }, { as: ann });
  expect(await encrypting(bob, { a: '1', b: '2' })).toBe('allowed');
});

it('the same grant of the same name is made once', async () => {
  const one = await grant({ Name: 'n' });
  expect((await grant({ Name: 'n' })).GrantId).toBe(one.GrantId);
  expect((await grant({ Name: 'n', Operations: ['Decrypt'] })).GrantId).not.toBe(one.GrantId);
  await grant();
  await grant();
  expect(api.state.count(grants)).toBe(4);
});

it('a grant is retired by whom it names, by token or id', async () => {
  const bob = await makeUser(api, 'bob');
  const first = await grant({ RetiringPrincipal: bob.arn });
  const second = await grant({ RetiringPrincipal: bob.arn });
  const retirable = await api.kms<ListGrantsResponse>('ListRetirableGrants', { RetiringPrincipal: bob.arn });
  expect(retirable.Grants?.map(one => one.GrantId).sort()).toEqual([first.GrantId, second.GrantId].sort());
  expect(await api.code('RetireGrant', { GrantToken: first.GrantToken }, { as: ann })).toBe('AccessDenied');
  await api.kms('RetireGrant', { GrantToken: first.GrantToken }, { as: bob });
  await api.kms('RetireGrant', { KeyId: Arn, GrantId: second.GrantId }, { as: bob });
  expect(await list()).toEqual([]);
  expect(await api.code('RetireGrant', { KeyId: Arn, GrantId: second.GrantId })).toBe('NotFoundException');
  expect(await api.code('RetireGrant', { GrantToken: 'x' })).toBe('InvalidGrantTokenException');
  expect(await api.code('RetireGrant', { KeyId: Arn })).toBe('ValidationException');
});

it('grants of another account need its policies, too', async () => {
  const account = '111122223333';
  const eve = await makeUser(api, 'eve', undefined, account);
  const joe = await makeUser(api, 'joe', { Action: 'kms:Encrypt', Resource: Arn }, account);
  await grant({ GranteePrincipal: eve.arn });
  await grant({ GranteePrincipal: joe.arn });
  expect(await encrypting(eve)).toBe('AccessDenied');
  expect(await encrypting(joe)).toBe('allowed');
});

it('grants are listed by grantee and page by page, and go with who had them', async () => {
  await grant();
  const { GrantId } = await grant({ GranteePrincipal: 'arn:aws:iam::000000000000:root' });
  expect(await list({ GranteePrincipal: ann.arn })).toHaveLength(1);
  expect(await list({ GrantId })).toHaveLength(1);
  const first = await api.kms<ListGrantsResponse>('ListGrants', { KeyId, Limit: 1 });
  const rest = await api.kms<ListGrantsResponse>('ListGrants', { KeyId, Limit: 1, Marker: first.NextMarker });
  expect([first.Truncated, rest.Truncated]).toEqual([true, false]);
  await api.call('DeleteUserPolicy', { UserName: 'ann', PolicyName: 'test' }, { service: 'iam' }).catch(() => {});
  await api.call('DeleteUser', { UserName: 'ann' }, { service: 'iam' });
  const again = await makeUser(api, 'ann');
  expect(await encrypting(again)).toBe('AccessDenied');
  expect((await list()).map(one => one.GranteePrincipal)).toContain(ann.userId);
});

it.each([
  ['no operations', { Operations: [] }, 'ValidationException'],
  ['operations of other keys', { Operations: ['Sign'] }, 'ValidationException'],
  ['nobody', { GranteePrincipal: 'arn:aws:iam::000000000000:user/nobody' }, 'InvalidArnException'],
  ['everybody', { GranteePrincipal: '*' }, 'InvalidArnException'],
  ['a service', { GranteeServicePrincipal: 'ec2.amazonaws.com' }, 'UnsupportedOperationException'],
  ['a source', { Constraints: { SourceArn: 'arn:aws:ec2:::x' } }, 'UnsupportedOperationException'],
  ['a strange name', { Name: 'a b' }, 'ValidationException'],
])('a grant of or for %s is refused', async (_what, input, code) => {
  expect(await api.code('CreateGrant', { KeyId, GranteePrincipal: ann.arn, Operations: ['Encrypt'], ...input })).toBe(
    code,
  );
});
