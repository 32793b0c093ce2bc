import { ApiError } from '../../api/errors.ts';
import type { NetworkInterfaceRow } from './model.ts';

/** @throws ApiError `OperationNotPermitted` for an interface that a service made. */
export function refuseManaged(row: NetworkInterfaceRow): void {
  if (!row.requesterManaged) return;
  throw new ApiError(
    'OperationNotPermitted',
    `You are not allowed to manage '${row.networkInterfaceId}': it belongs to a service.`,
  );
}
