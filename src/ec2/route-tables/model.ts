import { defineTable } from '../../state/table.ts';

export interface RouteTableRow {
  readonly routeTableId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly associations: readonly {
    readonly associationId: string;
    readonly main: boolean;
    readonly subnetId?: string;
  }[];
  /** Besides the VPC's own prefixes, which are always `local`. */
  readonly routes: readonly {
    readonly destinationCidrBlock: string;
    readonly gatewayId: string;
    readonly origin: 'CreateRouteTable' | 'CreateRoute';
    readonly state: 'active' | 'blackhole';
  }[];
}

export const routeTables = defineTable<RouteTableRow>()({
  name: 'route_tables',
  key: row => row.routeTableId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    subnet: row => row.associations.flatMap(one => (one.subnetId === undefined ? [] : [one.subnetId])),
    main: row => (row.associations.some(one => one.main) ? row.vpcId : undefined),
  },
});
