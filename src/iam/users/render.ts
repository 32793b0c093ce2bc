import type { User } from '@aws-sdk/client-iam';
import { renderTags, timestamp } from '../entity.ts';
import { renderBoundary } from '../identities/boundaries.ts';
import { type UserRow, userArn } from './model.ts';

/** A user as listings have him: without tags and boundary, which only GetUser tells. */
export function renderListedUser(row: UserRow): User {
  return {
    Path: row.path,
    UserName: row.userName,
    UserId: row.userId,
    Arn: userArn(row),
    CreateDate: timestamp(row.createDate),
  };
}

export function renderUser(row: UserRow): User {
  return { ...renderListedUser(row), PermissionsBoundary: renderBoundary(row), Tags: renderTags(row) };
}
