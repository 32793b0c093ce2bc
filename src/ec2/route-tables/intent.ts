import type { RouteIntent, RouteTarget } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { currentEntries } from '../prefix-lists/model.ts';
import { destinationOf, type RouteRow, type RouteTableRow } from './model.ts';
import { routeState } from './targets.ts';

/**
 * The routes of a table as packets meet them: prefix lists as their entries, what leads nowhere as a blackhole. A route
 * for a block of its own wins over one of a prefix list for the same block.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
 */
export function routeIntents(db: Reader, table: RouteTableRow | undefined): RouteIntent[] {
  const byDestination = new Map<string, RouteTarget>();
  for (const route of table?.routes ?? []) {
    const target = targetIntent(db, table?.vpcId ?? '', route);
    if (route.destinationPrefixListId === undefined) byDestination.set(destinationOf(route), target);
  }
  for (const route of table?.routes ?? []) {
    if (route.destinationPrefixListId === undefined) continue;
    const target = targetIntent(db, table?.vpcId ?? '', route);
    for (const { cidr } of currentEntries(db, route.destinationPrefixListId))
      if (!byDestination.has(cidr)) byDestination.set(cidr, target);
  }
  return [...byDestination].map(([destination, target]) => ({ destination, target }));
}

function targetIntent(db: Reader, vpcId: string, route: RouteRow): RouteTarget {
  if (routeState(db, vpcId, route) === 'blackhole') return 'blackhole';
  // Behind gateway endpoints is nothing that packets could reach.
  if (route.gatewayId !== undefined) return route.gatewayId.startsWith('igw-') ? 'internet-gateway' : 'blackhole';
  if (route.egressOnlyInternetGatewayId !== undefined) return 'egress-only-internet-gateway';
  if (route.networkInterfaceId !== undefined) return { networkInterfaceId: route.networkInterfaceId };
  if (route.natGatewayId !== undefined) return { natGatewayId: route.natGatewayId };
  if (route.vpcPeeringConnectionId !== undefined) return { vpcPeeringConnectionId: route.vpcPeeringConnectionId };
  return 'blackhole';
}
