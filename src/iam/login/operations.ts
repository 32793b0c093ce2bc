import type {
  ChangePasswordRequest,
  CreateLoginProfileRequest,
  CreateLoginProfileResponse,
  DeleteLoginProfileRequest,
  GetLoginProfileRequest,
  GetLoginProfileResponse,
  LoginProfile,
  UpdateLoginProfileRequest,
} from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import {
  type AnyOperation,
  type ReadContext,
  readOperation,
  type WriteContext,
  writeOperation,
} from '../../api/operation.ts';
import { settingsOf } from '../account/model.ts';
import { checkPassword } from '../account/password-policy.ts';
import { timestamp } from '../entity.ts';
import { alreadyExists, noSuchEntity, validationError } from '../errors.ts';
import { type MaybeUser, userOrCaller, userOrCallerArn } from '../users/caller.ts';
import type { UserRow } from '../users/model.ts';
import { type LoginProfileRow, loginProfiles } from './model.ts';
import { hashPassword, isPassword } from './passwords.ts';

/** As many as a password policy may ask for, with the present one. */
const keptPasswords = 24;

/** Users have passwords; root has none here. @throws ApiError */
function findUser(context: ReadContext, input: MaybeUser): UserRow {
  const user = userOrCaller(context, input);
  if (user === undefined) {
    throw validationError("The account's root has no password here. Name a user with UserName.");
  }
  return user;
}

function findProfile(context: ReadContext, user: UserRow): LoginProfileRow {
  const row = context.db.get(loginProfiles, user.userId);
  if (row === undefined) throw noSuchEntity(`Login Profile for User ${user.userName} cannot be found.`);
  return row;
}

function render(user: UserRow, row: LoginProfileRow): LoginProfile {
  return {
    UserName: user.userName,
    CreateDate: timestamp(row.createDate),
    PasswordResetRequired: row.resetRequired,
  };
}

/**
 * A password is kept as a sealed hash. ChangePassword asks for it; nothing else here signs in with it yet.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
 */
const createLoginProfile = writeOperation<CreateLoginProfileRequest, CreateLoginProfileResponse, string>({
  service: 'iam',
  name: 'CreateLoginProfile',
  resources: (input, context) => [userOrCallerArn(input, context)],
  prepare: (input, context) => {
    const user = findUser(context, input);
    if (context.db.get(loginProfiles, user.userId) !== undefined) throw taken(user);
    if (input.Password === undefined) throw validationError('Password is required.');
    checkPassword(context.db, context.account, user.userName, input.Password);
    return hashPassword(input.Password);
  },
  run: (input, context, hash) => {
    const user = findUser(context, input);
    if (context.db.get(loginProfiles, user.userId) !== undefined) throw taken(user);
    const row: LoginProfileRow = {
      userId: user.userId,
      account: context.account,
      sealedHashes: [context.services.secrets.seal(hash, user.userId)],
      createDate: context.now,
      changed: context.now,
      resetRequired: input.PasswordResetRequired === true,
    };
    context.db.put(loginProfiles, row);
    return { LoginProfile: render(user, row) };
  },
});

function taken(user: UserRow): ApiError {
  return alreadyExists(`Login Profile for user ${user.userName} already exists.`);
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html */
const getLoginProfile = readOperation<GetLoginProfileRequest, GetLoginProfileResponse>({
  service: 'iam',
  name: 'GetLoginProfile',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = findUser(context, input);
    return { LoginProfile: render(user, findProfile(context, user)) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateLoginProfile.html */
const updateLoginProfile = writeOperation<UpdateLoginProfileRequest, void, string | undefined>({
  service: 'iam',
  name: 'UpdateLoginProfile',
  resources: (input, context) => [userOrCallerArn(input, context)],
  prepare: async (input, context) => {
    const user = findUser(context, input);
    const profile = findProfile(context, user);
    return input.Password === undefined ? undefined : newHash(context, user, profile, input.Password);
  },
  run: (input, context, hash) => {
    const profile = findProfile(context, findUser(context, input));
    const resetRequired = input.PasswordResetRequired ?? profile.resetRequired;
    context.db.put(loginProfiles, {
      ...(hash === undefined ? profile : withHash(context, profile, hash)),
      resetRequired,
    });
  },
});

/** Users need no permission where the account's password policy lets them. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ChangePassword.html */
const changePassword = writeOperation<ChangePasswordRequest, void, string>({
  service: 'iam',
  name: 'ChangePassword',
  resources: (_input, context) => [userOrCallerArn({}, context)],
  allowedUnlessDenied: ({ db, account }) => settingsOf(db, account).passwordPolicy?.allowUsersToChange === true,
  prepare: async (input, context) => {
    if (context.principal.type !== 'user') {
      throw new ApiError('InvalidUserType', 'Only IAM Users can change their own password');
    }
    const user = findUser(context, {});
    const profile = findProfile(context, user);
    const present = profile.sealedHashes[0] ?? '';
    const hash = context.services.secrets.open(present, user.userId);
    if (!(await isPassword(input.OldPassword ?? '', hash))) {
      throw new ApiError('AccessDenied', 'The old password was incorrect.');
    }
    return newHash(context, user, profile, input.NewPassword ?? '');
  },
  run: (_input, context, hash) => {
    const profile = findProfile(context, findUser(context, {}));
    context.db.put(loginProfiles, { ...withHash(context, profile, hash), resetRequired: false });
  },
});

/** @throws ApiError `PasswordPolicyViolation` also for passwords that were his already */
async function newHash(
  context: ReadContext,
  user: UserRow,
  profile: LoginProfileRow,
  password: string,
): Promise<string> {
  checkPassword(context.db, context.account, user.userName, password);
  const former = settingsOf(context.db, context.account).passwordPolicy?.reusePrevention ?? 0;
  for (const sealed of profile.sealedHashes.slice(0, former)) {
    if (await isPassword(password, context.services.secrets.open(sealed, user.userId))) {
      throw new ApiError('PasswordPolicyViolation', `Password should not be one of the last ${former}`);
    }
  }
  return hashPassword(password);
}

function withHash({ services, now }: WriteContext, profile: LoginProfileRow, hash: string): LoginProfileRow {
  const sealed = services.secrets.seal(hash, profile.userId);
  return { ...profile, sealedHashes: [sealed, ...profile.sealedHashes].slice(0, keptPasswords), changed: now };
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html */
const deleteLoginProfile = writeOperation<DeleteLoginProfileRequest, void>({
  service: 'iam',
  name: 'DeleteLoginProfile',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = findUser(context, input);
    context.db.delete(loginProfiles, findProfile(context, user).userId);
  },
});

export const loginProfileOperations: readonly AnyOperation[] = [
  createLoginProfile,
  getLoginProfile,
  updateLoginProfile,
  deleteLoginProfile,
  changePassword,
];
