import type {
  AddClientIDToOpenIDConnectProviderRequest,
  CreateOpenIDConnectProviderRequest,
  CreateOpenIDConnectProviderResponse,
  DeleteOpenIDConnectProviderRequest,
  GetOpenIDConnectProviderRequest,
  GetOpenIDConnectProviderResponse,
  ListOpenIDConnectProvidersRequest,
  ListOpenIDConnectProvidersResponse,
  RemoveClientIDFromOpenIDConnectProviderRequest,
  UpdateOpenIDConnectProviderThumbprintRequest,
} from '@aws-sdk/client-iam';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { iamArn } from '../arns.ts';
import { renderTags, timestamp } from '../entity.ts';
import { alreadyExists, invalidInput, limitExceeded, noSuchEntity, quotaExceeded, validationError } from '../errors.ts';
import { tagOperations } from '../identities/tags.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { type OidcProviderRow, oidcProviderArn, oidcProviders } from './model.ts';

interface ProviderInput {
  readonly OpenIDConnectProviderArn?: string | undefined;
}

const clientIdsPerProvider = 100;
const thumbprintsPerProvider = 5;

/** The issuer without its scheme. @throws ApiError `ValidationError`, `InvalidInput` */
function checkedUrl(text: string): string {
  if (text.length > 255) throw validationError('The url of the provider must have at most 255 characters.');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== 'https:')
    throw validationError('Invalid Open ID Connect Provider URL. It must begin with https://.');
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw invalidInput('The url of the provider must not have a query, a fragment or a user.');
  }
  return text.slice('https://'.length).replace(/\/+$/, '');
}

/** @throws ApiError `ValidationError`, `LimitExceeded` */
function checkedClientIds(ids: readonly string[] | undefined): readonly string[] {
  const all = [...new Set(ids ?? [])];
  if (all.some(id => id.length === 0 || id.length > 255)) {
    throw validationError('A client id must have 1 to 255 characters.');
  }
  if (all.length > clientIdsPerProvider) {
    throw limitExceeded(`Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: ${clientIdsPerProvider}`);
  }
  return all;
}

/** @throws ApiError `ValidationError`, `InvalidInput` */
function checkedThumbprints(thumbprints: readonly string[] | undefined): readonly string[] {
  const all = [...new Set((thumbprints ?? []).map(one => one.toLowerCase()))];
  if (all.some(one => !/^[0-9a-f]{40}$/.test(one))) {
    throw validationError('A thumbprint is the SHA-1 of a certificate: 40 hexadecimal digits.');
  }
  if (all.length > thumbprintsPerProvider) throw invalidInput('Thumbprint list must contain fewer than 5 entries.');
  return all;
}

function resource({ OpenIDConnectProviderArn: arn = '' }: ProviderInput, { account }: ReadContext): string[] {
  return [/^arn:[^:]+:iam::\d{12}:oidc-provider\/./.test(arn) ? arn : iamArn(account, 'oidc-provider/*')];
}

/** @throws ApiError `NoSuchEntity`, `ValidationError` */
function findProvider(
  { db, account }: ReadContext,
  { OpenIDConnectProviderArn: arn = '' }: ProviderInput,
): OidcProviderRow {
  if (!/^arn:aws:iam::\d{12}:oidc-provider\/\S+$/.test(arn)) throw validationError(`Invalid ARN: ${arn}`);
  const row = db.get(oidcProviders, arn);
  if (row?.account !== account) throw noSuchEntity(`OpenIDConnect Provider not found for arn ${arn}`);
  return row;
}

/**
 * Thumbprints are what AssumeRoleWithWebIdentity trusts a provider's certificate by. Without them, unlike AWS, none is
 * fetched: the certificate must then be one that this machine trusts.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
 */
