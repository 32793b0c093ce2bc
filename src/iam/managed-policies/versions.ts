import type {
  CreatePolicyVersionRequest,
  CreatePolicyVersionResponse,
  DeletePolicyVersionRequest,
  GetPolicyVersionRequest,
  GetPolicyVersionResponse,
  ListPolicyVersionsRequest,
  ListPolicyVersionsResponse,
  SetDefaultPolicyVersionRequest,
} from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { iamArn, isAwsManaged } from '../arns.ts';
import { deleteConflict, limitExceeded, quotaExceeded, validationError } from '../errors.ts';
import { ordinalKey, pageByKey } from '../paging.ts';
import { validatePolicyDocument } from '../policy/validate.ts';
import { policySize } from '../policy-text.ts';
import { quotas } from '../quotas.ts';
import { findManagedPolicy, findVersion } from './find.ts';
import { managedPolicies, type PolicyRow, type PolicyVersionRow } from './model.ts';
import { renderListedVersion, renderVersion } from './render.ts';

export interface PolicyArnInput {
  readonly PolicyArn?: string | undefined;
}

/** The policy that a call names by its ARN, or, where the text is no ARN, any of the account's. */
export function policyResource(input: PolicyArnInput, { account }: ReadContext): string[] {
  const arn = input.PolicyArn ?? '';
  return [/^arn:[^:]+:iam::[^:]+:policy\/./.test(arn) ? arn : iamArn(account, 'policy/*')];
}

/** A policy that the caller may change. @throws ApiError `NoSuchEntity`, `AccessDenied` for AWS's own */
export function findOwnPolicy(context: ReadContext, arn: string): PolicyRow {
  const row = findManagedPolicy(context, arn);
  if (isAwsManaged(arn)) {
    throw new ApiError(
      'AccessDenied',
      `The policy ${arn} is managed by AWS and cannot be changed. Make one of your own.`,
    );
  }
  return row;
}

/** @throws ApiError `MalformedPolicyDocument`, `LimitExceeded` */
export function checkedDocument(document: string): string {
  validatePolicyDocument(document, 'managed');
  if (policySize(document) > quotas.PolicySize) throw quotaExceeded('PolicySize', quotas.PolicySize);
  return document;
}

/** @throws ApiError `ValidationError` */
function checkVersionId(versionId: string): void {
  if (!/^v[1-9]\d*(?:\.[A-Za-z0-9-]*)?$/.test(versionId)) {
    throw validationError(`'${versionId}' is not a version of a policy. Versions are named v1, v2 …`);
  }
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html */
const createPolicyVersion = writeOperation<CreatePolicyVersionRequest, CreatePolicyVersionResponse>({
  service: 'iam',
  name: 'CreatePolicyVersion',
  resources: policyResource,
  run: (input, context) => {
    const row = findOwnPolicy(context, input.PolicyArn ?? '');
    const document = checkedDocument(input.PolicyDocument ?? '');
    if (row.versions.length >= quotas.VersionsPerPolicy) {
      throw limitExceeded(
        `A managed policy can have up to ${quotas.VersionsPerPolicy} versions. Before you create a new version, you must delete an existing version.`,
      );
    }
    const version: PolicyVersionRow = { versionId: `v${row.nextVersion}`, document, createDate: context.now };
    const changed: PolicyRow = {
      ...row,
      versions: [...row.versions, version],
      nextVersion: row.nextVersion + 1,
      updateDate: context.now,
      ...(input.SetAsDefault === true && { defaultVersionId: version.versionId }),
    };
    context.db.put(managedPolicies, changed);
    return { PolicyVersion: renderListedVersion(changed, version) };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html */
const getPolicyVersion = readOperation<GetPolicyVersionRequest, GetPolicyVersionResponse>({
  service: 'iam',
  name: 'GetPolicyVersion',
  resources: policyResource,
  run: (input, context) => {
    const row = findManagedPolicy(context, input.PolicyArn ?? '');
    checkVersionId(input.VersionId ?? '');
    return { PolicyVersion: renderVersion(row, findVersion(row, input.VersionId ?? '')) };
  },
});

/** Newest first. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html */
const listPolicyVersions = readOperation<ListPolicyVersionsRequest, ListPolicyVersionsResponse>({
  service: 'iam',
  name: 'ListPolicyVersions',
  resources: policyResource,
  run: (input, context) => {
    const row = findManagedPolicy(context, input.PolicyArn ?? '');
    const newestFirst = (version: PolicyVersionRow) => ordinalKey(999_999_999 - Number(version.versionId.slice(1)));
    const { rows, end } = pageByKey(context, input, row.versions, newestFirst);
    return { Versions: rows.map(version => renderListedVersion(row, version)), ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html */
const setDefaultPolicyVersion = writeOperation<SetDefaultPolicyVersionRequest, void>({
  service: 'iam',
  name: 'SetDefaultPolicyVersion',
  resources: policyResource,
  run: (input, context) => {
    const row = findOwnPolicy(context, input.PolicyArn ?? '');
    checkVersionId(input.VersionId ?? '');
    const { versionId } = findVersion(row, input.VersionId ?? '');
    context.db.put(managedPolicies, { ...row, defaultVersionId: versionId, updateDate: context.now });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html */
const deletePolicyVersion = writeOperation<DeletePolicyVersionRequest, void>({
  service: 'iam',
  name: 'DeletePolicyVersion',
  resources: policyResource,
  run: (input, context) => {
    const row = findOwnPolicy(context, input.PolicyArn ?? '');
    checkVersionId(input.VersionId ?? '');
    const version = findVersion(row, input.VersionId ?? '');
    if (version.versionId === row.defaultVersionId) {
      throw deleteConflict('Cannot delete the default version of a policy.');
    }
    context.db.put(managedPolicies, { ...row, versions: row.versions.filter(one => one !== version) });
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html */
export const versionOperations: readonly AnyOperation[] = [
  createPolicyVersion,
  getPolicyVersion,
  listPolicyVersions,
  setDefaultPolicyVersion,
  deletePolicyVersion,
];
