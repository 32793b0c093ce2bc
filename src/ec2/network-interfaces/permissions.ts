import type {
  CreateNetworkInterfacePermissionRequest,
  CreateNetworkInterfacePermissionResult,
  DeleteNetworkInterfacePermissionRequest,
  DeleteNetworkInterfacePermissionResult,
  DescribeNetworkInterfacePermissionsRequest,
  DescribeNetworkInterfacePermissionsResult,
  NetworkInterfacePermission,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { addresses } from '../addresses/model.ts';
import { describeOwn } from '../describe.ts';
import { refuseManaged } from './managed.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

/** What another account may do with a network interface. */
export interface NetworkInterfacePermissionRow {
  readonly networkInterfacePermissionId: string;
  /** Of the interface. */
  readonly owner: string;
  readonly networkInterfaceId: string;
  readonly awsAccountId: string;
  readonly permission: 'INSTANCE-ATTACH' | 'EIP-ASSOCIATE';
}

export const networkInterfacePermissions = defineTable<NetworkInterfacePermissionRow>()({
  name: 'network_interface_permissions',
  key: row => row.networkInterfacePermissionId,
  indexes: { owner: row => row.owner, networkInterface: row => row.networkInterfaceId },
});

/** Whether an interface is the caller's, or its owner has given his account a permission. */
export function mayUse(
  { db, owner }: { readonly db: Reader; readonly owner: string },
  row: NetworkInterfaceRow,
  permission: NetworkInterfacePermissionRow['permission'],
): boolean {
  if (row.owner === owner) return true;
  return db
    .by(networkInterfacePermissions, 'networkInterface', row.networkInterfaceId)
    .some(one => one.permission === permission && one.awsAccountId === accountOf(owner));
}

/** An interface that goes takes its permissions along. */
export function removePermissions(tx: Tx, networkInterfaceId: string): void {
  for (const one of tx.by(networkInterfacePermissions, 'networkInterface', networkInterfaceId))
    tx.delete(networkInterfacePermissions, one.networkInterfacePermissionId);
}

function render(row: NetworkInterfacePermissionRow): NetworkInterfacePermission {
  return {
    NetworkInterfacePermissionId: row.networkInterfacePermissionId,
    NetworkInterfaceId: row.networkInterfaceId,
    AwsAccountId: row.awsAccountId,
    Permission: row.permission,
    PermissionState: { State: 'granted' },
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterfacePermission.html */
const createNetworkInterfacePermission = writeOperation<
  CreateNetworkInterfacePermissionRequest,
  CreateNetworkInterfacePermissionResult
>({
  service: 'ec2',
  name: 'CreateNetworkInterfacePermission',
  resources: (input, context) => [
    {
      arn: arn(context, 'network-interface', input.NetworkInterfaceId),
      keys: {
        'ec2:AuthorizedUser': input.AwsAccountId && `arn:aws:iam::${input.AwsAccountId}:root`,
        'ec2:AuthorizedService': input.AwsService,
        'ec2:Permission': input.Permission,
      },
    },
  ],
  run: (input, context) => {
    const { db, owner } = context;
    const row = findById(context, networkInterfaces, idKinds.networkInterface, input.NetworkInterfaceId ?? '');
    refuseManaged(row);
    if (input.AwsService !== undefined)
      throw new ApiError('UnsupportedOperation', 'Permissions are for accounts; there are no services to give one to.');
    const { AwsAccountId: awsAccountId, Permission: permission } = input;
    if (awsAccountId === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter awsAccountId');
    if (!/^\d{12}$/.test(awsAccountId) || awsAccountId === context.account) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${awsAccountId}) for parameter awsAccountId is invalid. Give the twelve digits of another account.`,
      );
    }
    if (permission !== 'INSTANCE-ATTACH' && permission !== 'EIP-ASSOCIATE') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${String(permission)}) for parameter permission is invalid. Use INSTANCE-ATTACH or EIP-ASSOCIATE.`,
      );
    }
    const present = db.by(networkInterfacePermissions, 'networkInterface', row.networkInterfaceId);
    if (present.some(one => one.awsAccountId === awsAccountId && one.permission === permission)) {
      throw new ApiError(
        'InvalidPermission.Duplicate',
        `The account ${awsAccountId} has the permission ${permission} on ${row.networkInterfaceId}.`,
      );
    }
    const other = present.find(one => one.awsAccountId !== awsAccountId);
    if (other !== undefined) {
      throw new ApiError(
        'OperationNotPermitted',
        `One account at a time can have permissions on a network interface: ${other.awsAccountId} has one on ${row.networkInterfaceId}.`,
      );
    }
    const made: NetworkInterfacePermissionRow = {
      networkInterfacePermissionId: newId('eni-perm'),
      owner,
      networkInterfaceId: row.networkInterfaceId,
      awsAccountId,
      permission,
    };
    db.put(networkInterfacePermissions, made);
    return { InterfacePermission: render(made) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterfacePermission.html */
const deleteNetworkInterfacePermission = writeOperation<
  DeleteNetworkInterfacePermissionRequest,
  DeleteNetworkInterfacePermissionResult
>({
  service: 'ec2',
  name: 'DeleteNetworkInterfacePermission',
  resources: (input, context) => {
    const row = context.db.get(networkInterfacePermissions, input.NetworkInterfacePermissionId ?? '');
    return [arn(context, 'network-interface', row?.owner === context.owner ? row.networkInterfaceId : undefined)];
  },
  run: (input, context) => {
    const { db } = context;
    const id = input.NetworkInterfacePermissionId ?? '';
    const row = findById(context, networkInterfacePermissions, idKinds.networkInterfacePermission, id);
    if (input.Force !== true && isUsed(db, row)) {
      throw new ApiError(
        'OperationNotPermitted',
        `The account ${row.awsAccountId} makes use of ${id}. Use Force to take it away nevertheless.`,
      );
    }
    db.delete(networkInterfacePermissions, id);
    return { Return: true };
  },
});

/** Whether an address of the other account's is on the interface. */
function isUsed(db: Reader, row: NetworkInterfacePermissionRow): boolean {
  const card = db.get(networkInterfaces, row.networkInterfaceId);
  return (card?.privateIpAddresses ?? []).some(one => {
    const address = one.allocationId === undefined ? undefined : db.get(addresses, one.allocationId);
    return address !== undefined && accountOf(address.owner) === row.awsAccountId;
  });
}

const prefix = 'network-interface-permission';
const filters: FilterTable<NetworkInterfacePermissionRow> = {
  [`${prefix}.network-interface-permission-id`]: row => row.networkInterfacePermissionId,
  [`${prefix}.network-interface-id`]: row => row.networkInterfaceId,
  [`${prefix}.aws-account-id`]: row => row.awsAccountId,
  [`${prefix}.aws-service`]: () => undefined,
  [`${prefix}.permission`]: row => row.permission,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfacePermissions.html */
const describeNetworkInterfacePermissions = readOperation<
  DescribeNetworkInterfacePermissionsRequest,
  DescribeNetworkInterfacePermissionsResult
>({
  service: 'ec2',
  name: 'DescribeNetworkInterfacePermissions',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: networkInterfacePermissions,
      kind: idKinds.networkInterfacePermission,
      ids: input.NetworkInterfacePermissionIds,
      filters,
      keyFilter: `${prefix}.network-interface-permission-id`,
      indexed: { [`${prefix}.network-interface-id`]: 'networkInterface' },
      range: [5, 255],
    });
    return { NetworkInterfacePermissions: page.rows.map(render), NextToken: page.nextToken };
  },
});

export const permissionOperations: readonly AnyOperation[] = [
  createNetworkInterfacePermission,
  deleteNetworkInterfacePermission,
  describeNetworkInterfacePermissions,
];
