import type {
  CreateOpenIDConnectProviderResponse,
  GetOpenIDConnectProviderResponse,
  ListOpenIDConnectProvidersResponse,
  ListOpenIDConnectProviderTagsResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, expect, test } from 'vitest';
import { createTestIam, type TestIam } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const thumbprint = 'A'.repeat(40);
const arn = 'arn:aws:iam::000000000000:oidc-provider/idp.example.com/realms/dev';
const named = { OpenIDConnectProviderArn: arn };
const create = (more: object = {}) =>
  api.iam<CreateOpenIDConnectProviderResponse>('CreateOpenIDConnectProvider', {
    Url: 'https://idp.example.com/realms/dev',
    ClientIDList: ['app'],
    ThumbprintList: [thumbprint],
    ...more,
  });
const get = () => api.iam<GetOpenIDConnectProviderResponse>('GetOpenIDConnectProvider', named);

test('a provider is made, read, changed and deleted', async () => {
  expect(await create({ Tags: [{ Key: 'k', Value: 'v' }] })).toEqual({
    OpenIDConnectProviderArn: arn,
    Tags: [{ Key: 'k', Value: 'v' }],
  });
  expect(await get()).toEqual({
    Url: 'idp.example.com/realms/dev',
    ClientIDList: ['app'],
    ThumbprintList: [thumbprint.toLowerCase()],
    CreateDate: new Date(api.clock.now()),
    Tags: [{ Key: 'k', Value: 'v' }],
  });
  for (const ClientID of ['two', 'two']) await api.iam('AddClientIDToOpenIDConnectProvider', { ...named, ClientID });
  for (const ClientID of ['app', 'none']) {
    await api.iam('RemoveClientIDFromOpenIDConnectProvider', { ...named, ClientID });
  }
  await api.iam('UpdateOpenIDConnectProviderThumbprint', { ...named, ThumbprintList: ['b'.repeat(40)] });
  expect(await get()).toMatchObject({ ClientIDList: ['two'], ThumbprintList: ['b'.repeat(40)] });
  const { OpenIDConnectProviderList } = await api.iam<ListOpenIDConnectProvidersResponse>('ListOpenIDConnectProviders');
  expect(OpenIDConnectProviderList).toEqual([{ Arn: arn }]);
  expect(await api.code('GetOpenIDConnectProvider', named, '111122223333')).toBe('NoSuchEntity');
  await api.iam('DeleteOpenIDConnectProvider', named, '111122223333');
  await get();
  for (let again = 0; again < 2; again++) await api.iam('DeleteOpenIDConnectProvider', named);
  expect(await api.code('GetOpenIDConnectProvider', named)).toBe('NoSuchEntity');
});

test.each([
  ['http', { Url: 'http://idp.example.com' }, 'ValidationError'],
  ['no URL', { Url: 'idp' }, 'ValidationError'],
  ['a query', { Url: 'https://idp.example.com/?a=b' }, 'InvalidInput'],
  ['a bad thumbprint', { Url: 'https://a.example', ThumbprintList: ['x'] }, 'ValidationError'],
  [
    'six thumbprints',
    { Url: 'https://a.example', ThumbprintList: Array.from({ length: 6 }, (_, at) => String(at).repeat(40)) },
    'InvalidInput',
  ],
  [
    'many clients',
    { Url: 'https://a.example', ClientIDList: Array.from({ length: 101 }, (_, at) => `c${at}`) },
    'LimitExceeded',
  ],
  ['a taken URL', { Url: 'https://idp.example.com/realms/dev/' }, 'EntityAlreadyExists'],
])('a provider is not made with %s', async (_what, input, code) => {
  await create();
  expect(await api.code('CreateOpenIDConnectProvider', input)).toBe(code);
});

test('its tags', async () => {
  await create();
  await api.iam('TagOpenIDConnectProvider', { ...named, Tags: [{ Key: 'a', Value: '1' }] });
  await api.iam('TagOpenIDConnectProvider', { ...named, Tags: [{ Key: 'b', Value: '2' }] });
  await api.iam('UntagOpenIDConnectProvider', { ...named, TagKeys: ['a'] });
  const { Tags } = await api.iam<ListOpenIDConnectProviderTagsResponse>('ListOpenIDConnectProviderTags', named);
  expect(Tags).toEqual([{ Key: 'b', Value: '2' }]);
});
