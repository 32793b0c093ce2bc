import type { Role } from '@aws-sdk/client-iam';
import type { ReadContext } from '../../api/operation.ts';
import { renderTags, timestamp } from '../entity.ts';
import { renderBoundary } from '../identities/boundaries.ts';
import { encodeDocument } from '../policy-text.ts';
import { type RoleRow, roleArn } from './model.ts';
import { shownTrust } from './trust.ts';

/** A role as listings have it: without tags, boundary and last use, which only GetRole tells. */
export function renderListedRole({ db }: Pick<ReadContext, 'db'>, row: RoleRow): Role {
  return {
    Path: row.path,
    RoleName: row.roleName,
    RoleId: row.roleId,
    Arn: roleArn(row),
    CreateDate: timestamp(row.createDate),
    AssumeRolePolicyDocument: encodeDocument(shownTrust(db, row)),
    Description: row.description,
    MaxSessionDuration: row.maxSessionDuration,
  };
}

export function renderRole(context: ReadContext, row: RoleRow): Role {
  const used = context.services.lastUse.of(context.db, row.roleId);
  return {
    ...renderListedRole(context, row),
    PermissionsBoundary: renderBoundary(row),
    Tags: renderTags(row),
    RoleLastUsed: used === undefined ? {} : { LastUsedDate: timestamp(used.date), Region: used.region },
  };
}
