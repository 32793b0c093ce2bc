import type { Reader } from '../../state/state.ts';
import { routeTables } from '../route-tables/model.ts';
import { securityGroupRules, securityGroups } from '../security-groups/model.ts';

/** What refers to a prefix list: security groups and route tables, each once. */
export function usersOf(db: Reader, prefixListId: string): { resourceId: string; owner: string }[] {
  const groups = new Set(db.by(securityGroupRules, 'prefixList', prefixListId).map(rule => rule.groupId));
  return [
    ...[...groups]
      .flatMap(id => db.get(securityGroups, id) ?? [])
      .map(row => ({ resourceId: row.groupId, owner: row.owner })),
    ...db.by(routeTables, 'prefixList', prefixListId).map(row => ({ resourceId: row.routeTableId, owner: row.owner })),
  ];
}
