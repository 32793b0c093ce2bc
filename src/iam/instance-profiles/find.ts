import type { Reader } from '../../state/state.ts';
import { nameKey } from '../entity.ts';
import { noSuchEntity } from '../errors.ts';
import { type RoleRow, roles } from '../roles/model.ts';
import { type InstanceProfileRow, instanceProfileArn, instanceProfiles } from './model.ts';

/** An account's instance profile by its name. */
export function instanceProfileNamed(db: Reader, account: string, name: string): InstanceProfileRow | undefined {
  return db.firstBy(instanceProfiles, 'name', nameKey(account, name));
}

/** An account's instance profile by its ARN, path and all. */
export function instanceProfileByArn(db: Reader, account: string, arn: string): InstanceProfileRow | undefined {
  const row = instanceProfileNamed(db, account, arn.slice(arn.lastIndexOf('/') + 1));
  return row !== undefined && instanceProfileArn(row) === arn ? row : undefined;
}

/** @throws ApiError `NoSuchEntity` */
export function findInstanceProfile(
  { db, account }: { readonly db: Reader; readonly account: string },
  name: string,
): InstanceProfileRow {
  const row = instanceProfileNamed(db, account, name);
  if (row === undefined) throw noSuchEntity(`Instance Profile ${name} cannot be found.`);
  return row;
}

/** The role whose permissions an instance profile gives; undefined while it has none. */
export function roleOfProfile(db: Reader, row: InstanceProfileRow): RoleRow | undefined {
  return row.roleId === undefined ? undefined : db.get(roles, row.roleId);
}