const createProvider = writeOperation<CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse>({
  service: 'iam',
  name: 'CreateOpenIDConnectProvider',
  resources: (input, { account }) => {
    const arn = oidcProviderArn(account, (input.Url ?? '*').replace(/^https:\/\//, '').replace(/\/+$/, ''));
    return input.Tags?.length ? [arn, { arn, action: 'iam:TagOpenIDConnectProvider' }] : [arn];
  },
  run: (input, context) => {
    const { account } = context;
    const url = checkedUrl(input.Url ?? '');
    const row: OidcProviderRow = {
      arn: oidcProviderArn(account, url),
      account,
      url,
      clientIds: checkedClientIds(input.ClientIDList),
      thumbprints: checkedThumbprints(input.ThumbprintList),
      createDate: context.now,
      tags: newTags(input.Tags, 'sensitive'),
    };
    if (context.db.get(oidcProviders, row.arn) !== undefined) {
      throw alreadyExists(`Provider with url https://${url} already exists.`);
    }
    const { OpenIdConnectProvidersPerAccount: maximum } = quotas;
    if (context.db.countBy(oidcProviders, 'account', account) >= maximum) {
      throw quotaExceeded('OpenIdConnectProvidersPerAccount', maximum);
    }
    context.db.put(oidcProviders, row);
    return { OpenIDConnectProviderArn: row.arn, Tags: renderTags(row) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html */
const getProvider = readOperation<GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse>({
  service: 'iam',
  name: 'GetOpenIDConnectProvider',
  resources: resource,
  run: (input, context) => {
    const row = findProvider(context, input);
    return {
      Url: row.url,
      ClientIDList: [...row.clientIds],
      ThumbprintList: [...row.thumbprints],
      CreateDate: timestamp(row.createDate),
      Tags: renderTags(row) ?? [],
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviders.html */
const listProviders = readOperation<ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse>({
  service: 'iam',
  name: 'ListOpenIDConnectProviders',
  resources: () => ['*'],
  run: (_input, { db, account }) => ({
    OpenIDConnectProviderList: db.by(oidcProviders, 'account', account).map(({ arn }) => ({ Arn: arn })),
  }),
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateOpenIDConnectProviderThumbprint.html */
const updateThumbprint = writeOperation<UpdateOpenIDConnectProviderThumbprintRequest, void>({
  service: 'iam',
  name: 'UpdateOpenIDConnectProviderThumbprint',
  resources: resource,
  run: (input, context) => {
    const row = findProvider(context, input);
    context.db.put(oidcProviders, { ...row, thumbprints: checkedThumbprints(input.ThumbprintList) });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html */
const addClientId = writeOperation<AddClientIDToOpenIDConnectProviderRequest, void>({
  service: 'iam',
  name: 'AddClientIDToOpenIDConnectProvider',
  resources: resource,
  run: (input, context) => {
    const row = findProvider(context, input);
    context.db.put(oidcProviders, { ...row, clientIds: checkedClientIds([...row.clientIds, input.ClientID ?? '']) });
  },
});

/** Of one that is not there, too. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html */
const removeClientId = writeOperation<RemoveClientIDFromOpenIDConnectProviderRequest, void>({
  service: 'iam',
  name: 'RemoveClientIDFromOpenIDConnectProvider',
  resources: resource,
  run: (input, context) => {
    const row = findProvider(context, input);
    context.db.put(oidcProviders, { ...row, clientIds: row.clientIds.filter(id => id !== input.ClientID) });
  },
});

/** Of one that is not there, too. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html */
const deleteProvider = writeOperation<DeleteOpenIDConnectProviderRequest, void>({
  service: 'iam',
  name: 'DeleteOpenIDConnectProvider',
  resources: resource,
  run: (input, context) => {
    const row = context.db.get(oidcProviders, input.OpenIDConnectProviderArn ?? '');
    if (row?.account === context.account) context.db.delete(oidcProviders, row.arn);
  },
});

export const oidcOperations: readonly AnyOperation[] = [
  createProvider,
  getProvider,
  listProviders,
  updateThumbprint,
  addClientId,
  removeClientId,
  deleteProvider,
  ...tagOperations<OidcProviderRow, ProviderInput>({
    title: 'OpenIDConnectProvider',
    table: oidcProviders,
    keyCase: 'sensitive',
    find: findProvider,
    resources: resource,
  }),
];
