import type {
  CreateVolumePermission,
  DescribeSnapshotAttributeRequest,
  DescribeSnapshotAttributeResult,
  ModifySnapshotAttributeRequest,
  ResetSnapshotAttributeRequest,
} from '@aws-sdk/client-ec2';
import type { AccessTarget, ConditionKeys } from '../../api/access.ts';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { isUnderEbsKey } from '../ebs-encryption/permission.ts';
import { ownSnapshot } from './access.ts';
import { snapshotLimits } from './limits.ts';
import { type SnapshotRow, snapshotPublicAccess, snapshots } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotAttribute.html */
const describeSnapshotAttribute = readOperation<DescribeSnapshotAttributeRequest, DescribeSnapshotAttributeResult>({
  service: 'ec2',
  name: 'DescribeSnapshotAttribute',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const row = ownSnapshot(context, input.SnapshotId);
    switch (input.Attribute) {
      case 'createVolumePermission':
        return { SnapshotId: row.snapshotId, CreateVolumePermissions: permissionsOf(row) };
      case 'productCodes':
        return { SnapshotId: row.snapshotId, ProductCodes: [] };
      default:
        throw new ApiError(
          'InvalidParameterValue',
          `Value (${String(input.Attribute)}) for parameter attribute is invalid. Use createVolumePermission or productCodes.`,
        );
    }
  },
});

