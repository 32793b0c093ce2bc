import { defineTable } from '../../state/table.ts';

/** A route of a table: exactly one destination and one target. */
export interface RouteRow {
  readonly destinationCidrBlock?: string;
  readonly destinationIpv6CidrBlock?: string;
  readonly destinationPrefixListId?: string;
  /** An internet gateway, or a gateway endpoint. */
  readonly gatewayId?: string;
  readonly egressOnlyInternetGatewayId?: string;
  readonly natGatewayId?: string;
  readonly networkInterfaceId?: string;
  readonly vpcPeeringConnectionId?: string;
  readonly origin: 'CreateRouteTable' | 'CreateRoute';
}

export interface RouteTableAssociation {
  readonly associationId: string;
  readonly main: boolean;
  readonly subnetId?: string;
  /** An internet gateway: the table routes what comes in through it. */
  readonly gatewayId?: string;
}

export interface RouteTableRow {
  readonly routeTableId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly associations: readonly RouteTableAssociation[];
  /** Besides the VPC's own prefixes, which are `local` unless a route here replaces that. */
  readonly routes: readonly RouteRow[];
}

/** What a route leads to. */
export function targetOf(route: RouteRow): string | undefined {
  return (
    route.gatewayId ??
    route.natGatewayId ??
    route.networkInterfaceId ??
    route.vpcPeeringConnectionId ??
    route.egressOnlyInternetGatewayId
  );
}

/** What a route is for: an IPv4 block, an IPv6 block or a prefix list's id. */
export function destinationOf(route: RouteRow): string {
  return route.destinationCidrBlock ?? route.destinationIpv6CidrBlock ?? route.destinationPrefixListId ?? '';
}

export const routeTables = defineTable<RouteTableRow>()({
  name: 'route_tables',
  key: row => row.routeTableId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    subnet: row => row.associations.flatMap(one => (one.subnetId === undefined ? [] : [one.subnetId])),
    gateway: row => row.associations.flatMap(one => (one.gatewayId === undefined ? [] : [one.gatewayId])),
    main: row => (row.associations.some(one => one.main) ? row.vpcId : undefined),
    association: row => row.associations.map(one => one.associationId),
    /** What its routes lead to. */
    target: row => [...new Set(row.routes.flatMap(one => targetOf(one) ?? []))],
    prefixList: row => row.routes.flatMap(one => one.destinationPrefixListId ?? []),
  },
});
