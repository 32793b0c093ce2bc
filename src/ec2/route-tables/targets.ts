import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds, isId, throwNotFound } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { egressOnlyInternetGateways } from '../egress-only-gateways/model.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { isLive, natGateways } from '../nat-gateways/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { vpcEndpoints } from '../vpc-endpoints/model.ts';
import { otherSide, vpcPeeringConnections } from '../vpc-peering/model.ts';
import { isVisible, statusAt } from '../vpc-peering/status.ts';
import { vpcs } from '../vpcs/model.ts';
import type { RouteRow } from './model.ts';

/** The members of a request that name a route's target. */
export interface TargetInput {
  readonly GatewayId?: string | undefined;
  readonly InstanceId?: string | undefined;
  readonly NatGatewayId?: string | undefined;
  readonly NetworkInterfaceId?: string | undefined;
  readonly VpcPeeringConnectionId?: string | undefined;
  readonly EgressOnlyInternetGatewayId?: string | undefined;
  readonly TransitGatewayId?: string | undefined;
  readonly LocalGatewayId?: string | undefined;
  readonly CarrierGatewayId?: string | undefined;
  readonly CoreNetworkArn?: string | undefined;
  readonly VpcEndpointId?: string | undefined;
  readonly OdbNetworkArn?: string | undefined;
  readonly LocalTarget?: boolean | undefined;
}

export type Target = Pick<
  RouteRow,
  'gatewayId' | 'egressOnlyInternetGatewayId' | 'natGatewayId' | 'networkInterfaceId' | 'vpcPeeringConnectionId'
>;

const members = [
  'GatewayId',
  'InstanceId',
  'NatGatewayId',
  'NetworkInterfaceId',
  'VpcPeeringConnectionId',
  'EgressOnlyInternetGatewayId',
  'TransitGatewayId',
  'LocalGatewayId',
  'CarrierGatewayId',
  'CoreNetworkArn',
  'VpcEndpointId',
  'OdbNetworkArn',
] as const;

/**
 * The one target that a request names; `local` for the VPC itself.
 * @throws ApiError `MissingParameter`, `InvalidParameterCombination`, `UnsupportedOperation`, `InvalidParameterValue`,
 *   and the `.NotFound` of the target's kind.
 */
export function findTarget(context: ReadContext, vpcId: string, input: TargetInput, ipv6: boolean): Target | 'local' {
  const given = members.filter(name => input[name] !== undefined);
  const local = input.LocalTarget === true || input.GatewayId === 'local';
  if (given.length + (input.LocalTarget === true ? 1 : 0) > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      `A route has one target; the request names ${given.join(', ')}. Give one of them.`,
    );
  }
  if (local) return 'local';
  const [name] = given;
  switch (name) {
    case undefined:
      throw new ApiError('MissingParameter', 'The request must contain a target, such as gatewayId or natGatewayId.');
    case 'GatewayId':
      return gatewayTarget(context, vpcId, input.GatewayId ?? '');
    case 'EgressOnlyInternetGatewayId':
      return egressOnlyTarget(context, vpcId, input.EgressOnlyInternetGatewayId ?? '', ipv6);
    case 'NetworkInterfaceId':
      return interfaceTarget(context, vpcId, input.NetworkInterfaceId ?? '');
    case 'InstanceId':
      return instanceTarget(context, vpcId, input.InstanceId ?? '');
    case 'NatGatewayId':
      return natTarget(context, vpcId, input.NatGatewayId ?? '', ipv6);
    case 'VpcPeeringConnectionId':
      return peeringTarget(context, vpcId, input.VpcPeeringConnectionId ?? '');
    default:
      throw new ApiError('UnsupportedOperation', `Routes to a ${name} are not supported by this version of Fogbank.`);
  }
}

/**
 * Whether a route leads to something: `blackhole` when its target is gone, detached, or cannot take packets.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
 */
export function routeState(db: Reader, vpcId: string, route: RouteRow): 'active' | 'blackhole' {
  return isUsable(db, vpcId, route) ? 'active' : 'blackhole';
}

