import type { Route, RouteTable } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { destinationOf, type RouteRow, type RouteTableAssociation, type RouteTableRow } from './model.ts';
import { routeState } from './targets.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTable.html */
export function renderRouteTable(db: Reader, row: RouteTableRow): RouteTable {
  return {
    RouteTableId: row.routeTableId,
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    Associations: row.associations.map(one => renderAssociation(row, one)),
    PropagatingVgws: [],
    Routes: allRoutes(db, row),
    Tags: tagList(db, row.routeTableId) ?? [],
  };
}

function renderAssociation(row: RouteTableRow, one: RouteTableAssociation) {
  return {
    Main: one.main,
    RouteTableAssociationId: one.associationId,
    RouteTableId: row.routeTableId,
    SubnetId: one.subnetId,
    GatewayId: one.gatewayId,
    AssociationState: { State: 'associated' as const },
  };
}

/** The blocks of a table's VPC, IPv4 first: every table has a route for each, which is `local` unless replaced. */
export function localBlocks(db: Reader, row: RouteTableRow): string[] {
  const vpc = db.get(vpcs, row.vpcId);
  return [
    ...(vpc?.cidrAssociations ?? []).map(one => one.cidrBlock),
    ...(vpc?.ipv6Associations ?? []).map(one => one.ipv6CidrBlock),
  ];
}

/** The routes to the VPC's own blocks, which every table has, and the table's own. */
export function allRoutes(db: Reader, row: RouteTableRow): Route[] {
  const own = new Set(row.routes.map(destinationOf));
  const local = localBlocks(db, row)
    .filter(block => !own.has(block))
    .map(
      (block): Route => ({
        ...(block.includes(':') ? { DestinationIpv6CidrBlock: block } : { DestinationCidrBlock: block }),
        GatewayId: 'local',
        Origin: 'CreateRouteTable',
        State: 'active',
      }),
    );
  return [...local, ...row.routes.map(one => renderRoute(db, row, one))];
}

function renderRoute(db: Reader, table: RouteTableRow, one: RouteRow): Route {
  const attachment =
    one.networkInterfaceId === undefined ? undefined : db.get(networkInterfaces, one.networkInterfaceId)?.attachment;
  return {
    DestinationCidrBlock: one.destinationCidrBlock,
    DestinationIpv6CidrBlock: one.destinationIpv6CidrBlock,
    DestinationPrefixListId: one.destinationPrefixListId,
    GatewayId: one.gatewayId,
    EgressOnlyInternetGatewayId: one.egressOnlyInternetGatewayId,
    NatGatewayId: one.natGatewayId,
    NetworkInterfaceId: one.networkInterfaceId,
    InstanceId: attachment?.instanceId,
    InstanceOwnerId: attachment && accountOf(table.owner),
    VpcPeeringConnectionId: one.vpcPeeringConnectionId,
    Origin: one.origin,
    State: routeState(db, table.vpcId, one),
  };
}

export function routeTableFilters(db: Reader): FilterTable<RouteTableRow> {
  const of = (read: (route: Route) => string | undefined) => (row: RouteTableRow) => allRoutes(db, row).map(read);
  return {
    'association.gateway-id': row => row.associations.map(one => one.gatewayId),
    'association.route-table-association-id': row => row.associations.map(one => one.associationId),
    'association.route-table-id': row => row.associations.map(() => row.routeTableId),
    'association.subnet-id': row => row.associations.map(one => one.subnetId),
    'association.main': row => row.associations.map(one => String(one.main)),
    'owner-id': row => accountOf(row.owner),
    'route-table-id': row => row.routeTableId,
    'route.destination-cidr-block': of(one => one.DestinationCidrBlock),
    'route.destination-ipv6-cidr-block': of(one => one.DestinationIpv6CidrBlock),
    'route.destination-prefix-list-id': of(one => one.DestinationPrefixListId),
    'route.egress-only-internet-gateway-id': of(one => one.EgressOnlyInternetGatewayId),
    'route.gateway-id': of(one => one.GatewayId),
    'route.instance-id': of(one => one.InstanceId),
    'route.nat-gateway-id': of(one => one.NatGatewayId),
    'route.transit-gateway-id': () => undefined,
    'route.origin': of(one => one.Origin),
    'route.state': of(one => one.State),
    'route.vpc-peering-connection-id': of(one => one.VpcPeeringConnectionId),
    'vpc-id': row => row.vpcId,
  };
}
