import type { FilterTable, FilterValue } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroups } from './model.ts';
import { hasPorts } from './protocols.ts';
import { rulesOf } from './rules.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html */
export function securityGroupFilters(db: Reader): FilterTable<SecurityGroupRow> {
  return {
    description: row => row.description,
    'group-id': row => row.groupId,
    'group-name': row => row.groupName,
    'owner-id': row => accountOf(row.owner),
    'vpc-id': row => row.vpcId,
    ...permissionFilters(db, 'ip-permission', false),
    ...permissionFilters(db, 'egress.ip-permission', true),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html */
export const securityGroupRuleFilters: FilterTable<SecurityGroupRuleRow> = {
  'group-id': row => row.groupId,
  'security-group-rule-id': row => row.securityGroupRuleId,
};

function permissionFilters(db: Reader, prefix: string, isEgress: boolean): FilterTable<SecurityGroupRow> {
  const peer = (rule: SecurityGroupRuleRow) =>
    rule.referencedGroupId === undefined ? undefined : db.get(securityGroups, rule.referencedGroupId);
  const ofRules =
    (read: (rule: SecurityGroupRuleRow) => string | undefined) =>
    (row: SecurityGroupRow): FilterValue =>
      rulesOf(db, row.groupId, isEgress).map(read);
  const table: FilterTable<SecurityGroupRow> = {
    cidr: ofRules(rule => rule.cidrIpv4),
    'from-port': ofRules(rule => (hasPorts(rule.ipProtocol) ? String(rule.fromPort) : undefined)),
    'group-id': ofRules(rule => rule.referencedGroupId),
    'group-name': ofRules(rule => peer(rule)?.groupName),
    'ipv6-cidr': ofRules(rule => rule.cidrIpv6),
    'prefix-list-id': ofRules(rule => rule.prefixListId),
    protocol: ofRules(rule => rule.ipProtocol),
    'to-port': ofRules(rule => (hasPorts(rule.ipProtocol) ? String(rule.toPort) : undefined)),
    'user-id': ofRules(rule =>
      rule.referencedGroupId === undefined ? undefined : (rule.peer?.userId ?? accountOf(rule.owner)),
    ),
  };
  return Object.fromEntries(Object.entries(table).map(([name, read]) => [`${prefix}.${name}`, read]));
}
