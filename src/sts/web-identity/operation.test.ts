import type { CreateOpenIDConnectProviderResponse } from '@aws-sdk/client-iam';
import type { AssumeRoleWithWebIdentityResponse, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeRole, principalOf } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { newKey, type TestKey, token } from './testing.ts';

const issuer = 'https://idp.example/tenant';
const nobody = { type: 'anonymous', account: '', arn: '', userId: '', accessKeyId: '' } as const;
const rsa = newKey('RS256', 'rsa-1');
const ec = newKey('ES256', 'ec-1');

let api: TestApi;
let provider: string;
let role: string;
beforeEach(async () => {
  api = createTestApi();
  publish(rsa, ec);
  const made = await api.call<CreateOpenIDConnectProviderResponse>(
    'CreateOpenIDConnectProvider',
    { Url: issuer, ClientIDList: ['sts.amazonaws.com', 'app'] },
    { service: 'iam' },
  );
  provider = made.OpenIDConnectProviderArn ?? '';
  role = await makeRole(api, 'ci', trust({ 'idp.example/tenant:sub': 'repo:fogbank/*' }), {
    Action: 'ec2:DescribeVpcs',
  });
});

function publish(...keys: TestKey[]): void {
  api.documents.set(
    `${issuer}/.well-known/openid-configuration`,
    JSON.stringify({ issuer, jwks_uri: 'https://idp.example/keys' }),
  );
  api.documents.set('https://idp.example/keys', JSON.stringify({ keys: keys.map(key => key.jwk) }));
}

function trust(like: object, actions: string[] = ['sts:AssumeRoleWithWebIdentity'], more: object = {}) {
  return {
    Action: actions,
    Principal: { Federated: 'arn:aws:iam::000000000000:oidc-provider/idp.example/tenant' },
    Condition: { ...(Object.keys(like).length > 0 ? { StringLike: like } : {}), ...more },
  };
}

const seconds = () => Math.floor(api.clock.now() / 1000);
const claims = (more: object = {}) => ({
  iss: issuer,
  aud: 'sts.amazonaws.com',
  sub: 'repo:fogbank/main',
  iat: seconds(),
  exp: seconds() + 600,
  ...more,
});

const input = (WebIdentityToken: string, more: object = {}) => ({
  RoleArn: role,
  RoleSessionName: 'build',
  WebIdentityToken,
  ...more,
});
const assume = (text: string, more: object = {}) =>
  api.call<AssumeRoleWithWebIdentityResponse>('AssumeRoleWithWebIdentity', input(text, more), {
    service: 'sts',
    as: nobody,
  });
const refusal = async (text: string, more: object = {}) =>
  (await api.fail('AssumeRoleWithWebIdentity', input(text, more), { service: 'sts', as: nobody })).code;