function isUsable(db: Reader, vpcId: string, route: RouteRow): boolean {
  if (route.gatewayId !== undefined) {
    const gateway = db.get(internetGateways, route.gatewayId) ?? db.get(vpcEndpoints, route.gatewayId);
    return gateway?.vpcId === vpcId;
  }
  if (route.egressOnlyInternetGatewayId !== undefined)
    return db.get(egressOnlyInternetGateways, route.egressOnlyInternetGatewayId)?.vpcId === vpcId;
  if (route.networkInterfaceId !== undefined) {
    const instanceId = db.get(networkInterfaces, route.networkInterfaceId)?.attachment?.instanceId;
    const state = instanceId === undefined ? undefined : db.get(instances, instanceId)?.state;
    return state === 'pending' || state === 'running' || state === 'stopping';
  }
  if (route.natGatewayId !== undefined) return isLive(db.get(natGateways, route.natGatewayId));
  if (route.vpcPeeringConnectionId !== undefined) {
    const row = db.get(vpcPeeringConnections, route.vpcPeeringConnectionId);
    const peer = row && otherSide(row, vpcId);
    return row?.status === 'active' && peer !== undefined && db.get(vpcs, peer.vpcId) !== undefined;
  }
  return false;
}

function gatewayTarget(context: ReadContext, vpcId: string, id: string): Target {
  if (id.startsWith('vgw-')) {
    throw new ApiError('InvalidVpnGatewayID.NotFound', `The vpnGateway ID '${id}' does not exist`);
  }
  if (id.startsWith('vpce-')) {
    throw new ApiError(
      'InvalidParameterValue',
      `Routes to ${id} come and go with its route tables: use ModifyVpcEndpoint.`,
    );
  }
  if (!isId(idKinds.internetGateway, id)) {
    throw new ApiError('InvalidParameterValue', `Value (${id}) for parameter gatewayId is invalid. Use an igw- ID.`);
  }
  const row = context.db.get(internetGateways, id);
  if (row === undefined || row.owner !== context.owner)
    throw new ApiError('InvalidInternetGatewayID.NotFound', `The internetGateway ID '${id}' does not exist`);
  if (row.vpcId !== vpcId) throw differentNetwork('route table', id);
  return { gatewayId: id };
}

function egressOnlyTarget(context: ReadContext, vpcId: string, id: string, ipv6: boolean): Target {
  checkId(idKinds.egressOnlyInternetGateway, id);
  const row = context.db.get(egressOnlyInternetGateways, id);
  if (row === undefined || row.owner !== context.owner)
    throw new ApiError('InvalidGatewayID.NotFound', `The gateway ID '${id}' does not exist`);
  if (row.vpcId !== vpcId) throw differentNetwork('route table', id);
  if (!ipv6) {
    throw new ApiError(
      'InvalidParameterCombination',
      'An egress-only internet gateway is for IPv6. Give a destinationIpv6CidrBlock.',
    );
  }
  return { egressOnlyInternetGatewayId: id };
}

function natTarget(context: ReadContext, vpcId: string, id: string, ipv6: boolean): Target {
  checkId(idKinds.natGateway, id);
  const row = context.db.get(natGateways, id);
  if (row === undefined || row.owner !== context.owner || row.state === 'deleted' || row.state === 'failed')
    throw new ApiError('InvalidNatGatewayID.NotFound', `The natGateway ID '${id}' does not exist`);
  if (row.vpcId !== vpcId) throw differentNetwork('route table', id);
  if (ipv6) {
    throw new ApiError(
      'UnsupportedOperation',
      'NAT gateways translate IPv4 only: NAT64 is not supported. Use an egress-only internet gateway for IPv6.',
    );
  }
  return { natGatewayId: id };
}

/** A connection that waits for acceptance can be routed to; the route is a blackhole until it is active. */
function peeringTarget(context: ReadContext, vpcId: string, id: string): Target {
  const row = findById(context, vpcPeeringConnections, idKinds.vpcPeeringConnection, id, one =>
    isVisible(one, context.owner, context.now),
  );
  const status = statusAt(row, context.now);
  if (status !== 'active' && status !== 'pending-acceptance') throwNotFound(idKinds.vpcPeeringConnection, [id]);
  if (otherSide(row, vpcId) === undefined) throw differentNetwork('route table', id);
  return { vpcPeeringConnectionId: id };
}

function interfaceTarget(context: ReadContext, vpcId: string, id: string): Target {
  const row = findById(context, networkInterfaces, idKinds.networkInterface, id);
  if (row.vpcId !== vpcId) throw differentNetwork('route table', id);
  return { networkInterfaceId: id };
}

function instanceTarget(context: ReadContext, vpcId: string, id: string): Target {
  const row = findById(context, instances, idKinds.instance, id);
  if (row.state === 'terminated' || row.state === 'shutting-down') throwNotFound(idKinds.instance, [id]);
  if (row.networkInterfaceIds.length > 1) {
    throw new ApiError(
      'InvalidInstanceID',
      `There are multiple interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`,
    );
  }
  return interfaceTarget(context, vpcId, row.networkInterfaceIds[0] ?? '');
}

export function differentNetwork(first: string, second: string): ApiError {
  return new ApiError('InvalidParameterValue', `${first} and network ${second} belong to different networks`);
}
