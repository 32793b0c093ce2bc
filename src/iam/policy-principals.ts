import type { Reader } from '../state/state.ts';
import { lookUp, roleKind, userKind } from './identities/kinds.ts';
import type { PolicyDocument } from './policy/document.ts';
import { principalsOf } from './policy/validate.ts';
import { type RoleRow, roleArn, roles } from './roles/model.ts';
import { type UserRow, userArn, users } from './users/model.ts';

/*
 * Users and roles in policies of resources. What is kept are their unique ids, so that others who get their names later
 * have nothing of it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
 */

/** Unique ids by the ARNs that name them. */
export type PrincipalIds = Readonly<Record<string, string>>;

const entityForm = /^arn:aws:(?:iam|sts)::(\d{12}):(user|role|assumed-role)\/(.+)$/;

/** The ids of users and roles that a document names, and the first name of one who does not exist. */
export function principalIdsOf(db: Reader, document: PolicyDocument): { ids: PrincipalIds; unknown?: string } {
  const ids: Record<string, string> = {};
  for (const { type, name } of principalsOf(document)) {
    if (type !== 'AWS') continue;
    const id = principalId(db, name);
    if (id === null) return { ids, unknown: name };
    if (id !== undefined) ids[name] = id;
  }
  return { ids };
}

/** The id to keep for a name; undefined where the name itself will do, null when there is nobody of it. */
export function principalId(db: Reader, name: string): string | undefined | null {
  const unique = /^(?:AIDA|AROA)[A-Z0-9]+$/.exec(name)?.[0];
  if (unique !== undefined) {
    return db.get(users, unique) === undefined && db.get(roles, unique) === undefined ? null : undefined;
  }
  const [, account, kind, rest = ''] = entityForm.exec(name) ?? [];
  if (account === undefined) return undefined;
  const row = entityNamed(db, account, kind, rest);
  if (row === undefined) return null;
  return kind === 'assumed-role' ? undefined : idOf(row);
}

/** @param rest `PATH/NAME` of a user or role, `NAME/SESSION` of a role's session */
function entityNamed(
  db: Reader,
  account: string,
  kind: string | undefined,
  rest: string,
): UserRow | RoleRow | undefined {
  const parts = rest.split('/');
  if (kind === 'assumed-role') return lookUp(db, roleKind, account, parts[0] ?? '');
  const name = parts.at(-1) ?? '';
  const row = kind === 'user' ? lookUp(db, userKind, account, name) : lookUp(db, roleKind, account, name);
  return row !== undefined && arnOf(row).endsWith(`:${kind}/${rest}`) ? row : undefined;
}

const idOf = (row: UserRow | RoleRow): string => ('userId' in row ? row.userId : row.roleId);
const arnOf = (row: UserRow | RoleRow): string => ('userId' in row ? userArn(row) : roleArn(row));

/** A name as it is shown: the ARN as it is now, the id of one who is gone. */
export function shownPrincipal(db: Reader, name: string, ids: PrincipalIds): string {
  const id = ids[name];
  if (id === undefined) return name;
  const row = db.get(users, id) ?? db.get(roles, id);
  return row === undefined ? id : arnOf(row);
}

/** The document with ARNs as they are now, and the ids of those who are gone. */
export function shownPrincipals(db: Reader, document: string, ids: PrincipalIds | undefined): string {
  const changed = new Map<string, string>();
  for (const arn in ids) {
    const shown = shownPrincipal(db, arn, ids);
    if (shown !== arn) changed.set(arn, shown);
  }
  return changed.size === 0 ? document : withPrincipals(document, changed);
}

/** The document with the ids, by which it is decided. */
export function withPrincipalIds(document: string, ids: PrincipalIds | undefined): string {
  const names = new Map(Object.entries(ids ?? {}));
  return names.size === 0 ? document : withPrincipals(document, names);
}

/** The document with other names in `Principal`. */
function withPrincipals(document: string, names: ReadonlyMap<string, string>): string {
  const renamed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(renamed);
    return typeof value === 'string' ? (names.get(value) ?? value) : value;
  };
  return JSON.stringify(JSON.parse(document), function (this: unknown, key: string, value: unknown) {
    if (key !== 'Principal' || typeof value !== 'object' || value === null || !('AWS' in value)) return value;
    return { ...value, AWS: renamed(value.AWS) };
  });
}
