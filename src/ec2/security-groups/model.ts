import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';

export interface SecurityGroupRow {
  readonly groupId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly groupName: string;
  readonly description: string;
}

export const securityGroups = defineTable<SecurityGroupRow>()({
  name: 'security_groups',
  key: row => row.groupId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    name: row => `${row.vpcId}/${row.groupName}`,
    foldedName: row => `${row.vpcId}/${row.groupName.toLowerCase()}`,
  },
});

/** One rule; exactly one of the four sources (or destinations) is set. */
export interface SecurityGroupRuleRow {
  readonly securityGroupRuleId: string;
  readonly owner: string;
  readonly groupId: string;
  readonly isEgress: boolean;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, `-1`, or a protocol number. */
  readonly ipProtocol: string;
  /** -1 for all; for ICMP, type and code. */
  readonly fromPort: number;
  readonly toPort: number;
  readonly cidrIpv4?: string;
  readonly cidrIpv6?: string;
  readonly prefixListId?: string;
  readonly referencedGroupId?: string;
  /** Where `referencedGroupId` is of a peered VPC. The connection, the VPC and the group may be gone. */
  readonly peer?: {
    readonly vpcPeeringConnectionId: string;
    readonly vpcId: string;
    /** The account. */
    readonly userId: string;
  };
  readonly description?: string;
}

export const securityGroupRules = defineTable<SecurityGroupRuleRow>()({
  name: 'security_group_rules',
  key: row => row.securityGroupRuleId,
  indexes: {
    owner: row => row.owner,
    group: row => row.groupId,
    referencedGroup: row => row.referencedGroupId,
    prefixList: row => row.prefixListId,
    peering: row => row.peer?.vpcPeeringConnectionId,
  },
});

/** A rule for a group of a VPC that is no longer peered, or for one that is gone, lets nothing pass. */
export function isStale(db: Reader, rule: Pick<SecurityGroupRuleRow, 'referencedGroupId' | 'peer'>): boolean {
  if (rule.peer === undefined || rule.referencedGroupId === undefined) return false;
  return (
    db.get(vpcPeeringConnections, rule.peer.vpcPeeringConnectionId)?.status !== 'active' ||
    db.get(securityGroups, rule.referencedGroupId) === undefined
  );
}
