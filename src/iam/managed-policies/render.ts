import type { Policy, PolicyVersion } from '@aws-sdk/client-iam';
import type { Reader } from '../../state/state.ts';
import { renderTags, timestamp } from '../entity.ts';
import { encodeDocument } from '../policy-text.ts';
import type { PolicyRow, PolicyVersionRow } from './model.ts';
import { attachmentCount, boundaryCount } from './usage.ts';

/** A policy as listings have it: without description and tags, which only GetPolicy tells. */
export function renderListedPolicy(
  { db, account }: { readonly db: Reader; readonly account: string },
  row: PolicyRow,
): Policy {
  return {
    PolicyName: row.policyName,
    PolicyId: row.policyId,
    Arn: row.arn,
    Path: row.path,
    DefaultVersionId: row.defaultVersionId,
    AttachmentCount: attachmentCount(db, account, row.arn),
    PermissionsBoundaryUsageCount: boundaryCount(db, account, row.arn),
    IsAttachable: true,
    CreateDate: timestamp(row.createDate),
    UpdateDate: timestamp(row.updateDate),
  };
}

export function renderPolicy(place: { readonly db: Reader; readonly account: string }, row: PolicyRow): Policy {
  return {
    ...renderListedPolicy(place, row),
    Description: row.description,
    // An empty list, too, is told.
    Tags: renderTags(row) ?? [],
  };
}

/** A version as listings have it: without its document. */
export function renderListedVersion(row: PolicyRow, version: PolicyVersionRow): PolicyVersion {
  return {
    VersionId: version.versionId,
    IsDefaultVersion: version.versionId === row.defaultVersionId,
    CreateDate: timestamp(version.createDate),
  };
}

export function renderVersion(row: PolicyRow, version: PolicyVersionRow): PolicyVersion {
  return { ...renderListedVersion(row, version), Document: encodeDocument(version.document) };
}
