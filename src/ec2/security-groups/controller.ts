import type { Controller } from '../../controllers/controllers.ts';
import type { Reader } from '../../state/state.ts';
import type { Network } from '../network-interfaces/network.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroupRules, securityGroups } from './model.ts';

/** Brings changed rules to the packets. Ids are `VPC GROUP`. Groups first reach the fabric with their interfaces. */
export function securityGroupController(db: Reader, network: Network): Controller {
  return {
    name: 'security-groups',
    watch: change => {
      if (change.table === securityGroups.name) {
        const row = (change.after ?? change.before) as SecurityGroupRow;
        return [`${row.vpcId} ${row.groupId}`];
      }
      if (change.table === prefixLists.name) {
        const users = new Set(db.by(securityGroupRules, 'prefixList', change.key).map(rule => rule.groupId));
        return [...users].flatMap(id => db.get(securityGroups, id) ?? []).map(row => `${row.vpcId} ${row.groupId}`);
      }
      if (change.table === vpcPeeringConnections.name) {
        // Rules that refer to groups at the other end begin or cease to let anything pass.
        const users = new Set(db.by(securityGroupRules, 'peering', change.key).map(rule => rule.groupId));
        return [...users].flatMap(id => db.get(securityGroups, id) ?? []).map(row => `${row.vpcId} ${row.groupId}`);
      }
      if (change.table !== securityGroupRules.name) return [];
      const rule = (change.after ?? change.before) as SecurityGroupRuleRow;
      const group = db.get(securityGroups, rule.groupId);
      return group === undefined ? [] : [`${group.vpcId} ${group.groupId}`];
    },
    initial: () => [],
    reconcile: async id => {
      const [vpcId = '', groupId = ''] = id.split(' ');
      await network.reconcileGroup(vpcId, groupId);
      return undefined;
    },
  };
}
