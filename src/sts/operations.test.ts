import { randomBytes } from 'node:crypto';
import type {
  AssumeRoleResponse,
  Credentials,
  GetAccessKeyInfoResponse,
  GetCallerIdentityResponse,
  GetFederationTokenResponse,
  GetSessionTokenResponse,
} from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, it } from 'vitest';
import { document, makeRole, makeUser, principalOf, type Statements, setPolicy } from '../api/access-testing.ts';
import type { Principal, UserPrincipal } from '../api/call.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { codeAt, stepOf } from '../iam/mfa/totp.ts';

const hour = 3_600_000;
const other = '111122223333';
let api: TestApi;
let ann: UserPrincipal;
beforeEach(async () => {
  api = createTestApi();
  ann = await makeUser(api, 'ann', { Action: 'sts:*' });
});

const sts = <Output>(operation: string, input: object, as?: Principal, account?: string) =>
  api.call<Output>(operation, input, {
    service: 'sts',
    ...(as === undefined ? {} : { as }),
    ...(account === undefined ? {} : { account }),
  });
const fail = (operation: string, input: object, as?: Principal) =>
  api.fail(operation, input, { service: 'sts', ...(as === undefined ? {} : { as }) });
const whoIs = (as: Principal) => sts<GetCallerIdentityResponse>('GetCallerIdentity', {}, as);
const ec2 = async (as: Principal | undefined, operation = 'DescribeVpcs') => {
  if (as === undefined) return 'no session';
  try {
    await api.call(operation, {}, { as });
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

function holderOf(credentials: Credentials | undefined): Principal {
  const principal = principalOf(api, credentials);
  if (principal === undefined) throw new Error('the credentials are refused');
  return principal;
}

const trusting = (name: string, more: object = {}) => ({ Action: 'sts:AssumeRole', Principal: { AWS: name }, ...more });

async function assume(role: string, as: Principal, more: object = {}) {
  const input = { RoleArn: role, RoleSessionName: 'job', ...more };
  return sts<AssumeRoleResponse>('AssumeRole', input, as);
}

const refusal = (role: string, as: Principal, more: object = {}) =>
  fail('AssumeRole', { RoleArn: role, RoleSessionName: 'job', ...more }, as);

describe('GetCallerIdentity', () => {
  it('tells the account of the key that signed', async () => {
    for (const account of ['000000000000', other]) {
      expect(await sts('GetCallerIdentity', {}, undefined, account)).toEqual({
        UserId: account,
        Account: account,
        Arn: `arn:aws:iam::${account}:root`,
      });
    }
  });

  it('cannot be forbidden', async () => {
    await setPolicy(api, 'ann', { Effect: 'Deny', Action: '*' });
    expect(await whoIs(ann)).toEqual({ UserId: ann.userId, Account: '000000000000', Arn: ann.arn });
  });
});

describe('AssumeRole', () => {
  it('gives credentials that are the role, for an hour', async () => {
    const role = await makeRole(api, 'deploy', trusting(ann.arn), { Action: 'ec2:DescribeVpcs' });
    const answer = await assume(role, ann);
    const id = /^(AROA\w+):job$/.exec(answer.AssumedRoleUser?.AssumedRoleId ?? '')?.[1];
    expect(answer).toEqual({
      Credentials: {
        AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
        SecretAccessKey: expect.stringMatching(/^[\w+/]{40}$/),
        SessionToken: expect.any(String),
        Expiration: new Date(api.clock.now() + hour),
      },
      AssumedRoleUser: {
        AssumedRoleId: `${id}:job`,
        Arn: 'arn:aws:sts::000000000000:assumed-role/deploy/job',
      },
      PackedPolicySize: undefined,
      SourceIdentity: undefined,
    });
    const session = holderOf(answer.Credentials);
    expect(await whoIs(session)).toEqual({
      UserId: `${id}:job`,
      Account: '000000000000',
      Arn: 'arn:aws:sts::000000000000:assumed-role/deploy/job',
    });
    expect([await ec2(session), await ec2(session, 'DescribeInstances')]).toEqual(['allowed', 'UnauthorizedOperation']);
    api.clock.advance(hour);
    expect(principalOf(api, answer.Credentials)).toBeUndefined();
  });

  it('needs the trust of the role, and where it trusts the account only, also a policy', async () => {
    const eve = await makeUser(api, 'eve');
    const byName = await makeRole(api, 'by-name', trusting(eve.arn));
    const byAccount = await makeRole(api, 'by-account', trusting('arn:aws:iam::000000000000:root'));
    await assume(byName, eve);
    const denied = await refusal(byAccount, eve);
    expect(denied).toMatchObject({ code: 'AccessDenied', status: 403 });
    expect(denied.message).toContain(
      `User: ${eve.arn} is not authorized to perform: sts:AssumeRole on resource: ${byAccount}`,
    );
    await assume(byAccount, ann);
    const untrusted = await refusal(byName, ann);
    expect(untrusted.message).toMatch(/because no role trust policy allows the sts:AssumeRole action$/);
    // What is not there is refused as what does not trust the caller.
    const absent = 'arn:aws:iam::000000000000:role/absent';
    expect((await refusal(absent, ann)).message).toBe(untrusted.message.replaceAll(byName, absent));
  });

  it('reaches into another account when both allow', async () => {
    const role = await makeRole(
      api,
      'guest',
      trusting('arn:aws:iam::000000000000:root'),
      { Action: '*' },
      { account: other },
    );
    const session = holderOf((await assume(role, ann)).Credentials);
    expect(session).toMatchObject({ account: other });
    expect((await whoIs(session)).Account).toBe(other);
    await setPolicy(api, 'ann', { Action: 'ec2:*' });
    expect((await refusal(role, ann)).code).toBe('AccessDenied');
    await setPolicy(api, 'ann', { Action: 'sts:AssumeRole', Resource: role });
    await assume(role, ann);
    const closed = await makeRole(
      api,
      'closed',
      trusting(`arn:aws:iam::${other}:root`),
      { Action: '*' },
      { account: other },
    );
    await setPolicy(api, 'ann', { Action: 'sts:*' });
    expect((await refusal(closed, ann)).code).toBe('AccessDenied');
  });

  it('is not for root', async () => {
    const role = await makeRole(api, 'deploy', trusting('arn:aws:iam::000000000000:root'));
    const error = await fail('AssumeRole', { RoleArn: role, RoleSessionName: 'job' });
    expect(error).toMatchObject({ code: 'AccessDenied', message: 'Roles may not be assumed by root accounts.' });
  });

  it('asks for the external id, the name of the session and its tags', async () => {
    const conditions = {
      StringEquals: { 'sts:ExternalId': 'e-1', 'aws:RequestTag/Team': 'blue' },
      StringLike: { 'sts:RoleSessionName': 'jo*' },
      'ForAllValues:StringEquals': { 'sts:TransitiveTagKeys': ['Team'] },
    };
    const role = await makeRole(api, 'deploy', [
      trusting(ann.arn, { Condition: conditions }),
      { Action: 'sts:TagSession', Principal: { AWS: ann.arn } },
    ]);
    const right = { ExternalId: 'e-1', Tags: [{ Key: 'Team', Value: 'blue' }], TransitiveTagKeys: ['Team'] };
    await assume(role, ann, right);
    for (const wrong of [
      { ExternalId: undefined },
      { ExternalId: 'e-2' },
      { RoleSessionName: 'x-1' },
      { Tags: [{ Key: 'Team', Value: 'red' }] },
    ])
      expect((await refusal(role, ann, { ...right, ...wrong })).code).toBe('AccessDenied');
  });

  it('hands tags to the session, over those of the role', async () => {
    const role = await makeRole(
      api,
      'deploy',
      [trusting(ann.arn), { Action: 'sts:TagSession', Principal: { AWS: ann.arn } }],
      { Action: 'ec2:*', Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } },
      { Tags: [{ Key: 'team', Value: 'red' }] },
    );
    expect(await ec2(holderOf((await assume(role, ann)).Credentials))).toBe('UnauthorizedOperation');
    const tagged = await assume(role, ann, { Tags: [{ Key: 'Team', Value: 'blue' }] });
    expect(tagged.PackedPolicySize).toBeGreaterThan(0);
    expect(await ec2(holderOf(tagged.Credentials))).toBe('allowed');
    const untaggable = await makeRole(api, 'plain', trusting(ann.arn));
    const error = await refusal(untaggable, ann, { Tags: [{ Key: 'Team', Value: 'blue' }] });
    expect(error).toMatchObject({ code: 'AccessDenied' });
    expect(error.message).toContain('sts:TagSession');
  });

  it('narrows the role by session policies, in the request and managed', async () => {
    const role = await makeRole(api, 'deploy', trusting(ann.arn), { Action: 'ec2:*' });
    const Policy = document({ Action: ['ec2:DescribeVpcs', 'iam:*'] });
    const answer = await assume(role, ann, { Policy });
    expect(answer.PackedPolicySize).toBeGreaterThan(0);
    const narrow = holderOf(answer.Credentials);
    expect([await ec2(narrow), await ec2(narrow, 'DescribeSubnets')]).toEqual(['allowed', 'UnauthorizedOperation']);
    expect((await api.fail('ListUsers', {}, { service: 'iam', as: narrow })).message).toMatch(
      /because no identity-based policy allows/,
    );
    const error = await api.fail('DescribeSubnets', {}, { as: narrow });
    expect(error.message).toContain('because no session policy allows the ec2:DescribeSubnets action');
    const PolicyArns = [{ arn: 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess' }];
    const managed = holderOf((await assume(role, ann, { PolicyArns })).Credentials);
    expect([await ec2(managed), await ec2(managed, 'CreateDefaultVpc')]).not.toContain('no session');
    expect((await api.fail('CreateKeyPair', { KeyName: 'k' }, { as: managed })).code).toBe('UnauthorizedOperation');
  });

  it.each<[string, object, string]>([
    ['a short name', { RoleSessionName: 'x' }, 'ValidationError'],
    ['a name with a space', { RoleSessionName: 'a b' }, 'ValidationError'],
    ['too short a time', { DurationSeconds: 899 }, 'ValidationError'],
    ['more than the role allows', { DurationSeconds: 7_201 }, 'ValidationError'],
    ['more than twelve hours', { DurationSeconds: 43_201 }, 'ValidationError'],
    ['a bad external id', { ExternalId: 'a b' }, 'ValidationError'],
    ['a policy that is none', { Policy: '{' }, 'MalformedPolicyDocument'],
    ['a long policy', { Policy: ' '.repeat(2_049) }, 'ValidationError'],
    [
      'a managed policy that is not there',
      { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/No' }] },
      'MalformedPolicyDocument',
    ],
    ['too many managed policies', { PolicyArns: Array.from({ length: 11 }, () => ({ arn: 'a' })) }, 'ValidationError'],
    [
      'a tag twice',
      {
        Tags: [
          { Key: 'a', Value: '' },
          { Key: 'A', Value: '' },
        ],
      },
      'ValidationError',
    ],
    ['a reserved tag', { Tags: [{ Key: 'aws:a', Value: '' }] }, 'ValidationError'],
    ['a transitive tag that it does not give', { TransitiveTagKeys: ['a'] }, 'ValidationError'],
    ['a one-time password', { SerialNumber: 'arn:aws:iam::000000000000:mfa/ann', TokenCode: '123456' }, 'AccessDenied'],
    [
      'tags that are too large together',
      {
        Tags: Array.from({ length: 50 }, (_, at) => ({ Key: `key-${at}`, Value: randomBytes(125).toString('hex') })),
      },
      'PackedPolicyTooLarge',
    ],
  ])('refuses %s', async (_what, input, code) => {
    const role = await makeRole(
      api,
      'deploy',
      { Action: ['sts:AssumeRole', 'sts:TagSession'], Principal: { AWS: ann.arn } },
      undefined,
      { MaxSessionDuration: 7_200 },
    );
    expect((await refusal(role, ann, input)).code).toBe(code);
    const longest = await assume(role, ann, { DurationSeconds: 7_200 });
    expect(longest.Credentials?.Expiration).toEqual(new Date(api.clock.now() + 2 * hour));
  });

  describe('from a role to the next', () => {
    const chain = async (more: object = {}) => {
      const allowed = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
      const first = await makeRole(api, 'first', { Action: allowed, Principal: { AWS: ann.arn } }, { Action: 'sts:*' });
      const second = await makeRole(
        api,
        'second',
        { Action: allowed, Principal: { AWS: first } },
        { Action: 'sts:*' },
        { MaxSessionDuration: 43_200 },
      );
      return { second, session: holderOf((await assume(first, ann, more)).Credentials) };
    };

    it('lasts an hour at most', async () => {
      const { second, session } = await chain();
      const error = await refusal(second, session, { DurationSeconds: 3_601 });
      expect(error).toMatchObject({ code: 'ValidationError' });
      expect(error.message).toContain('role chaining');
      const next = await assume(second, session, { DurationSeconds: 3_600 });
      expect(holderOf(next.Credentials)).toMatchObject({ roleName: 'second', session: { chained: true } });
    });

    it('keeps transitive tags, which cannot be changed, and no others', async () => {
      const Tags = [
        { Key: 'Team', Value: 'blue' },
        { Key: 'Job', Value: '1' },
      ];
      const { second, session } = await chain({ Tags, TransitiveTagKeys: ['team'] });
      const next = holderOf((await assume(second, session, { Tags: [{ Key: 'Step', Value: '2' }] })).Credentials);
      expect(next.session).toMatchObject({ tags: { Team: 'blue', Step: '2' }, transitiveTagKeys: ['Team'] });
      expect((await refusal(second, session, { Tags: [{ Key: 'TEAM', Value: 'red' }] })).code).toBe('ValidationError');
    });

    it('keeps the source identity', async () => {
      const { second, session } = await chain({ SourceIdentity: 'ann-from-work' });
      const next = await assume(second, session);
      expect(next.SourceIdentity).toBe('ann-from-work');
      expect((await refusal(second, session, { SourceIdentity: 'eve' })).code).toBe('AccessDenied');
    });
  });

  it('is revoked by a policy that asks when the token was issued, and with the role', async () => {
    const role = await makeRole(api, 'deploy', trusting(ann.arn), { Action: 'ec2:*' });
    const before = (await assume(role, ann)).Credentials;
    api.clock.advance(1_000);
    const revoke = {
      Effect: 'Deny',
      Action: '*',
      Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(api.clock.now()).toISOString() } },
    };
    await api.call(
      'PutRolePolicy',
      { RoleName: 'deploy', PolicyName: 'AWSRevokeOlderSessions', PolicyDocument: document(revoke) },
      { service: 'iam' },
    );
    const after = (await assume(role, ann)).Credentials;
    expect([await ec2(holderOf(before)), await ec2(holderOf(after))]).toEqual(['UnauthorizedOperation', 'allowed']);
    for (const PolicyName of ['AWSRevokeOlderSessions', 'test'])
      await api.call('DeleteRolePolicy', { RoleName: 'deploy', PolicyName }, { service: 'iam' });
    await api.call('DeleteRole', { RoleName: 'deploy' }, { service: 'iam' });
    expect(principalOf(api, after)).toBeUndefined();
  });
});

describe('GetSessionToken', () => {
  /** A user with a key in the state, as sessions of users hang on it. */
  const withKey = async (name: string, statements: Statements) => {
    const user = await makeUser(api, name, statements);
    const { AccessKey } = await api.call<{ AccessKey: { AccessKeyId: string } }>(
      'CreateAccessKey',
      { UserName: name },
      { service: 'iam' },
    );
    return { ...user, accessKeyId: AccessKey.AccessKeyId };
  };

  it('gives credentials that are the user, for twelve hours, and need no permission', async () => {
    const bob = await withKey('bob', [{ Effect: 'Deny', Action: 'sts:*' }, { Action: 'ec2:*' }]);
    const { Credentials } = await sts<GetSessionTokenResponse>('GetSessionToken', {}, bob);
    expect(Credentials?.Expiration).toEqual(new Date(api.clock.now() + 12 * hour));
    const session = holderOf(Credentials);
    expect((await whoIs(session)).Arn).toBe(bob.arn);
    expect(await ec2(session)).toBe('allowed');
  });

  it('may not call IAM, nor get further tokens, with them', async () => {
    const bob = await withKey('bob', { Action: '*' });
    const { Credentials } = await sts<GetSessionTokenResponse>('GetSessionToken', {}, bob);
    const session = holderOf(Credentials);
    expect((await api.fail('ListUsers', {}, { service: 'iam', as: session })).code).toBe('InvalidClientTokenId');
    for (const operation of ['GetSessionToken', 'GetFederationToken'])
      expect((await fail(operation, { Name: 'bob' }, session)).code).toBe('AccessDenied');
    const role = await makeRole(api, 'deploy', trusting(bob.arn));
    await assume(role, session);
  });

  it('says that MFA was not used', async () => {
    const bob = await withKey('bob', {
      Action: 'ec2:*',
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } },
    });
    expect(await ec2(bob)).toBe('UnauthorizedOperation');
    const { Credentials } = await sts<GetSessionTokenResponse>('GetSessionToken', {}, bob);
    expect(await ec2(holderOf(Credentials))).toBe('allowed');
  });

  it('says that MFA was used, when the code of the device is right, and may call IAM then', async () => {
    const bob = await withKey('bob', { Action: '*' });
    const made = await api.call<{ VirtualMFADevice: { SerialNumber: string; Base32StringSeed: Uint8Array } }>(
      'CreateVirtualMFADevice',
      { VirtualMFADeviceName: 'bob' },
      { service: 'iam' },
    );
    const { SerialNumber, Base32StringSeed } = made.VirtualMFADevice;
    const seed = Buffer.from(Base32StringSeed).toString();
    const code = (later = 0) => codeAt(seed, stepOf(api.clock.now()) + later);
    const codes = { AuthenticationCode1: code(-1), AuthenticationCode2: code() };
    await api.call('EnableMFADevice', { UserName: 'bob', SerialNumber, ...codes }, { service: 'iam' });
    api.clock.advance(60_000);
    const claim = { SerialNumber, TokenCode: code() };
    expect((await fail('GetSessionToken', { SerialNumber, TokenCode: code(40) }, bob)).code).toBe('AccessDenied');
    const { Credentials } = await sts<GetSessionTokenResponse>('GetSessionToken', claim, bob);
    const session = holderOf(Credentials);
    expect(session.session?.mfa).toBe(true);
    await api.call('ListUsers', {}, { service: 'iam', as: session });
    // A code is taken once.
    expect((await fail('GetSessionToken', claim, bob)).code).toBe('AccessDenied');
    const role = await makeRole(
      api,
      'careful',
      trusting(bob.arn, { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }),
    );
    expect((await refusal(role, bob)).code).toBe('AccessDenied');
    await assume(role, session);
    api.clock.advance(60_000);
    expect((await refusal(role, bob, { SerialNumber, TokenCode: code(40) })).code).toBe('AccessDenied');
    const answer = await assume(role, bob, { SerialNumber, TokenCode: code() });
    expect(holderOf(answer.Credentials).session?.mfa).toBe(true);
  });

  it('ends with the key that asked for it', async () => {
    const bob = await withKey('bob', { Action: '*' });
    const { Credentials } = await sts<GetSessionTokenResponse>('GetSessionToken', {}, bob);
    const update = { UserName: 'bob', AccessKeyId: bob.accessKeyId };
    await api.call('UpdateAccessKey', { ...update, Status: 'Inactive' }, { service: 'iam' });
    expect(principalOf(api, Credentials)).toBeUndefined();
    await api.call('UpdateAccessKey', { ...update, Status: 'Active' }, { service: 'iam' });
    expect(principalOf(api, Credentials)).toBeDefined();
  });

  it('is refused with a wrong time or a one-time password, and to roles', async () => {
    for (const DurationSeconds of [899, 129_601])
      expect((await fail('GetSessionToken', { DurationSeconds }, ann)).code).toBe('ValidationError');
    expect((await fail('GetSessionToken', { TokenCode: '123456' }, ann)).code).toBe('AccessDenied');
    const role = await makeRole(api, 'deploy', trusting(ann.arn), { Action: '*' });
    const session = holderOf((await assume(role, ann)).Credentials);
    expect((await fail('GetSessionToken', {}, session)).code).toBe('AccessDenied');
  });
});

