import type { InstanceProfile } from '@aws-sdk/client-iam';
import type { ReadContext } from '../../api/operation.ts';
import { renderTags, timestamp } from '../entity.ts';
import { renderListedRole } from '../roles/render.ts';
import { roleOfProfile } from './find.ts';
import { type InstanceProfileRow, instanceProfileArn } from './model.ts';

/** An instance profile as listings have it: without tags. */
export function renderListedProfile(context: ReadContext, row: InstanceProfileRow): InstanceProfile {
  const role = roleOfProfile(context.db, row);
  return {
    Path: row.path,
    InstanceProfileName: row.instanceProfileName,
    InstanceProfileId: row.instanceProfileId,
    Arn: instanceProfileArn(row),
    CreateDate: timestamp(row.createDate),
    Roles: role === undefined ? [] : [renderListedRole(context, role)],
  };
}

export function renderProfile(context: ReadContext, row: InstanceProfileRow): InstanceProfile {
  return { ...renderListedProfile(context, row), Tags: renderTags(row) };
}
