import type {
  ListSAMLProvidersRequest,
  ListSAMLProvidersResponse,
  ListServerCertificatesRequest,
  ListServerCertificatesResponse,
  ListServiceSpecificCredentialsRequest,
  ListServiceSpecificCredentialsResponse,
  ListSigningCertificatesRequest,
  ListSigningCertificatesResponse,
  ListSSHPublicKeysRequest,
  ListSSHPublicKeysResponse,
} from '@aws-sdk/client-iam';
import { type AnyOperation, readOperation } from '../api/operation.ts';
import { checkedPathPrefix } from './names.ts';
import { pageByKey } from './paging.ts';
import { userOrCaller, userOrCallerArn } from './users/caller.ts';

/*
 * Listings of what nobody can make here, and there is therefore none of: clients ask for them before they delete a user,
 * or to show an account.
 */

const nothing: readonly never[] = [];
const noKey = () => '';

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSSHPublicKeys.html */
const listSshPublicKeys = readOperation<ListSSHPublicKeysRequest, ListSSHPublicKeysResponse>({
  service: 'iam',
  name: 'ListSSHPublicKeys',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    userOrCaller(context, input);
    const { rows, end } = pageByKey(context, input, nothing, noKey);
    return { SSHPublicKeys: rows, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSigningCertificates.html */
const listSigningCertificates = readOperation<ListSigningCertificatesRequest, ListSigningCertificatesResponse>({
  service: 'iam',
  name: 'ListSigningCertificates',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    userOrCaller(context, input);
    const { rows, end } = pageByKey(context, input, nothing, noKey);
    return { Certificates: rows, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html */
const listServiceSpecificCredentials = readOperation<
  ListServiceSpecificCredentialsRequest,
  ListServiceSpecificCredentialsResponse
>({
  service: 'iam',
  name: 'ListServiceSpecificCredentials',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    if (input.AllUsers !== true) userOrCaller(context, input);
    const { rows, end } = pageByKey(context, input, nothing, noKey);
    return { ServiceSpecificCredentials: rows, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServerCertificates.html */
const listServerCertificates = readOperation<ListServerCertificatesRequest, ListServerCertificatesResponse>({
  service: 'iam',
  name: 'ListServerCertificates',
  resources: () => ['*'],
  run: (input, context) => {
    checkedPathPrefix(input.PathPrefix);
    const { rows, end } = pageByKey(context, input, nothing, noKey);
    return { ServerCertificateMetadataList: rows, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSAMLProviders.html */
const listSamlProviders = readOperation<ListSAMLProvidersRequest, ListSAMLProvidersResponse>({
  service: 'iam',
  name: 'ListSAMLProviders',
  resources: () => ['*'],
  run: () => ({ SAMLProviderList: [] }),
});

export const emptyListings: readonly AnyOperation[] = [
  listSamlProviders,
  listServerCertificates,
  listServiceSpecificCredentials,
  listSigningCertificates,
  listSshPublicKeys,
];
