import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { limitExceeded } from '../errors.ts';
import { lookUp, roleKind, userKind } from '../identities/kinds.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { CompiledPolicy } from '../policy/types.ts';
import { principalsOf, validatePolicyDocument } from '../policy/validate.ts';
import { policySize } from '../policy-text.ts';
import { quotas } from '../quotas.ts';
import { type UserRow, userArn, users } from '../users/model.ts';
import { type RoleRow, roleArn, roles } from './model.ts';

/** A trust policy as a role keeps it. */
export type Trust = Pick<RoleRow, 'assumeRolePolicyDocument' | 'trustedIds'>;

const entityForm = /^arn:aws:(?:iam|sts)::(\d{12}):(user|role|assumed-role)\/(.+)$/;

/**
 * Checks a trust policy. Users and roles that it names must exist; their unique ids are kept, so that others who get
 * their names later are not trusted.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
 * @throws ApiError `MalformedPolicyDocument`, `LimitExceeded`
 */
export function checkedTrust(db: Reader, document: string): Trust {
  const parsed = validatePolicyDocument(document, 'trust');
  if (policySize(document) > quotas.AssumeRolePolicySize) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${quotas.AssumeRolePolicySize}`);
  }
  const trustedIds: Record<string, string> = {};
  for (const { type, name } of principalsOf(parsed)) {
    if (type !== 'AWS') continue;
    const unique = /^(?:AIDA|AROA)[A-Z0-9]+$/.exec(name)?.[0];
    const [, account, kind, rest = ''] = entityForm.exec(name) ?? [];
    let exists = true;
    if (unique !== undefined) exists = db.get(users, unique) !== undefined || db.get(roles, unique) !== undefined;
    else if (account !== undefined) {
      const row = entityNamed(db, account, kind, rest);
      exists = row !== undefined;
      if (row !== undefined && kind !== 'assumed-role') trustedIds[name] = idOf(row);
    }
    if (!exists) throw new ApiError('MalformedPolicyDocument', `Invalid principal in policy: "AWS":"${name}"`);
  }
  return {
    assumeRolePolicyDocument: document,
    ...(Object.keys(trustedIds).length > 0 && { trustedIds }),
  };
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

/** The trust policy as GetRole shows it: with ARNs as they are now, and the ids of those who are gone. */
export function shownTrust(db: Reader, row: RoleRow): string {
  const { trustedIds } = row;
  if (trustedIds === undefined) return row.assumeRolePolicyDocument;
  const changed = new Map<string, string>();
  for (const [arn, id] of Object.entries(trustedIds)) {
    const trusted = db.get(users, id) ?? db.get(roles, id);
    const shown = trusted === undefined ? id : arnOf(trusted);
    if (shown !== arn) changed.set(arn, shown);
  }
  return changed.size === 0 ? row.assumeRolePolicyDocument : withPrincipals(row.assumeRolePolicyDocument, changed);
}

const compiled = new WeakMap<RoleRow, CompiledPolicy>();

/** The trust policy made ready to decide who may assume the role. */
export function compiledTrust(row: RoleRow): CompiledPolicy {
  let policy = compiled.get(row);
  if (policy === undefined) {
    const ids = new Map(Object.entries(row.trustedIds ?? {}));
    const document = ids.size === 0 ? row.assumeRolePolicyDocument : withPrincipals(row.assumeRolePolicyDocument, ids);
    policy = compilePolicy(document, { id: row.roleName, type: 'resource' }, 'trust');
    compiled.set(row, policy);
  }
  return policy;
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
