import type { GetAccountPasswordPolicyResponse, UpdateAccountPasswordPolicyRequest } from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { noSuchEntity, validationError } from '../errors.ts';
import { accountSettings, type PasswordPolicyRow, settingsOf } from './model.ts';

/** Days and numbers of passwords that a policy may ask for. @throws ApiError `ValidationError` */
function inRange(name: string, value: number | undefined, minimum: number, maximum: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw validationError(
      `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: Member must have value between ${minimum} and ${maximum}`,
    );
  }
  return value;
}

/** What is not given goes back to its default. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html */
const updateAccountPasswordPolicy = writeOperation<UpdateAccountPasswordPolicyRequest, void>({
  service: 'iam',
  name: 'UpdateAccountPasswordPolicy',
  resources: () => ['*'],
  run: (input, { db, account }) => {
    const maxAge = inRange('maxPasswordAge', input.MaxPasswordAge || undefined, 1, 1095);
    const reusePrevention = inRange('passwordReusePrevention', input.PasswordReusePrevention || undefined, 1, 24);
    const passwordPolicy: PasswordPolicyRow = {
      minimumLength: inRange('minimumPasswordLength', input.MinimumPasswordLength, 6, 128) ?? 6,
      requireSymbols: input.RequireSymbols === true,
      requireNumbers: input.RequireNumbers === true,
      requireUppercase: input.RequireUppercaseCharacters === true,
      requireLowercase: input.RequireLowercaseCharacters === true,
      allowUsersToChange: input.AllowUsersToChangePassword === true,
      hardExpiry: input.HardExpiry === true,
      ...(maxAge !== undefined && { maxAge }),
      ...(reusePrevention !== undefined && { reusePrevention }),
    };
    db.put(accountSettings, { ...settingsOf(db, account), passwordPolicy });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountPasswordPolicy.html */
const getAccountPasswordPolicy = readOperation<object, GetAccountPasswordPolicyResponse>({
  service: 'iam',
  name: 'GetAccountPasswordPolicy',
  resources: () => ['*'],
  run: (_input, { db, account }) => {
    const { passwordPolicy: policy } = settingsOf(db, account);
    if (policy === undefined) throw noPolicy(account);
    return {
      PasswordPolicy: {
        MinimumPasswordLength: policy.minimumLength,
        RequireSymbols: policy.requireSymbols,
        RequireNumbers: policy.requireNumbers,
        RequireUppercaseCharacters: policy.requireUppercase,
        RequireLowercaseCharacters: policy.requireLowercase,
        AllowUsersToChangePassword: policy.allowUsersToChange,
        ExpirePasswords: policy.maxAge !== undefined,
        MaxPasswordAge: policy.maxAge,
        PasswordReusePrevention: policy.reusePrevention,
        HardExpiry: policy.hardExpiry,
      },
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountPasswordPolicy.html */
const deleteAccountPasswordPolicy = writeOperation<object, void>({
  service: 'iam',
  name: 'DeleteAccountPasswordPolicy',
  resources: () => ['*'],
  run: (_input, { db, account }) => {
    const { passwordPolicy, ...rest } = settingsOf(db, account);
    if (passwordPolicy === undefined) throw noPolicy(account);
    db.put(accountSettings, rest);
  },
});

function noPolicy(account: string): ApiError {
  return noSuchEntity(`The Password Policy with domain name ${account} cannot be found.`);
}

/**
 * Checks a new password by the account's policy, or by AWS's default: eight characters of three kinds, not the user's name.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
 * @throws ApiError `PasswordPolicyViolation`
 */
export function checkPassword(db: Reader, account: string, userName: string, password: string): void {
  const { passwordPolicy: policy } = settingsOf(db, account);
  const kinds = {
    uppercase: /[A-Z]/.test(password),
    lowercase: /[a-z]/.test(password),
    number: /[0-9]/.test(password),
    symbol: /[!@#$%^&*()_+\-=[\]{}|']/.test(password),
  };
  const violation = (what: string) => new ApiError('PasswordPolicyViolation', `Password should ${what}`);
  if (password.length > 128) throw violation('have at most 128 characters');
  if (password.length < (policy?.minimumLength ?? 8)) {
    throw violation(`have a minimum length of ${policy?.minimumLength ?? 8}`);
  }
  if (policy === undefined) {
    if (Object.values(kinds).filter(Boolean).length < 3) {
      throw violation('have three of: uppercase letters, lowercase letters, numbers, symbols');
    }
    if (password.toLowerCase() === userName.toLowerCase()) throw violation("not be the user's name");
    return;
  }
  if (policy.requireUppercase && !kinds.uppercase) throw violation('have at least one uppercase letter');
  if (policy.requireLowercase && !kinds.lowercase) throw violation('have at least one lowercase letter');
  if (policy.requireNumbers && !kinds.number) throw violation('have at least one number');
  if (policy.requireSymbols && !kinds.symbol)
    throw violation("have at least one symbol: ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '");
}

export const passwordPolicyOperations: readonly AnyOperation[] = [
  updateAccountPasswordPolicy,
  getAccountPasswordPolicy,
  deleteAccountPasswordPolicy,
];
