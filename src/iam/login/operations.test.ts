import type { CreateUserResponse, GetLoginProfileResponse } from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import type { UserPrincipal } from '../../api/call.ts';
import { createTestIam, policy, type TestIam, testAccount } from '../testing.ts';

let api: TestIam;
let bob: UserPrincipal;
beforeEach(async () => {
  api = createTestIam();
  const { User } = await api.iam<CreateUserResponse>('CreateUser', { UserName: 'Charlotte1' });
  bob = {
    type: 'user',
    account: testAccount,
    arn: User?.Arn ?? '',
    userId: User?.UserId ?? '',
    userName: 'Charlotte1',
    accessKeyId: 'AKIA',
  };
  await api.iam('PutUserPolicy', { ...named, PolicyName: 'p', PolicyDocument: policy('iam:ChangePassword') });
});

const named = { UserName: 'Charlotte1' };
const create = (Password = 'Passw0rd!', more: object = {}) =>
  api.iam('CreateLoginProfile', { ...named, Password, ...more });
const get = async () => (await api.iam<GetLoginProfileResponse>('GetLoginProfile', named)).LoginProfile;
const change = async (OldPassword: string, NewPassword: string) => {
  try {
    await api.as(bob, 'ChangePassword', { OldPassword, NewPassword });
    return 'changed';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

test('a login profile is made, read, updated and deleted', async () => {
  expect(await create('Passw0rd!', { PasswordResetRequired: true })).toEqual({
    LoginProfile: { ...named, CreateDate: new Date(api.clock.now()), PasswordResetRequired: true },
  });
  expect(await get()).toMatchObject({ PasswordResetRequired: true });
  expect(await api.code('CreateLoginProfile', { ...named, Password: 'Passw0rd!' })).toBe('EntityAlreadyExists');
  await api.iam('UpdateLoginProfile', { ...named, Password: 'An0ther!!', PasswordResetRequired: false });
  expect(await get()).toMatchObject({ PasswordResetRequired: false });
  expect(await change('Passw0rd!', 'Third0ne!')).toBe('AccessDenied');
  expect(await change('An0ther!!', 'Third0ne!')).toBe('changed');
  expect(await api.code('DeleteUser', named)).toBe('DeleteConflict');
  await api.iam('DeleteLoginProfile', named);
  for (const operation of ['GetLoginProfile', 'DeleteLoginProfile', 'UpdateLoginProfile']) {
    expect(await api.code(operation, named)).toBe('NoSuchEntity');
  }
  expect(await api.code('CreateLoginProfile', named)).toBe('ValidationError');
  expect(await api.code('GetLoginProfile')).toBe('ValidationError');
});

test('ChangePassword needs the old password, and is for users', async () => {
  await create('Passw0rd!', { PasswordResetRequired: true });
  expect(await change('wrong', 'An0ther!!')).toBe('AccessDenied');
  expect(await change('Passw0rd!', 'short')).toBe('PasswordPolicyViolation');
  expect(await change('Passw0rd!', 'An0ther!!')).toBe('changed');
  expect((await get())?.PasswordResetRequired).toBe(false);
  expect(await change('Passw0rd!', 'Third0ne!')).toBe('AccessDenied');
  expect(await api.code('ChangePassword', { OldPassword: 'a', NewPassword: 'b' })).toBe('InvalidUserType');
});

test('ChangePassword needs a permission, unless the password policy lets users', async () => {
  await create();
  await api.iam('DeleteUserPolicy', { ...named, PolicyName: 'p' });
  const wrong = () => change('wrong', 'An0ther!!');
  const refused = async () => (await api.fail('ChangePassword', {}, { service: 'iam', as: bob })).message;
  expect(await refused()).toContain('not authorized to perform: iam:ChangePassword');
  await api.iam('UpdateAccountPasswordPolicy', { AllowUsersToChangePassword: true });
  expect(await wrong()).toBe('AccessDenied');
  expect(await change('Passw0rd!', 'An0ther!!')).toBe('changed');
  const PolicyDocument = policy('iam:ChangePassword', '*', { Effect: 'Deny' });
  await api.iam('PutUserPolicy', { ...named, PolicyName: 'deny', PolicyDocument });
  expect(await refused()).toContain('explicit deny');
});

test('a password is kept as a sealed hash', async () => {
  await create();
  const stored = [...api.store.load()].map(row => row.data).join('\n');
  expect(stored).not.toContain('Passw0rd!');
  expect(stored).not.toContain('scrypt');
});

describe('passwords are checked', () => {
  test.each(['Sh0rt!!', 'alllowercase', 'lower1234', 'x'.repeat(130), 'charlotte1', 'CHARLOTTE1'])(
    'by default, %s is refused',
    async password => {
      expect(await api.code('CreateLoginProfile', { ...named, Password: password })).toBe('PasswordPolicyViolation');
    },
  );

  test.each([
    [{ MinimumPasswordLength: 10 }, 'abcdefghi'],
    [{ RequireUppercaseCharacters: true }, 'abcdef'],
    [{ RequireLowercaseCharacters: true }, 'ABCDEF'],
    [{ RequireNumbers: true }, 'abcdef'],
    [{ RequireSymbols: true }, 'abcdef'],
  ])('by %j, %s is refused', async (input, password) => {
    await api.iam('UpdateAccountPasswordPolicy', input);
    expect(await api.code('CreateLoginProfile', { ...named, Password: password })).toBe('PasswordPolicyViolation');
    await create(`${password}Ab1!xx`);
  });

  test('former ones are not taken again, where the policy says so', async () => {
    await api.iam('UpdateAccountPasswordPolicy', { PasswordReusePrevention: 2 });
    await create('password-1');
    expect(await change('password-1', 'password-1')).toBe('PasswordPolicyViolation');
    expect(await change('password-1', 'password-2')).toBe('changed');
    expect(await change('password-2', 'password-1')).toBe('PasswordPolicyViolation');
    expect(await change('password-2', 'password-3')).toBe('changed');
    expect(await change('password-3', 'password-1')).toBe('changed');
  });
});