describe('GetFederationToken', () => {
  const federate = async (input: object, as: Principal) =>
    sts<GetFederationTokenResponse>('GetFederationToken', { Name: 'bob', ...input }, as);
  let key: UserPrincipal;
  beforeEach(async () => {
    const { AccessKey } = await api.call<{ AccessKey: { AccessKeyId: string } }>(
      'CreateAccessKey',
      { UserName: 'ann' },
      { service: 'iam' },
    );
    key = { ...ann, accessKeyId: AccessKey.AccessKeyId };
    await setPolicy(api, 'ann', { Action: ['sts:*', 'ec2:*', 'iam:*'] });
  });

  it('gives what both the user and the session policy allow', async () => {
    const answer = await federate({ Policy: document({ Action: ['ec2:DescribeVpcs', 'ssm:*', 'iam:*'] }) }, key);
    expect(answer.FederatedUser).toEqual({
      FederatedUserId: '000000000000:bob',
      Arn: 'arn:aws:sts::000000000000:federated-user/bob',
    });
    const session = holderOf(answer.Credentials);
    expect((await whoIs(session)).Arn).toBe('arn:aws:sts::000000000000:federated-user/bob');
    expect([await ec2(session), await ec2(session, 'DescribeSubnets')]).toEqual(['allowed', 'UnauthorizedOperation']);
    expect((await api.fail('GetParameter', { Name: 'a' }, { service: 'ssm', as: session })).code).toBe('AccessDenied');
    expect((await api.fail('ListUsers', {}, { service: 'iam', as: session })).code).toBe('InvalidClientTokenId');
    expect(
      (await fail('AssumeRole', { RoleArn: 'arn:aws:iam::000000000000:role/x', RoleSessionName: 'job' }, session)).code,
    ).toBe('AccessDenied');
  });

  it('gives nothing without a session policy', async () => {
    expect(await ec2(holderOf((await federate({}, key)).Credentials))).toBe('UnauthorizedOperation');
  });

  it('needs a permission, for this name', async () => {
    await setPolicy(api, 'ann', {
      Action: 'sts:GetFederationToken',
      Resource: 'arn:aws:sts::000000000000:federated-user/bob',
    });
    await federate({}, key);
    expect((await fail('GetFederationToken', { Name: 'eve' }, key)).code).toBe('AccessDenied');
    expect(
      (await fail('GetFederationToken', { Name: 'bob', Tags: [{ Key: 'a', Value: 'b' }] }, key)).message,
    ).toContain('sts:TagSession');
  });

  it.each<[string, object, string]>([
    ['a long name', { Name: 'x'.repeat(33) }, 'ValidationError'],
    ['a bad policy', { Policy: '[]' }, 'MalformedPolicyDocument'],
    ['a wrong time', { DurationSeconds: 60 }, 'ValidationError'],
  ])('refuses %s', async (_what, input, code) => {
    expect((await fail('GetFederationToken', { Name: 'bob', ...input }, key)).code).toBe(code);
  });
});

describe('GetAccessKeyInfo', () => {
  it('tells whose account a key is, of any account', async () => {
    await makeUser(api, 'guest', undefined, other);
    const { AccessKey } = await api.call<{ AccessKey: { AccessKeyId: string } }>(
      'CreateAccessKey',
      { UserName: 'guest' },
      { service: 'iam', account: other },
    );
    const role = await makeRole(api, 'deploy', trusting(ann.arn));
    const { Credentials } = await assume(role, ann);
    const info = async (AccessKeyId: string | undefined) =>
      (await sts<GetAccessKeyInfoResponse>('GetAccessKeyInfo', { AccessKeyId }, ann)).Account;
    expect(await info(AccessKey.AccessKeyId)).toBe(other);
    expect(await info(Credentials?.AccessKeyId)).toBe('000000000000');
    for (const AccessKeyId of ['AKIAIOSFODNN7EXAMPLE', 'x'])
      expect((await fail('GetAccessKeyInfo', { AccessKeyId }, ann)).code).toBe('ValidationError');
  });
});
