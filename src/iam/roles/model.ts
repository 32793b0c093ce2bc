import { defineTable } from '../../state/table.ts';
import { entityArn } from '../arns.ts';
import { type Bounded, type Identity, nameKey, policyKey, policyKeys, type Tagged } from '../entity.ts';

export interface RoleRow extends Identity, Bounded, Tagged {
  /** `AROA…` */
  readonly roleId: string;
  readonly roleName: string;
  readonly description?: string;
  /** The trust policy: who may assume it. */
  readonly assumeRolePolicyDocument: string;
  /** Unique ids of the users and roles whose ARNs the trust policy names. */
  readonly trustedIds?: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly maxSessionDuration: number;
  /** Of a service-linked role: the service that it belongs to, `autoscaling.amazonaws.com`. */
  readonly linkedService?: string;
}

export const roles = defineTable<RoleRow>()({
  name: 'iam_roles',
  key: row => row.roleId,
  indexes: {
    account: row => row.account,
    name: row => nameKey(row.account, row.roleName),
    policy: policyKeys,
    boundary: row => row.permissionsBoundary && policyKey(row.account, row.permissionsBoundary),
  },
});

export const roleArn = (row: RoleRow): string => entityArn(row.account, 'role', row.path, row.roleName);
