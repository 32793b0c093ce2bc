import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { addressToNumber } from '../network-interfaces/ipv4.ts';
import { type AddressRow, addresses } from './model.ts';

/** @throws ApiError `InvalidAllocationID.NotFound` */
export function findAllocation(context: ReadContext, id: string | undefined): AddressRow {
  return findById(context, addresses, idKinds.elasticIp, id ?? '');
}

/** @throws ApiError `InvalidAddress.Malformed`, `InvalidAddress.NotFound`. */
export function findPublicIp(context: ReadContext, publicIp: string): AddressRow {
  if (addressToNumber(publicIp) === undefined)
    throw new ApiError('InvalidAddress.Malformed', `Address '${publicIp}' is not an IPv4 address.`);
  const row = context.db.firstBy(addresses, 'publicIp', publicIp);
  if (row === undefined || row.owner !== context.owner)
    throw new ApiError('InvalidAddress.NotFound', `Address '${publicIp}' not found.`);
  return row;
}

/** ARN of the address that a request names by id or by itself, whether or not there is one. */
export function addressArn(
  context: ReadContext,
  input: { readonly AllocationId?: string | undefined; readonly PublicIp?: string | undefined },
): string {
  const id = input.AllocationId ?? context.db.firstBy(addresses, 'publicIp', input.PublicIp ?? '')?.allocationId;
  return arn(context, 'elastic-ip', id);
}
