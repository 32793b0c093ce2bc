import type {
  DescribeSnapshotAttributeRequest,
  DescribeSnapshotAttributeResult,
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  Snapshot,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findById, findByIds, idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginateEntries } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { entriesOf, mergeEntries, sorted } from '../describe.ts';
import { tagList, tagsOf } from '../tags/model.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html */
export function renderSnapshot(db: Reader, row: SnapshotRow): Snapshot {
  return {
    SnapshotId: row.snapshotId,
    OwnerId: accountOf(row.owner),
    OwnerAlias: row.ownerAlias,
    VolumeId: row.volumeId,
    VolumeSize: row.volumeSize,
    State: row.state,
    StateMessage: row.stateMessage,
    Progress: progressOf(row),
    StartTime: new Date(row.startTime),
    Description: row.description,
    Encrypted: row.encrypted,
    StorageTier: 'standard',
    Tags: tagList(db, row.snapshotId),
  };
}

/** Whether everybody may make volumes from it. */
export function isPublicSnapshot(row: SnapshotRow): boolean {
  return row.ownerAlias !== undefined;
}

/** Whether the caller sees a snapshot and may make volumes from it: its own, and the public ones of its Region. */
export function isVisibleSnapshot(context: Pick<ReadContext, 'owner' | 'region'>, row: SnapshotRow): boolean {
  return row.owner === context.owner || (isPublicSnapshot(row) && row.owner.endsWith(`/${context.region}`));
}

function progressOf(row: SnapshotRow): string {
  return row.state === 'completed' ? '100%' : '0%';
}

const filters: FilterTable<SnapshotRow> = {
  description: row => row.description,
  encrypted: row => row.encrypted,
  'owner-alias': row => row.ownerAlias,
  'owner-id': row => accountOf(row.owner),
  progress: progressOf,
  'snapshot-id': row => row.snapshotId,
  'start-time': row => new Date(row.startTime).toISOString(),
  status: row => row.state,
  'storage-tier': () => 'standard',
  'transfer-type': () => undefined,
  'volume-id': row => row.volumeId,
  'volume-size': row => row.volumeSize,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html */
const describeSnapshots = readOperation<DescribeSnapshotsRequest, DescribeSnapshotsResult>({
  service: 'ec2',
  name: 'DescribeSnapshots',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, region } = context;
    const filtered = compileFilters(input.Filters, filters, row => tagsOf(db, row.snapshotId));
    const owned = ownerTest(context, input.OwnerIds);
    const restorable = restorableTest(input.RestorableByUserIds);
    const visible = (row: SnapshotRow) => isVisibleSnapshot(context, row);
    const matches = (row: SnapshotRow) => visible(row) && owned(row) && restorable(row) && (filtered?.(row) ?? true);
    const ids = input.SnapshotIds ?? [];
    const named = ids.length === 0 ? undefined : findByIds(context, snapshots, idKinds.snapshot, ids, visible);
    const page = paginateEntries(context, input, {
      matches,
      entries: after =>
        named === undefined
          ? mergeEntries([
              db.entries(snapshots, 'owner', owner, after),
              db.entries(snapshots, 'alias', `amazon/${region}`, after),
            ])
          : sorted(
              entriesOf(
                context,
                snapshots,
                named.map(row => row.snapshotId),
              ),
            )(after),
    });
    return { Snapshots: page.rows.map(row => renderSnapshot(db, row)), NextToken: page.nextToken };
  },
});

function ownerTest(context: ReadContext, owners: readonly string[] | undefined): (row: SnapshotRow) => boolean {
  if (owners === undefined || owners.length === 0) return () => true;
  for (const one of owners) {
    if (one !== 'self' && one !== 'amazon' && one !== 'aws-marketplace' && !/^\d{12}$/.test(one)) {
      throw new ApiError(
        'InvalidUserID.Malformed',
        `Invalid user id: "${one}". Use self, amazon, or an account ID of 12 digits.`,
      );
    }
  }
  const accounts = new Set(owners.map(one => (one === 'self' ? context.account : one)));
  return row => accounts.has(accountOf(row.owner)) || (row.ownerAlias !== undefined && accounts.has(row.ownerAlias));
}

/** `all` stands for snapshots that are public. No snapshot is shared with single accounts yet. */
function restorableTest(users: readonly string[] | undefined): (row: SnapshotRow) => boolean {
  if (users === undefined || users.length === 0) return () => true;
  for (const one of users) {
    if (one !== 'self' && one !== 'all' && !/^\d{12}$/.test(one)) {
      throw new ApiError(
        'InvalidUserID.Malformed',
        `Invalid user id: "${one}". Use self, all, or an account ID of 12 digits.`,
      );
    }
  }
  return row => users.includes('all') && isPublicSnapshot(row);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotAttribute.html */
const describeSnapshotAttribute = readOperation<DescribeSnapshotAttributeRequest, DescribeSnapshotAttributeResult>({
  service: 'ec2',
  name: 'DescribeSnapshotAttribute',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const row = findById(context, snapshots, idKinds.snapshot, input.SnapshotId ?? '', one =>
      isVisibleSnapshot(context, one),
    );
    if (row.owner !== context.owner) {
      throw new ApiError(
        'AuthFailure',
        `Not authorized for the snapshot ${row.snapshotId}: only its owner sees its attributes.`,
      );
    }
    switch (input.Attribute) {
      case 'createVolumePermission':
        return { SnapshotId: row.snapshotId, CreateVolumePermissions: isPublicSnapshot(row) ? [{ Group: 'all' }] : [] };
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

export const snapshotReadOperations: readonly AnyOperation[] = [describeSnapshots, describeSnapshotAttribute];
