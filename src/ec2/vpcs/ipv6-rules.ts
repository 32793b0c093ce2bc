import { newId } from '../../api/ids.ts';
import type { Tx } from '../../state/state.ts';
import { entriesOfAcl, networkAcls } from '../network-acls/model.ts';
import { securityGroupRules, securityGroups } from '../security-groups/model.ts';
import type { VpcRow } from './model.ts';

/**
 * What EC2 opens when a VPC gets its first IPv6 block: all traffic in a default network ACL that lets all of IPv4 pass,
 * and all outbound traffic of security groups that let all of IPv4 out. Rules that were changed stay as they are.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
 */
export function allowIpv6(tx: Tx, vpc: VpcRow): void {
  for (const acl of tx.by(networkAcls, 'vpc', vpc.vpcId)) {
    if (!acl.isDefault) continue;
    const entries = entriesOfAcl(acl);
    const added = [true, false].flatMap(egress => {
      const own = entries.filter(one => one.egress === egress);
      const open = own.length === 1 && own[0]?.cidrBlock === '0.0.0.0/0' && own[0].ruleAction === 'allow';
      return open
        ? [{ ruleNumber: 101, egress, protocol: -1, ruleAction: 'allow' as const, ipv6CidrBlock: '::/0' }]
        : [];
    });
    tx.put(networkAcls, { ...acl, entries: [...entries, ...added] });
  }
  for (const group of tx.by(securityGroups, 'vpc', vpc.vpcId)) {
    const egress = tx.by(securityGroupRules, 'group', group.groupId).filter(one => one.isEgress);
    const [only] = egress;
    if (egress.length !== 1 || only?.cidrIpv4 !== '0.0.0.0/0' || only.ipProtocol !== '-1') continue;
    tx.put(securityGroupRules, {
      securityGroupRuleId: newId('sgr'),
      owner: group.owner,
      groupId: group.groupId,
      isEgress: true,
      ipProtocol: '-1',
      fromPort: -1,
      toPort: -1,
      cidrIpv6: '::/0',
    });
  }
}
