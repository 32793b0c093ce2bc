import type { DescribeSnapshotsRequest, DescribeSnapshotsResult } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginateEntries } from '../../api/pagination.ts';
import { entriesOf, mergeEntries, sorted } from '../describe.ts';
import { tagsOf } from '../tags/model.ts';
import { isPublicSnapshot, isVisibleSnapshot } from './access.ts';
import { type SnapshotRow, snapshots } from './model.ts';
import { progressOf, renderSnapshot, transferTypeOf } from './render.ts';

const filters: FilterTable<SnapshotRow> = {
  description: row => row.description,
  encrypted: row => row.encrypted,
  'owner-alias': row => row.ownerAlias,
  'owner-id': row => accountOf(row.owner),
  progress: progressOf,
  'snapshot-id': row => row.snapshotId,
  'start-time': row => new Date(row.startTime).toISOString(),
  status: row => row.state,
  'storage-tier': row => row.tiering?.storage ?? 'standard',
  'transfer-type': transferTypeOf,
  'volume-id': row => row.volumeId,
  'volume-size': row => row.volumeSize,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html */
export const describeSnapshots = readOperation<DescribeSnapshotsRequest, DescribeSnapshotsResult>({
  service: 'ec2',
  name: 'DescribeSnapshots',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, region } = context;
    const filtered = compileFilters(input.Filters, filters, row =>
      row.owner === owner ? tagsOf(db, row.snapshotId) : {},
    );
    const owned = ownerTest(context, input.OwnerIds);
    const restorable = restorableTest(context, input.RestorableByUserIds);
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
              db.entries(snapshots, 'public', region, after),
              db.entries(snapshots, 'shared', owner, after),
            ])
          : sorted(
              entriesOf(
                context,
                snapshots,
                named.map(row => row.snapshotId),
              ),
            )(after),
    });
    return { Snapshots: page.rows.map(row => renderSnapshot(db, row, row.owner === owner)), NextToken: page.nextToken };
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

/** Who may make volumes of it: `all` stands for public ones, an account for its own and those that are shared with it. */
function restorableTest(
  { db, account }: ReadContext,
  users: readonly string[] | undefined,
): (row: SnapshotRow) => boolean {
  if (users === undefined || users.length === 0) return () => true;
  for (const one of users) {
    if (one !== 'self' && one !== 'all' && !/^\d{12}$/.test(one)) {
      throw new ApiError(
        'InvalidUserID.Malformed',
        `Invalid user id: "${one}". Use self, all, or an account ID of 12 digits.`,
      );
    }
  }
  const accounts = new Set(users.map(one => (one === 'self' ? account : one)));
  return row => {
    if (accounts.has('all') && isPublicSnapshot(db, row)) return true;
    if (accounts.has(accountOf(row.owner))) return true;
    return row.createVolumePermissions?.some(one => accounts.has(one)) === true;
  };
}
