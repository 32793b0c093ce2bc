import type { CreateRoleResponse, CreateUserResponse } from '@aws-sdk/client-iam';
import type { Credentials } from '@aws-sdk/client-sts';
import { SessionTokens } from '../sts/session-tokens.ts';
import type { Principal, RolePrincipal, UserPrincipal } from './call.ts';
import type { TestApi } from './testing.ts';

/** Statements of a policy as tests write them. */
export type Statements = object | readonly object[];

/** A policy document; statements that say nothing else allow, on everything. */
export function document(statements: Statements): string {
  const all = Array.isArray(statements) ? statements : [statements];
  const filled = all.map(one => ({
    Effect: 'Allow',
    ...('Resource' in one || 'NotResource' in one || 'Principal' in one ? {} : { Resource: '*' }),
    ...one,
  }));
  return JSON.stringify({ Version: '2012-10-17', Statement: filled });
}

/** Makes a user with an inline policy, as root of the account. */
export async function makeUser(
  api: TestApi,
  name: string,
  statements?: Statements,
  account = '000000000000',
): Promise<UserPrincipal> {
  const options = { service: 'iam', account };
  const { User } = await api.call<CreateUserResponse>('CreateUser', { UserName: name }, options);
  if (statements !== undefined) await setPolicy(api, name, statements, account);
  return {
    type: 'user',
    account,
    arn: User?.Arn ?? '',
    userId: User?.UserId ?? '',
    userName: name,
    accessKeyId: `AKIA${name.toUpperCase().padEnd(16, 'X')}`,
  };
}

/** Replaces the user's inline policy. */
export async function setPolicy(api: TestApi, UserName: string, statements: Statements, account = '000000000000') {
  const PolicyDocument = document(statements);
  await api.call('PutUserPolicy', { UserName, PolicyName: 'test', PolicyDocument }, { service: 'iam', account });
}

/** Makes a role that trusts a principal, with an inline policy. */
export async function makeRole(
  api: TestApi,
  name: string,
  trust: Statements,
  statements?: Statements,
  more: { readonly account?: string; readonly [member: string]: unknown } = {},
): Promise<string> {
  const { account = '000000000000', ...input } = more;
  const options = { service: 'iam', account };
  const AssumeRolePolicyDocument = document(trust);
  const { Role } = await api.call<CreateRoleResponse>(
    'CreateRole',
    { RoleName: name, AssumeRolePolicyDocument, ...input },
    options,
  );
  if (statements !== undefined) {
    const PolicyDocument = document(statements);
    await api.call('PutRolePolicy', { RoleName: name, PolicyName: 'test', PolicyDocument }, options);
  }
  return Role?.Arn ?? '';
}

/** Whom the gateway takes the holder of temporary credentials for; undefined when it refuses them. */
export function principalOf(api: TestApi, credentials: Credentials | undefined): Principal | undefined {
  const { AccessKeyId = '', SessionToken = '' } = credentials ?? {};
  const key = new SessionTokens(api.secrets).keyOf(api.state, AccessKeyId, SessionToken);
  return key?.expiration !== undefined && key.expiration > api.clock.now() ? key.principal : undefined;
}

export type { RolePrincipal };
