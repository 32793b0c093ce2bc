import type {
  AssociateRouteTableRequest,
  AssociateRouteTableResult,
  DisassociateRouteTableRequest,
  ReplaceRouteTableAssociationRequest,
  ReplaceRouteTableAssociationResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, writeOperation } from '../../api/operation.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { subnets } from '../subnets/model.ts';
import { type RouteTableAssociation, type RouteTableRow, routeTables } from './model.ts';
import { differentNetwork } from './targets.ts';

const associated = { State: 'associated' } as const;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html */
const associateRouteTable = writeOperation<AssociateRouteTableRequest, AssociateRouteTableResult>({
  service: 'ec2',
  name: 'AssociateRouteTable',
  resources: (input, context) => [
    arn(context, 'route-table', input.RouteTableId),
    ...(input.SubnetId === undefined ? [] : [arn(context, 'subnet', input.SubnetId)]),
    ...(input.GatewayId === undefined ? [] : [arn(context, 'internet-gateway', input.GatewayId)]),
  ],
  run: (input, context) => {
    const { db } = context;
    if (input.PublicIpv4Pool !== undefined)
      throw new ApiError('UnsupportedOperation', 'Route tables of public IPv4 pools are not supported.');
    const table = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    const place = placeOf(context, table, input);
    const taken =
      place.subnetId === undefined
        ? db.firstBy(routeTables, 'gateway', place.gatewayId ?? '')
        : db.firstBy(routeTables, 'subnet', place.subnetId);
    const same = taken?.associations.find(
      one => one.subnetId === place.subnetId && one.gatewayId === place.gatewayId && !one.main,
    );
    if (same !== undefined && taken?.routeTableId === table.routeTableId)
      return { AssociationId: same.associationId, AssociationState: associated };
    if (same !== undefined) {
      throw new ApiError(
        'Resource.AlreadyAssociated',
        `the specified association for route table ${table.routeTableId} conflicts with an existing association`,
      );
    }
    if (place.gatewayId !== undefined) checkEdgeTable(table);
    const association: RouteTableAssociation = { associationId: newId('rtbassoc'), main: false, ...place };
    db.put(routeTables, { ...table, associations: [...table.associations, association] });
    return { AssociationId: association.associationId, AssociationState: associated };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html */
const disassociateRouteTable = writeOperation<DisassociateRouteTableRequest, object>({
  service: 'ec2',
  name: 'DisassociateRouteTable',
  resources: (input, context) => associationArns(context, input.AssociationId),
  run: (input, context) => {
    const { table, association } = findAssociation(context, input.AssociationId ?? '');
    if (association.main) {
      throw new ApiError(
        'InvalidParameterValue',
        'cannot disassociate the main route table association. Use ReplaceRouteTableAssociation to choose another main table.',
      );
    }
    context.db.put(routeTables, { ...table, associations: table.associations.filter(one => one !== association) });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html */
const replaceRouteTableAssociation = writeOperation<
  ReplaceRouteTableAssociationRequest,
  ReplaceRouteTableAssociationResult
>({
  service: 'ec2',
  name: 'ReplaceRouteTableAssociation',
  resources: (input, context) => [
    arn(context, 'route-table', input.RouteTableId),
    ...associationArns(context, input.AssociationId).filter(one => one !== '*'),
  ],
  run: (input, context) => {
    const { db } = context;
    const { table, association } = findAssociation(context, input.AssociationId ?? '');
    const next = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    if (next.vpcId !== table.vpcId) throw differentNetwork(next.routeTableId, association.subnetId ?? table.vpcId);
    if (next.routeTableId === table.routeTableId)
      return { NewAssociationId: association.associationId, AssociationState: associated };
    if (association.gatewayId !== undefined) checkEdgeTable(next);
    const moved: RouteTableAssociation = { ...association, associationId: newId('rtbassoc') };
    db.put(routeTables, { ...table, associations: table.associations.filter(one => one !== association) });
    db.put(routeTables, { ...next, associations: [...next.associations, moved] });
    return { NewAssociationId: moved.associationId, AssociationState: associated };
  },
});

type Place = Pick<RouteTableAssociation, 'subnetId' | 'gatewayId'>;

function placeOf(context: ReadContext, table: RouteTableRow, input: AssociateRouteTableRequest): Place {
  if ((input.SubnetId === undefined) === (input.GatewayId === undefined)) {
    throw new ApiError(
      input.SubnetId === undefined ? 'MissingParameter' : 'InvalidParameterCombination',
      'Give either a subnetId or a gatewayId.',
    );
  }
  if (input.SubnetId !== undefined) {
    const subnet = findById(context, subnets, idKinds.subnet, input.SubnetId);
    if (subnet.vpcId !== table.vpcId) throw differentNetwork(table.routeTableId, subnet.subnetId);
    return { subnetId: subnet.subnetId };
  }
  const gateway = findById(context, internetGateways, idKinds.internetGateway, input.GatewayId ?? '');
  if (gateway.vpcId !== table.vpcId) throw differentNetwork(table.routeTableId, gateway.internetGatewayId);
  return { gatewayId: gateway.internetGatewayId };
}

/**
 * A table of an internet gateway leads what comes in to interfaces of the VPC, or to where it is addressed.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/gateway-route-tables.html
 */
function checkEdgeTable(table: RouteTableRow): void {
  const other = table.routes.find(one => one.networkInterfaceId === undefined);
  if (other !== undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `The route table ${table.routeTableId} has routes that a gateway's table cannot have: only network interfaces may be their targets.`,
    );
  }
}

function findAssociation(
  context: ReadContext,
  associationId: string,
): { table: RouteTableRow; association: RouteTableAssociation } {
  const table = context.db.firstBy(routeTables, 'association', associationId);
  const association = table?.associations.find(one => one.associationId === associationId);
  if (table === undefined || table.owner !== context.owner || association === undefined) {
    throw new ApiError('InvalidAssociationID.NotFound', `The association ID '${associationId}' does not exist`);
  }
  return { table, association };
}

/** What an association joins; `*` when there is none such. */
function associationArns(context: ReadContext, associationId: string | undefined): string[] {
  const table = context.db.firstBy(routeTables, 'association', associationId ?? '');
  if (table === undefined || table.owner !== context.owner) return ['*'];
  const one = table.associations.find(association => association.associationId === associationId);
  return [
    arn(context, 'route-table', table.routeTableId),
    ...(one?.subnetId === undefined ? [] : [arn(context, 'subnet', one.subnetId)]),
    ...(one?.gatewayId === undefined ? [] : [arn(context, 'internet-gateway', one.gatewayId)]),
  ];
}

export const associationOperations: readonly AnyOperation[] = [
  associateRouteTable,
  disassociateRouteTable,
  replaceRouteTableAssociation,
];
