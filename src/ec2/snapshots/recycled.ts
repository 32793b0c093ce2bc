import type {
  ListSnapshotsInRecycleBinRequest,
  ListSnapshotsInRecycleBinResult,
  RestoreSnapshotFromRecycleBinRequest,
  RestoreSnapshotFromRecycleBinResult,
  SnapshotRecycleBinInfo,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { findById, findByIds, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginateEntries } from '../../api/pagination.ts';
import { entriesOf, sorted } from '../describe.ts';
import { type SnapshotRow, snapshots } from './model.ts';
import { progressOf } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ListSnapshotsInRecycleBin.html */
const listSnapshotsInRecycleBin = readOperation<ListSnapshotsInRecycleBinRequest, ListSnapshotsInRecycleBinResult>({
  service: 'ec2',
  name: 'ListSnapshotsInRecycleBin',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner } = context;
    const isThere = (row: SnapshotRow) => row.owner === owner && row.recycleBin !== undefined;
    const ids = input.SnapshotIds ?? [];
    const named = findByIds(context, snapshots, idKinds.snapshot, ids, isThere).map(row => row.snapshotId);
    const page = paginateEntries<SnapshotRow>(context, input, {
      entries: after =>
        ids.length > 0
          ? sorted(entriesOf(context, snapshots, named))(after)
          : db.entries(snapshots, 'recycled', owner, after),
    });
    return { Snapshots: page.rows.map(render), NextToken: page.nextToken };
  },
});

function render(row: SnapshotRow): SnapshotRecycleBinInfo {
  return {
    SnapshotId: row.snapshotId,
    RecycleBinEnterTime: new Date(row.recycleBin?.enterTime ?? 0),
    RecycleBinExitTime: new Date(row.recycleBin?.exitTime ?? 0),
    Description: row.description,
    VolumeId: row.volumeId,
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotFromRecycleBin.html */
const restoreSnapshotFromRecycleBin = writeOperation<
  RestoreSnapshotFromRecycleBinRequest,
  RestoreSnapshotFromRecycleBinResult
>({
  service: 'ec2',
  name: 'RestoreSnapshotFromRecycleBin',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const isThere = (one: SnapshotRow) => one.owner === context.owner && one.recycleBin !== undefined;
    const row = findById(context, snapshots, idKinds.snapshot, input.SnapshotId ?? '', isThere);
    const { recycleBin: _bin, ...rest } = row;
    context.db.put(snapshots, rest);
    return {
      SnapshotId: row.snapshotId,
      Description: row.description,
      Encrypted: row.encrypted,
      OwnerId: accountOf(row.owner),
      Progress: progressOf(row),
      StartTime: new Date(row.startTime),
      State: row.state,
      VolumeId: row.volumeId,
      VolumeSize: row.volumeSize,
    };
  },
});

export const recycledSnapshotOperations: readonly AnyOperation[] = [
  listSnapshotsInRecycleBin,
  restoreSnapshotFromRecycleBin,
];
