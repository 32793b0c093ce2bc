import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { WriteContext } from '../../api/operation.ts';
import { awsPrefixListId } from '../prefix-lists/aws.ts';
import { type RouteTableRow, routeTables } from '../route-tables/model.ts';
import type { VpcEndpointRow } from './model.ts';

/**
 * Gives route tables a route to an endpoint; those that have it keep it.
 * @throws ApiError `InvalidRouteTableId.Malformed`, `InvalidRouteTableID.NotFound`, `InvalidParameter` (another VPC's),
 *   `RouteAlreadyExists` (the service is reached otherwise).
 */
export function addRoutes(context: WriteContext, endpoint: VpcEndpointRow, tableIds: readonly string[]): void {
  const prefixListId = awsPrefixListId(context.region, endpoint.service);
  for (const id of new Set(tableIds)) {
    const table = findTable(context, endpoint, id);
    const present = table.routes.find(one => one.destinationPrefixListId === prefixListId);
    if (present?.gatewayId === endpoint.vpcEndpointId) continue;
    if (present !== undefined) {
      throw new ApiError(
        'RouteAlreadyExists',
        `route table ${id} already has a route with destination-prefix-list-id ${prefixListId}`,
      );
    }
    const route = {
      destinationPrefixListId: prefixListId,
      gatewayId: endpoint.vpcEndpointId,
      origin: 'CreateRoute',
    } as const;
    context.db.put(routeTables, { ...table, routes: [...table.routes, route] });
  }
}

/** Takes routes to an endpoint away. @throws ApiError as `addRoutes`. */
export function removeRoutes(context: WriteContext, endpoint: VpcEndpointRow, tableIds: readonly string[]): void {
  for (const id of new Set(tableIds)) {
    const table = findTable(context, endpoint, id);
    context.db.put(routeTables, {
      ...table,
      routes: table.routes.filter(one => one.gatewayId !== endpoint.vpcEndpointId),
    });
  }
}

function findTable(context: WriteContext, endpoint: VpcEndpointRow, id: string): RouteTableRow {
  const table = findById(context, routeTables, idKinds.routeTable, id);
  if (table.vpcId !== endpoint.vpcId) {
    throw new ApiError('InvalidParameter', `Route table ${id} and VPC ${endpoint.vpcId} belong to different networks.`);
  }
  if (table.associations.some(one => one.gatewayId !== undefined)) {
    throw new ApiError('InvalidParameter', `Route table ${id} is a gateway's: endpoints cannot be its targets.`);
  }
  return table;
}
