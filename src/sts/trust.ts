import { parseArn } from '../api/arn.ts';
import { lookUp, roleKind } from '../iam/identities/kinds.ts';
import type { RoleRow } from '../iam/roles/model.ts';
import { compiledTrust } from '../iam/roles/trust.ts';
import type { Reader } from '../state/state.ts';

/** The role of an ARN, whose case matters; of any account. */
export function roleOfArn(db: Reader, arn: string): RoleRow | undefined {
  const parts = parseArn(arn);
  if (parts?.service !== 'iam' || !parts.resource.startsWith('role/')) return undefined;
  const name = parts.resource.slice(parts.resource.lastIndexOf('/') + 1);
  const row = lookUp(db, roleKind, parts.account, name);
  return row !== undefined && roleKind.arn(row) === arn ? row : undefined;
}

/** What a role itself says about who may assume it. */
export function trustPolicyOf(db: Reader, arn: string) {
  const row = roleOfArn(db, arn);
  return row && { policy: compiledTrust(row), account: row.account };
}
