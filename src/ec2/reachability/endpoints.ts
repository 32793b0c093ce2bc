import { parseArn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';

/** What a path begins and ends with, for answers. */
export interface Endpoints {
  readonly sourceInstanceId?: string;
  readonly destinationInstanceId?: string;
  /** The id that the path has as its destination. */
  readonly destination?: string;
}

/** Kinds of ends that AWS knows and that nothing stands behind here. */
const unsupported: Readonly<Record<string, string>> = {
  pcx: 'VPC peering connections',
  tgw: 'transit gateways',
  'tgw-attach': 'transit gateway attachments',
  vgw: 'virtual private gateways',
  vpce: 'VPC endpoints',
  'vpce-svc': 'VPC endpoint services',
};

/** The id in an ARN; of anything else the text itself. */
export function idOf(text: string): string {
  return parseArn(text)?.resource.split('/').at(-1) ?? text;
}

/**
 * The id of a path's end, which may be given as an ARN; it must exist.
 * @throws ApiError `.Malformed` and `.NotFound` of its kind, `InvalidParameterValue`, `UnsupportedOperation`.
 */
export function endpointId(context: ReadContext, text: string, name: string): string {
  const id = idOf(text);
  const prefix = id.slice(0, id.lastIndexOf('-'));
  if (prefix === 'i') return findById(context, instances, idKinds.instance, id).instanceId;
  if (prefix === 'eni') return findById(context, networkInterfaces, idKinds.networkInterface, id).networkInterfaceId;
  if (prefix === 'igw') return findById(context, internetGateways, idKinds.internetGateway, id).internetGatewayId;
  const noun = unsupported[prefix];
  if (noun !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `Paths that begin or end at ${noun} are not analyzed. Use an instance, a network interface or an internet gateway.`,
    );
  }
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${name} is invalid. Give the ID or ARN of an instance, a network interface or an internet gateway.`,
  );
}

/** The network interfaces of an end: those of an instance, the interface itself, none of a gateway. */
export function interfacesOf(db: Reader, id: string): readonly string[] {
  if (id.startsWith('eni-')) return db.get(networkInterfaces, id) === undefined ? [] : [id];
  return db.get(instances, id)?.networkInterfaceIds ?? [];
}