describe("a provider's token", () => {
  it.each([
    ['RS256', rsa],
    ['ES256', ec],
  ])('signed by %s is traded for a session of the role', async (_name, key) => {
    const answer = await assume(token(claims(), key));
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: 'repo:fogbank/main',
      Audience: 'sts.amazonaws.com',
      Provider: issuer,
      AssumedRoleUser: { Arn: 'arn:aws:sts::000000000000:assumed-role/ci/build' },
    });
    const session = principalOf(api, answer.Credentials);
    expect(session).toMatchObject({ roleName: 'ci', session: { federatedProvider: provider, chained: false } });
    const who = await api.call<GetCallerIdentityResponse>(
      'GetCallerIdentity',
      {},
      { service: 'sts', as: session as never },
    );
    expect(who.Arn).toBe('arn:aws:sts::000000000000:assumed-role/ci/build');
    await api.call('DescribeVpcs', {}, { as: session as never });
    expect((await api.fail('DescribeInstances', {}, { as: session as never })).code).toBe('UnauthorizedOperation');
  });

  it.each<[string, (key: TestKey) => string, string]>([
    ['no token', () => 'x', 'InvalidIdentityToken'],
    ['nothing that is signed', key => token(claims(), key, { alg: 'none' }), 'InvalidIdentityToken'],
    ['a shared secret', key => token(claims(), key, { alg: 'HS256' }), 'InvalidIdentityToken'],
    ['extensions', key => token(claims(), key, { crit: ['b64'] }), 'InvalidIdentityToken'],
    ['another key', () => token(claims(), newKey('RS256', 'rsa-1')), 'InvalidIdentityToken'],
    ['a key of another kind', key => token(claims(), key, { kid: 'ec-1' }), 'InvalidIdentityToken'],
    [
      'changed claims',
      key => {
        const [head, , tail] = token(claims(), key).split('.');
        return [head, Buffer.from(JSON.stringify(claims({ sub: 'repo:fogbank/x' }))).toString('base64url'), tail].join(
          '.',
        );
      },
      'InvalidIdentityToken',
    ],
    ['another audience', key => token(claims({ aud: 'else' }), key), 'InvalidIdentityToken'],
    ['a token that was made for another party', key => token(claims({ azp: 'else' }), key), 'InvalidIdentityToken'],
    ['another issuer', key => token(claims({ iss: 'https://other.example' }), key), 'InvalidIdentityToken'],
    ['no TLS', key => token(claims({ iss: issuer.replace('https', 'http') }), key), 'InvalidIdentityToken'],
    ['no subject', key => token(claims({ sub: undefined }), key), 'InvalidIdentityToken'],
    ['no end', key => token(claims({ exp: undefined }), key), 'InvalidIdentityToken'],
    ['the future', key => token(claims({ iat: seconds() + 3_600 }), key), 'InvalidIdentityToken'],
    ['the past', key => token(claims({ exp: seconds() }), key), 'ExpiredTokenException'],
    ['another subject', key => token(claims({ sub: 'repo:else/main' }), key), 'AccessDenied'],
  ])('is refused with %s', async (_what, make, code) => {
    expect(await refusal(make(rsa))).toBe(code);
  });

  it('is refused by a role that does not exist, trusts somebody else, or is of another account', async () => {
    const text = token(claims(), rsa);
    expect(await refusal(text, { RoleArn: 'arn:aws:iam::000000000000:role/none' })).toBe('AccessDenied');
    const closed = await makeRole(api, 'closed', { Action: 'sts:AssumeRole', Principal: { AWS: '000000000000' } });
    expect(await refusal(text, { RoleArn: closed })).toBe('AccessDenied');
    // That account registered no provider, whatever the role says.
    const other = { account: '111122223333' };
    const foreign = await makeRole(api, 'ci', trust({}), undefined, other);
    expect(await refusal(text, { RoleArn: foreign })).toBe('InvalidIdentityToken');
  });

  it('is refused with bad parameters', async () => {
    const text = token(claims(), rsa);
    for (const [more, code] of [
      [{ RoleSessionName: 'a b' }, 'ValidationError'],
      [{ DurationSeconds: 3_601 }, 'ValidationError'],
      [{ ProviderId: 'www.amazon.com' }, 'ValidationError'],
      [{ Policy: '{' }, 'MalformedPolicyDocument'],
    ] as const)
      expect(await refusal(text, more)).toBe(code);
  });

  it('answers conditions about its claims', async () => {
    const conditions = {
      StringEquals: { 'idp.example/tenant:aud': 'app', 'sts:RoleSessionName': 'build' },
      'ForAnyValue:StringEquals': { 'idp.example/tenant:groups': ['ops'] },
    };
    role = await makeRole(api, 'ops', trust({ 'idp.example/tenant:sub': '*' }, undefined, conditions));
    const right = { aud: ['x', 'y'], azp: 'app', groups: ['dev', 'ops'] };
    await assume(token(claims(right), rsa));
    expect(await refusal(token(claims({ ...right, groups: ['dev'] }), rsa))).toBe('AccessDenied');
    expect(await refusal(token(claims({ ...right, azp: 'sts.amazonaws.com' }), rsa))).toBe('AccessDenied');
  });

  it('gives the session tags and a source identity where the role lets it', async () => {
    const more = {
      'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] }, transitive_tag_keys: ['Team', 'Other'] },
      'https://aws.amazon.com/source_identity': 'ann',
    };
    const text = token(claims(more), rsa);
    expect(await refusal(text)).toBe('AccessDenied');
    const all = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'];
    role = await makeRole(
      api,
      'tagged',
      trust({ 'idp.example/tenant:sub': '*' }, all, { StringEquals: { 'aws:RequestTag/Team': 'blue' } }),
      { Action: 'ec2:*', Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } },
    );
    const answer = await assume(text);
    expect(answer.SourceIdentity).toBe('ann');
    const session = principalOf(api, answer.Credentials);
    expect(session?.session).toMatchObject({
      tags: { Team: 'blue' },
      transitiveTagKeys: ['Team'],
      sourceIdentity: 'ann',
    });
    await api.call('DescribeVpcs', {}, { as: session as never });
  });
});

describe("a provider's keys", () => {
  it('are kept, and asked for again when a new one is used', async () => {
    await assume(token(claims(), rsa));
    api.documents.clear();
    await assume(token(claims(), rsa));
    const next = newKey('ES256', 'ec-2');
    publish(rsa, next);
    // So soon after the last time the provider is not asked.
    expect(await refusal(token(claims(), next))).toBe('InvalidIdentityToken');
    api.clock.advance(31_000);
    await assume(token(claims(), next));
  });

  it('must be had', async () => {
    api.documents.clear();
    const error = await api.fail('AssumeRoleWithWebIdentity', input(token(claims(), rsa)), {
      service: 'sts',
      as: nobody,
    });
    expect(error).toMatchObject({ code: 'IDPCommunicationError', status: 400 });
    expect(error.message).toContain(issuer);
    publish(rsa);
    expect(await refusal(token(claims(), rsa))).toBe('IDPCommunicationError');
    api.clock.advance(31_000);
    await assume(token(claims(), rsa));
    // An hour later the provider is asked again; when it cannot be, what is known has to do.
    api.clock.advance(3_600_000);
    api.documents.clear();
    await assume(token(claims(), rsa));
  });

  it.each([
    ['no configuration', 'x', '{}'],
    ['keys without TLS', '{"jwks_uri":"http://idp.example/keys"}', '{"keys":[]}'],
    ['no keys', '{"jwks_uri":"https://idp.example/keys"}', '[]'],
  ])('are refused with %s', async (_what, configuration, keys) => {
    api.documents.set(`${issuer}/.well-known/openid-configuration`, configuration);
    api.documents.set('https://idp.example/keys', keys);
    expect(await refusal(token(claims(), rsa))).toBe('IDPCommunicationError');
  });
});
