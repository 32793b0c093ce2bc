import { defineTable } from '../../state/table.ts';

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
  },
});
