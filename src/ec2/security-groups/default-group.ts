import { newId } from '../../api/ids.ts';
import type { Tx } from '../../state/state.ts';
import { securityGroupRules, securityGroups } from './model.ts';

/** The group `default` of a new VPC: everything from its own members comes in, everything goes out. */
export function createDefaultGroup(tx: Tx, owner: string, vpcId: string): string {
  const groupId = newId('sg');
  tx.put(securityGroups, { groupId, owner, vpcId, groupName: 'default', description: 'default VPC security group' });
  tx.put(securityGroupRules, {
    securityGroupRuleId: newId('sgr'),
    owner,
    groupId,
    isEgress: false,
    ipProtocol: '-1',
    fromPort: -1,
    toPort: -1,
    referencedGroupId: groupId,
  });
  allowAllEgress(tx, owner, groupId);
  return groupId;
}

/** The egress rule that every new group begins with. */
export function allowAllEgress(tx: Tx, owner: string, groupId: string): void {
  tx.put(securityGroupRules, {
    securityGroupRuleId: newId('sgr'),
    owner,
    groupId,
    isEgress: true,
    ipProtocol: '-1',
    fromPort: -1,
    toPort: -1,
    cidrIpv4: '0.0.0.0/0',
  });
}
