import type { IpPermission, RevokedSecurityGroupRule, SecurityGroup, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroups } from './model.ts';
import type { RuleSpecification } from './permissions.ts';
import { hasPorts } from './protocols.ts';
import { rulesOf } from './rules.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroup.html */
export function renderSecurityGroup(db: Reader, row: SecurityGroupRow): SecurityGroup {
  return {
    GroupId: row.groupId,
    SecurityGroupArn: groupArn(row.owner, row.groupId),
    GroupName: row.groupName,
    Description: row.description,
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    IpPermissions: renderPermissions(db, row.owner, rulesOf(db, row.groupId, false)),
    IpPermissionsEgress: renderPermissions(db, row.owner, rulesOf(db, row.groupId, true)),
    Tags: tagList(db, row.groupId),
  };
}

export function groupArn(owner: string, groupId: string): string {
  return arn({ account: accountOf(owner), region: regionOf(owner) }, 'security-group', groupId);
}

type Lists = 'IpRanges' | 'Ipv6Ranges' | 'PrefixListIds' | 'UserIdGroupPairs';
type Merged = IpPermission & { [Name in Lists]-?: NonNullable<IpPermission[Name]> };

/** Rules as permissions: those of one protocol and port range together, as EC2 shows them. */
export function renderPermissions(db: Reader, owner: string, rules: readonly RuleSpecification[]): IpPermission[] {
  const merged = new Map<string, Merged>();
  for (const rule of rules) {
    const key = `${rule.ipProtocol} ${rule.fromPort} ${rule.toPort}`;
    const permission = merged.get(key) ?? emptyPermission(rule);
    merged.set(key, permission);
    const Description = rule.description;
    if (rule.cidrIpv4 !== undefined) permission.IpRanges.push({ CidrIp: rule.cidrIpv4, Description });
    if (rule.cidrIpv6 !== undefined) permission.Ipv6Ranges.push({ CidrIpv6: rule.cidrIpv6, Description });
    if (rule.prefixListId !== undefined)
      permission.PrefixListIds.push({ PrefixListId: rule.prefixListId, Description });
    if (rule.referencedGroupId !== undefined) {
      permission.UserIdGroupPairs.push({ ...renderReference(db, owner, rule), Description });
    }
  }
  return [...merged.values()];
}

/** The group that a rule refers to; for one of a peered VPC, also where it is. */
export function renderReference(db: Reader, owner: string, { referencedGroupId, peer }: RuleSpecification) {
  if (peer === undefined) {
    const referenced = referencedGroupId === undefined ? undefined : db.get(securityGroups, referencedGroupId);
    return { GroupId: referencedGroupId, UserId: accountOf(referenced?.owner ?? owner) };
  }
  return {
    GroupId: referencedGroupId,
    UserId: peer.userId,
    VpcId: peer.vpcId,
    VpcPeeringConnectionId: peer.vpcPeeringConnectionId,
    PeeringStatus: db.get(vpcPeeringConnections, peer.vpcPeeringConnectionId)?.status ?? 'deleted',
  };
}

function emptyPermission(rule: RuleSpecification): Merged {
  const ports = hasPorts(rule.ipProtocol) ? { FromPort: rule.fromPort, ToPort: rule.toPort } : {};
  return {
    IpProtocol: rule.ipProtocol,
    ...ports,
    IpRanges: [],
    Ipv6Ranges: [],
    PrefixListIds: [],
    UserIdGroupPairs: [],
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html */
export function renderRule(db: Reader, row: SecurityGroupRuleRow): SecurityGroupRule {
  const account = accountOf(row.owner);
  return {
    SecurityGroupRuleId: row.securityGroupRuleId,
    SecurityGroupRuleArn: arn({ account, region: regionOf(row.owner) }, 'security-group-rule', row.securityGroupRuleId),
    GroupId: row.groupId,
    GroupOwnerId: account,
    IsEgress: row.isEgress,
    IpProtocol: row.ipProtocol,
    FromPort: row.fromPort,
    ToPort: row.toPort,
    CidrIpv4: row.cidrIpv4,
    CidrIpv6: row.cidrIpv6,
    PrefixListId: row.prefixListId,
    ReferencedGroupInfo: row.referencedGroupId === undefined ? undefined : renderReference(db, row.owner, row),
    Description: row.description,
    Tags: tagList(db, row.securityGroupRuleId) ?? [],
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokedSecurityGroupRule.html */
export function renderRevokedRule(row: SecurityGroupRuleRow): RevokedSecurityGroupRule {
  return {
    SecurityGroupRuleId: row.securityGroupRuleId,
    GroupId: row.groupId,
    IsEgress: row.isEgress,
    IpProtocol: row.ipProtocol,
    FromPort: row.fromPort,
    ToPort: row.toPort,
    CidrIpv4: row.cidrIpv4,
    CidrIpv6: row.cidrIpv6,
    PrefixListId: row.prefixListId,
    ReferencedGroupId: row.referencedGroupId,
    Description: row.description,
  };
}
