import { parseArn } from '../api/arn.ts';
import { lookUp, roleKind } from '../iam/identities/kinds.ts';
import { decide } from '../iam/policy/decide.ts';
import type { PolicySet } from '../iam/policy/types.ts';
import { type RoleRow, roleArn } from '../iam/roles/model.ts';
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

/** Whether a service of AWS may take a role for somebody, such as EC2 for an instance. */
export function trustsService(role: RoleRow, service: string): boolean {
  const policies: PolicySet = {
    principal: { account: '', arns: [], isRoot: false, services: [service] },
    identity: [],
    resource: { policy: compiledTrust(role), account: role.account },
  };
  const request = { action: 'sts:AssumeRole', resource: roleArn(role), keys: new Map<string, readonly string[]>() };
  return decide(policies, request).effect === 'allowed';
}

/** What a role itself says about who may assume it. */
export function trustPolicyOf(db: Reader, arn: string) {
  const row = roleOfArn(db, arn);
  return row && { policy: compiledTrust(row), account: row.account };
}
