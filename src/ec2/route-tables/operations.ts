import type {
  CreateRouteTableRequest,
  CreateRouteTableResult,
  DeleteRouteTableRequest,
  DescribeRouteTablesRequest,
  DescribeRouteTablesResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { associationOperations } from './associations.ts';
import { type RouteTableRow, routeTables } from './model.ts';
import { renderRouteTable, routeTableFilters } from './render.ts';
import { routeOperations } from './routes.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html */
const createRouteTable = writeOperation<CreateRouteTableRequest, CreateRouteTableResult>({
  service: 'ec2',
  name: 'CreateRouteTable',
  resources: (input, context) => [arn(context, 'route-table'), arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db, owner } = context;
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const tags = parseTagSpecifications(input.TagSpecifications, ['route-table'])['route-table'] ?? {};
    const present = db.countBy(routeTables, 'vpc', vpcId);
    checkLimit(present, networkLimits.routeTablesPerVpc, 'RouteTableLimitExceeded', `route tables of ${vpcId}`);
    const row: RouteTableRow = { routeTableId: newId('rtb'), owner, vpcId, associations: [], routes: [] };
    db.put(routeTables, row);
    addTags(db, { resourceId: row.routeTableId, resourceType: 'route-table', owner }, tags);
    return { RouteTable: renderRouteTable(db, row), ClientToken: input.ClientToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html */
const deleteRouteTable = writeOperation<DeleteRouteTableRequest, object>({
  service: 'ec2',
  name: 'DeleteRouteTable',
  resources: (input, context) => [arn(context, 'route-table', input.RouteTableId)],
  run: (input, context) => {
    const row = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    if (row.associations.length > 0) {
      throw new ApiError(
        'DependencyViolation',
        `The routeTable '${row.routeTableId}' has dependencies and cannot be deleted.`,
      );
    }
    context.db.delete(routeTables, row.routeTableId);
    removeAllTags(context.db, row.routeTableId);
    return {};
  },
});

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
      indexed: {
        'vpc-id': 'vpc',
        'association.subnet-id': 'subnet',
        'association.gateway-id': 'gateway',
        'association.route-table-association-id': 'association',
      },
      range: [5, 100],
    });
    return { RouteTables: page.rows.map(row => renderRouteTable(context.db, row)), NextToken: page.nextToken };
  },
});

export const routeTableOperations: readonly AnyOperation[] = [
  createRouteTable,
  deleteRouteTable,
  describeRouteTables,
  ...routeOperations,
  ...associationOperations,
];
