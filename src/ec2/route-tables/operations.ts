import type { DescribeRouteTablesRequest, DescribeRouteTablesResult, Route, RouteTable } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type RouteTableRow, routeTables } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTable.html */
export function renderRouteTable(db: Reader, row: RouteTableRow): RouteTable {
  return {
    RouteTableId: row.routeTableId,
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    Associations: row.associations.map(one => ({
      Main: one.main,
      RouteTableAssociationId: one.associationId,
      RouteTableId: row.routeTableId,
      SubnetId: one.subnetId,
      AssociationState: { State: 'associated' },
    })),
    PropagatingVgws: [],
    Routes: allRoutes(db, row),
    Tags: tagList(db, row.routeTableId) ?? [],
  };
}

/** The routes to the VPC's own blocks, which every table has, and the table's own. */
function allRoutes(db: Reader, row: RouteTableRow): Route[] {
  const local: Route[] = (db.get(vpcs, row.vpcId)?.cidrAssociations ?? []).map(one => ({
    DestinationCidrBlock: one.cidrBlock,
    GatewayId: 'local',
    Origin: 'CreateRouteTable',
    State: 'active',
  }));
  const own: Route[] = row.routes.map(one => ({
    DestinationCidrBlock: one.destinationCidrBlock,
    GatewayId: one.gatewayId,
    Origin: one.origin,
    State: one.state,
  }));
  return [...local, ...own];
}

function routeTableFilters(db: Reader): FilterTable<RouteTableRow> {
  return {
    'association.gateway-id': () => undefined,
    'association.route-table-association-id': row => row.associations.map(one => one.associationId),
    'association.route-table-id': row => row.associations.map(() => row.routeTableId),
    'association.subnet-id': row => row.associations.map(one => one.subnetId),
    'association.main': row => row.associations.map(one => String(one.main)),
    'owner-id': row => accountOf(row.owner),
    'route-table-id': row => row.routeTableId,
    'route.destination-cidr-block': row => allRoutes(db, row).map(one => one.DestinationCidrBlock),
    'route.destination-ipv6-cidr-block': () => undefined,
    'route.destination-prefix-list-id': () => undefined,
    'route.egress-only-internet-gateway-id': () => undefined,
    'route.gateway-id': row => allRoutes(db, row).map(one => one.GatewayId),
    'route.instance-id': () => undefined,
    'route.nat-gateway-id': () => undefined,
    'route.transit-gateway-id': () => undefined,
    'route.origin': row => allRoutes(db, row).map(one => one.Origin),
    'route.state': row => allRoutes(db, row).map(one => one.State),
    'route.vpc-peering-connection-id': () => undefined,
    'vpc-id': row => row.vpcId,
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html */
const describeRouteTables = readOperation<DescribeRouteTablesRequest, DescribeRouteTablesResult>({
  service: 'ec2',
  name: 'DescribeRouteTables',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: routeTables,
      kind: idKinds.routeTable,
      ids: input.RouteTableIds,
      filters: routeTableFilters(context.db),
      keyFilter: 'route-table-id',
      indexed: { 'vpc-id': 'vpc', 'association.subnet-id': 'subnet' },
      range: [5, 100],
    });
    return { RouteTables: page.rows.map(row => renderRouteTable(context.db, row)), NextToken: page.nextToken };
  },
});

export const routeTableOperations: readonly AnyOperation[] = [describeRouteTables];
