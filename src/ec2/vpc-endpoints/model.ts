import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import type { GatewayService } from '../prefix-lists/aws.ts';
import { type RouteTableRow, routeTables } from '../route-tables/model.ts';

/**
 * A gateway endpoint. Its route tables are those that have a route to it. Times are milliseconds since the epoch.
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
 */
export interface VpcEndpointRow {
  readonly vpcEndpointId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly service: GatewayService;
  /** JSON as it was given; everything is allowed without one. */
  readonly policyDocument?: string;
  readonly createTime: number;
}

export const vpcEndpoints = defineTable<VpcEndpointRow>()({
  name: 'vpc_endpoints',
  key: row => row.vpcEndpointId,
  indexes: { owner: row => row.owner, vpc: row => row.vpcId },
});

export function tablesOf(db: Reader, row: VpcEndpointRow): RouteTableRow[] {
  return db.by(routeTables, 'target', row.vpcEndpointId);
}

/** @see https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html#default-endpoint-policy */
export const defaultPolicy = JSON.stringify({
  Version: '2008-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
});