/** Whether public access is blocked changes what is given, not what is set. */
function permissionsOf(row: SnapshotRow): CreateVolumePermission[] {
  const everybody: CreateVolumePermission[] =
    row.public === true || row.ownerAlias !== undefined ? [{ Group: 'all' }] : [];
  return [...everybody, ...(row.createVolumePermissions ?? []).map(UserId => ({ UserId }))];
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html */
const modifySnapshotAttribute = writeOperation<ModifySnapshotAttributeRequest, void>({
  service: 'ec2',
  name: 'ModifySnapshotAttribute',
  resources: (input, context) => [target(input, context)],
  run: (input, context) => {
    const { db } = context;
    const change = changeOf(input);
    const row = ownSnapshot(context, input.SnapshotId);
    if (row.ownerAlias !== undefined) throw notAttributable(row);
    if (change.kind === 'add') checkSharing(context, row, change);
    const accounts = new Set(row.createVolumePermissions);
    for (const account of change.accounts) {
      if (change.kind === 'add') accounts.add(account);
      else accounts.delete(account);
    }
    const isPublic = change.everybody ? change.kind === 'add' : row.public === true;
    db.put(snapshots, withPermissions(row, [...accounts], isPublic));
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetSnapshotAttribute.html */
const resetSnapshotAttribute = writeOperation<ResetSnapshotAttributeRequest, void>({
  service: 'ec2',
  name: 'ResetSnapshotAttribute',
  resources: (input, context) => [
    { arn: arn(context, 'snapshot', input.SnapshotId), keys: { 'ec2:Attribute': input.Attribute } },
  ],
  run: (input, context) => {
    checkAttribute(input.Attribute);
    const row = ownSnapshot(context, input.SnapshotId);
    if (row.ownerAlias !== undefined) throw notAttributable(row);
    context.db.put(snapshots, withPermissions(row, [], false));
  },
});

function withPermissions(row: SnapshotRow, accounts: readonly string[], isPublic: boolean): SnapshotRow {
  const { createVolumePermissions: _accounts, public: _public, ...rest } = row;
  return {
    ...rest,
    ...(accounts.length > 0 && { createVolumePermissions: accounts }),
    ...(isPublic && { public: true }),
  };
}

interface PermissionChange {
  readonly kind: 'add' | 'remove';
  readonly everybody: boolean;
  readonly accounts: readonly string[];
}

/**
 * What a request changes, by `CreateVolumePermission` or by `OperationType` with `UserIds` and `GroupNames`.
 * @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter`
 */
function changeOf(input: ModifySnapshotAttributeRequest): PermissionChange {
  if (input.Attribute !== undefined) checkAttribute(input.Attribute);
  const lists = listsOf(input);
  const { adds, removes } = lists;
  if (input.OperationType === undefined && lists.unplaced)
    throw new ApiError('MissingParameter', 'The request must contain the parameter OperationType');
  if (adds.length > 0 && removes.length > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Permissions cannot be added and removed in one request. Make two of it.',
    );
  }
  const changes = adds.length > 0 ? adds : removes;
  if (changes.length === 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'No permissions specified. Give CreateVolumePermission, or OperationType with UserIds or GroupNames.',
    );
  }
  if (changes.length > snapshotLimits.modifications) {
    throw new ApiError(
      'InvalidParameterValue',
      `One request makes at most ${snapshotLimits.modifications} modifications; this one has ${changes.length}.`,
    );
  }
  const accounts: string[] = [];
  let everybody = false;
  for (const { Group, UserId } of changes) {
    if (Group === undefined && UserId === undefined)
      throw invalid('', 'createVolumePermission', 'Name an account or all.');
    if (Group !== undefined && Group !== 'all') throw invalid(Group, 'group', 'The only group is all.');
    if (UserId !== undefined && !/^\d{12}$/.test(UserId))
      throw invalid(UserId, 'userId', 'An account ID has twelve digits.');
    everybody ||= Group === 'all';
    if (UserId !== undefined) accounts.push(UserId);
  }
  return { kind: adds.length > 0 ? 'add' : 'remove', everybody, accounts };
}

function listsOf(input: ModifySnapshotAttributeRequest): {
  readonly adds: readonly CreateVolumePermission[];
  readonly removes: readonly CreateVolumePermission[];
  /** There are items of which nothing says whether they are added or removed. */
  readonly unplaced: boolean;
} {
  const { Add = [], Remove = [] } = input.CreateVolumePermission ?? {};
  const items: CreateVolumePermission[] = [
    ...(input.UserIds ?? []).map(UserId => ({ UserId })),
    ...(input.GroupNames ?? []).map(Group => ({ Group: Group as 'all' })),
  ];
  const type: string | undefined = input.OperationType;
  if (type !== undefined && type !== 'add' && type !== 'remove')
    throw invalid(type, 'operationType', 'Use add or remove.');
  return {
    adds: type === 'add' ? [...Add, ...items] : Add,
    removes: type === 'remove' ? [...Remove, ...items] : Remove,
    unplaced: items.length > 0,
  };
}

function checkAttribute(attribute: string | undefined): void {
  if (attribute === 'createVolumePermission') return;
  throw invalid(attribute, 'attribute', 'Only createVolumePermission can be changed.');
}

/**
 * @throws ApiError `OperationNotPermitted`, `InvalidParameterValue`
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html
 */
function checkSharing({ db, owner }: ReadContext, row: SnapshotRow, { everybody }: PermissionChange): void {
  if (isUnderEbsKey(db, row)) {
    throw new ApiError('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared');
  }
  if (!everybody) return;
  if (row.encrypted)
    throw invalid('all', 'group', `The snapshot ${row.snapshotId} is encrypted, so it cannot be made public.`);
  if (db.get(snapshotPublicAccess, owner) !== undefined) {
    throw new ApiError(
      'OperationNotPermitted',
      'Public sharing of snapshots is blocked in this Region. DisableSnapshotBlockPublicAccess allows it.',
    );
  }
}

function notAttributable(row: SnapshotRow): ApiError {
  return new ApiError('OperationNotPermitted', `The snapshot ${row.snapshotId} comes with Fogbank and stays public.`);
}

/** Keys of who is given what, as policies that forbid sharing ask for them. */
function target(input: ModifySnapshotAttributeRequest, context: ReadContext): AccessTarget {
  const { Add = [], Remove = [] } = input.CreateVolumePermission ?? {};
  const named = { Add: [...Add], Remove: [...Remove] };
  const items = [
    ...(input.UserIds ?? []).map(UserId => ({ UserId })),
    ...(input.GroupNames ?? []).map(Group => ({ Group: Group as 'all' })),
  ];
  if (input.OperationType === 'add') named.Add.push(...items);
  if (input.OperationType === 'remove') named.Remove.push(...items);
  const keys: Record<string, ConditionKeys[string]> = { 'ec2:Attribute': 'CreateVolumePermission' };
  for (const [kind, list] of Object.entries(named)) {
    const users = list.flatMap(one => one.UserId ?? []);
    const groups = list.flatMap((one: CreateVolumePermission) => one.Group ?? []);
    if (users.length > 0) keys[`ec2:${kind}/userId`] = users;
    if (groups.length > 0) keys[`ec2:${kind}/group`] = groups;
  }
  return { arn: arn(context, 'snapshot', input.SnapshotId), keys };
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}

export const snapshotPermissionOperations: readonly AnyOperation[] = [
  describeSnapshotAttribute,
  modifySnapshotAttribute,
  resetSnapshotAttribute,
];
