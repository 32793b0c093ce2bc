import type {
  CreateRouteRequest,
  CreateRouteResult,
  DeleteRouteRequest,
  DisableVgwRoutePropagationRequest,
  EnableVgwRoutePropagationRequest,
  ReplaceRouteRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, writeOperation } from '../../api/operation.ts';
import { formatCidr, inside, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr, inside6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { findAwsPrefixList } from '../prefix-lists/aws.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { destinationOf, type RouteRow, type RouteTableRow, routeTables } from './model.ts';
import { localBlocks } from './render.ts';
import { findTarget, type Target } from './targets.ts';

interface DestinationInput {
  readonly DestinationCidrBlock?: string | undefined;
  readonly DestinationIpv6CidrBlock?: string | undefined;
  readonly DestinationPrefixListId?: string | undefined;
}

type Destination = Pick<RouteRow, 'destinationCidrBlock' | 'destinationIpv6CidrBlock' | 'destinationPrefixListId'>;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html */
const createRoute = writeOperation<CreateRouteRequest, CreateRouteResult>({
  service: 'ec2',
  name: 'CreateRoute',
  resources: (input, context) => [arn(context, 'route-table', input.RouteTableId)],
  run: (input, context) => {
    const table = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    const destination = parseDestination(context, input);
    refuseAwsList(context, destination);
    const target = findTarget(context, table.vpcId, input, weightOf(context, destination).ipv6);
    if (target === 'local')
      throw new ApiError('InvalidParameterValue', "The target local cannot be created: the VPC's own blocks have it.");
    const id = destinationOf(destination as RouteRow);
    if (localBlocks(context.db, table).includes(id) || table.routes.some(one => destinationOf(one) === id)) {
      throw new ApiError('RouteAlreadyExists', `The route identified by ${id} already exists.`);
    }
    checkTarget(context, table, destination, target);
    checkEdge(table, target);
    const added = weightOf(context, destination);
    const present = table.routes.reduce((sum, one) => {
      const weight = weightOf(context, one);
      return weight.ipv6 === added.ipv6 ? sum + weight.routes : sum;
    }, added.routes - 1);
    checkLimit(present, networkLimits.routesPerTable, 'RouteLimitExceeded', `routes of ${table.routeTableId}`);
    context.db.put(routeTables, {
      ...table,
      routes: [...table.routes, { ...destination, ...target, origin: 'CreateRoute' }],
    });
    return { Return: true };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html */
const replaceRoute = writeOperation<ReplaceRouteRequest, object>({
  service: 'ec2',
  name: 'ReplaceRoute',
  resources: (input, context) => [arn(context, 'route-table', input.RouteTableId)],
  run: (input, context) => {
    const table = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    const destination = parseDestination(context, input);
    const target = findTarget(context, table.vpcId, input, weightOf(context, destination).ipv6);
    const id = destinationOf(destination as RouteRow);
    const isLocal = localBlocks(context.db, table).includes(id);
    refuseEndpointRoute(table, id);
    const others = table.routes.filter(one => destinationOf(one) !== id);
    if (!isLocal && others.length === table.routes.length) throw routeNotFound(table, id, 'InvalidParameterValue');
    if (target === 'local') {
      if (!isLocal)
        throw new ApiError('InvalidParameterValue', `Only the VPC's own blocks can be local; ${id} is none.`);
      context.db.put(routeTables, { ...table, routes: others });
      return {};
    }
    checkTarget(context, table, destination, target);
    checkEdge(table, target);
    const changed: RouteRow = { ...destination, ...target, origin: 'CreateRoute' };
    const at = table.routes.findIndex(one => destinationOf(one) === id);
    context.db.put(routeTables, {
      ...table,
      routes: at < 0 ? [...table.routes, changed] : table.routes.map((one, index) => (index === at ? changed : one)),
    });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRoute.html */
const deleteRoute = writeOperation<DeleteRouteRequest, object>({
  service: 'ec2',
  name: 'DeleteRoute',
  resources: (input, context) => [arn(context, 'route-table', input.RouteTableId)],
  run: (input, context) => {
    const table = findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
    const id = destinationOf(parseDestination(context, input) as RouteRow);
    if (localBlocks(context.db, table).includes(id)) {
      throw new ApiError(
        'InvalidParameterValue',
        `cannot remove local route ${id} in route table ${table.routeTableId}`,
      );
    }
    refuseEndpointRoute(table, id);
    const routes = table.routes.filter(one => destinationOf(one) !== id);
    if (routes.length === table.routes.length) throw routeNotFound(table, id, 'InvalidRoute.NotFound');
    context.db.put(routeTables, { ...table, routes });
    return {};
  },
});

/**
 * Routes are propagated by virtual private gateways, of which there are none.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableVgwRoutePropagation.html
 */
const enableVgwRoutePropagation = writeOperation<EnableVgwRoutePropagationRequest, object>({
  service: 'ec2',
  name: 'EnableVgwRoutePropagation',
  resources: propagationArns,
  run: noGateway,
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableVgwRoutePropagation.html */
const disableVgwRoutePropagation = writeOperation<DisableVgwRoutePropagationRequest, object>({
  service: 'ec2',
  name: 'DisableVgwRoutePropagation',
  resources: propagationArns,
  run: noGateway,
});

function propagationArns(input: EnableVgwRoutePropagationRequest, context: ReadContext): string[] {
  return [arn(context, 'route-table', input.RouteTableId), arn(context, 'vpn-gateway', input.GatewayId)];
}

function noGateway(input: EnableVgwRoutePropagationRequest, context: ReadContext): never {
  findById(context, routeTables, idKinds.routeTable, input.RouteTableId ?? '');
  throw new ApiError(
    'InvalidVpnGatewayID.NotFound',
    `The vpnGateway ID '${input.GatewayId ?? ''}' does not exist: there are no virtual private gateways here, so no routes can be propagated.`,
  );
}

/** @throws ApiError `MissingParameter`, `InvalidParameterCombination`, `InvalidParameterValue`, prefix list errors. */
function parseDestination(context: ReadContext, input: DestinationInput): Destination {
  const { DestinationCidrBlock: ipv4, DestinationIpv6CidrBlock: ipv6, DestinationPrefixListId: list } = input;
  const given = [ipv4, ipv6, list].filter(one => one !== undefined).length;
  if (given === 0)
    throw new ApiError('MissingParameter', 'The request must contain the parameter destinationCidrBlock');
  if (given > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Give one of DestinationCidrBlock, DestinationIpv6CidrBlock and DestinationPrefixListId.',
    );
  }
  if (ipv4 !== undefined) {
    const cidr = parseCidr(ipv4);
    if (cidr === undefined) throw malformed('destinationCidrBlock', ipv4);
    return { destinationCidrBlock: formatCidr(cidr) };
  }
  if (ipv6 !== undefined) {
    const block = canonicalIpv6Cidr(ipv6);
    if (block === undefined) throw malformed('destinationIpv6CidrBlock', ipv6);
    return { destinationIpv6CidrBlock: block };
  }
  // Those of AWS are reached through endpoints, which see to their routes.
  if (findAwsPrefixList(context.region, list ?? '') !== undefined) return { destinationPrefixListId: list ?? '' };
  return { destinationPrefixListId: findById(context, prefixLists, idKinds.prefixList, list ?? '').prefixListId };
}

/**
 * Traffic inside a VPC can be led to interfaces and NAT gateways only.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
 */
function checkTarget(context: ReadContext, table: RouteTableRow, destination: Destination, target: Target): void {
  const ipv4 = destination.destinationCidrBlock && parseCidr(destination.destinationCidrBlock);
  const ipv6 = destination.destinationIpv6CidrBlock && parseCidr6(destination.destinationIpv6CidrBlock);
  const isOwn = localBlocks(context.db, table).some(block => {
    const own = parseCidr(block);
    if (ipv4 && own !== undefined) return inside(ipv4, own);
    const own6 = parseCidr6(block);
    return ipv6 && own6 !== undefined && inside6(ipv6, own6);
  });
  const allowed = target.networkInterfaceId !== undefined || target.natGatewayId !== undefined;
  if (isOwn && !allowed) {
    throw new ApiError(
      'InvalidParameterValue',
      `The destination ${destinationOf(destination as RouteRow)} lies within the VPC. Traffic inside it can be routed to network interfaces and NAT gateways only.`,
    );
  }
}

/** @throws ApiError `InvalidParameterValue` for what the table of a gateway cannot lead to. */
function checkEdge(table: RouteTableRow, target: Target): void {
  const gateway = table.associations.find(one => one.gatewayId !== undefined)?.gatewayId;
  if (gateway === undefined || target.networkInterfaceId !== undefined) return;
  throw new ApiError(
    'InvalidParameterValue',
    `The route table ${table.routeTableId} is associated with ${gateway}: only network interfaces may be its targets.`,
  );
}

/** A prefix list counts for as many routes as it may have entries. */
function weightOf(context: ReadContext, destination: Destination): { ipv6: boolean; routes: number } {
  const list = context.db.get(prefixLists, destination.destinationPrefixListId ?? '');
  if (list !== undefined) return { ipv6: list.addressFamily === 'IPv6', routes: list.maxEntries };
  return { ipv6: destination.destinationIpv6CidrBlock !== undefined, routes: 1 };
}

/** @throws ApiError `InvalidParameterValue` for lists of services, which endpoints alone lead to. */
function refuseAwsList(context: ReadContext, { destinationPrefixListId: id }: Destination): void {
  if (id === undefined || findAwsPrefixList(context.region, id) === undefined) return;
  throw new ApiError(
    'InvalidParameterValue',
    `The prefix list ${id} is one of AWS's services. Create a gateway endpoint for the service, which adds the route.`,
  );
}

/** @throws ApiError `InvalidParameterValue` for routes that belong to a gateway endpoint. */
function refuseEndpointRoute(table: RouteTableRow, destination: string): void {
  const route = table.routes.find(one => destinationOf(one) === destination);
  if (route?.gatewayId?.startsWith('vpce-') !== true) return;
  throw new ApiError(
    'InvalidParameterValue',
    `cannot change VPC endpoint route ${destination} in route table ${table.routeTableId}. Use ModifyVpcEndpoint.`,
  );
}

function routeNotFound(table: RouteTableRow, destination: string, code: string): ApiError {
  return new ApiError(
    code,
    code === 'InvalidRoute.NotFound'
      ? `no route with destination-cidr-block ${destination} in route table ${table.routeTableId}`
      : `There is no route defined for '${destination}' in the route table. Use CreateRoute instead.`,
  );
}

function malformed(name: string, text: string): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${name} is invalid. This is not a valid CIDR block.`,
  );
}

export const routeOperations: readonly AnyOperation[] = [
  createRoute,
  replaceRoute,
  deleteRoute,
  enableVgwRoutePropagation,
  disableVgwRoutePropagation,
];
