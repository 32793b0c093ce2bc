import type {
  DescribeSnapshotTierStatusRequest,
  DescribeSnapshotTierStatusResult,
  ModifySnapshotTierRequest,
  ModifySnapshotTierResult,
  RestoreSnapshotTierRequest,
  RestoreSnapshotTierResult,
  SnapshotTierStatus,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { images } from '../images/model.ts';
import { tagList } from '../tags/model.ts';
import { ownSnapshot } from './access.ts';
import { day } from './lock.ts';
import { type SnapshotRow, type SnapshotTiering, snapshots } from './model.ts';
import { dateOf } from './render.ts';

/** @see https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#archive-quotas */
const limits = { archivedOfVolume: 25, archivals: 25, restores: 5, restoreDays: 180 } as const;

/**
 * The snapshot can be used until it is in the archive.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotTier.html
 */
const modifySnapshotTier = writeOperation<ModifySnapshotTierRequest, ModifySnapshotTierResult>({
  service: 'ec2',
  name: 'ModifySnapshotTier',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const { db, now } = context;
    const row = ownSnapshot(context, input.SnapshotId);
    const tier: string | undefined = input.StorageTier;
    if (tier === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter StorageTier');
    if (tier !== 'archive') throw invalid(tier, 'StorageTier', 'Use archive.');
    checkArchivable(context, row);
    const tiering: SnapshotTiering = {
      storage: 'standard',
      operation: 'archival',
      status: 'in-progress',
      startTime: now,
    };
    db.put(snapshots, { ...row, tiering });
    return { SnapshotId: row.snapshotId, TieringStartTime: new Date(now) };
  },
});

/** @throws ApiError `IncorrectState`, `InvalidSnapshot.InUse`, `ResourceLimitExceeded` */
function checkArchivable({ db, owner }: ReadContext, row: SnapshotRow): void {
  const { snapshotId, volumeId, tiering } = row;
  const incorrect = (what: string) => new ApiError('IncorrectState', `The snapshot ${snapshotId} ${what}.`);
  if (row.state !== 'completed') throw incorrect(`is ${row.state}; it must be completed`);
  if (tiering?.status === 'in-progress') throw incorrect('is being archived or restored');
  if (tiering?.storage === 'archive') throw incorrect('is archived');
  if (tiering?.restoreExpiryTime !== undefined) throw incorrect('is in the archive, too: it is restored temporarily');
  const image = db.by(images, 'snapshot', snapshotId).find(one => one.state !== 'disabled');
  if (image !== undefined) {
    throw new ApiError(
      'InvalidSnapshot.InUse',
      `The snapshot ${snapshotId} is currently in use by ${image.imageId}. Disable that AMI first.`,
    );
  }
  if (db.countBy(snapshots, 'archivedVolume', volumeId) >= limits.archivedOfVolume) {
    throw new ApiError(
      'ResourceLimitExceeded',
      `A volume may have at most ${limits.archivedOfVolume} archived snapshots; ${volumeId} has as many.`,
    );
  }
  checkInProgress(db, `${owner} archival`, limits.archivals);
}

/**
 * Brings a snapshot back from the archive, or changes how long it is back.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotTier.html
 */
const restoreSnapshotTier = writeOperation<RestoreSnapshotTierRequest, RestoreSnapshotTierResult>({
  service: 'ec2',
  name: 'RestoreSnapshotTier',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const { db, owner, now } = context;
    const row = ownSnapshot(context, input.SnapshotId);
    const permanent = input.PermanentRestore === true;
    const days = input.TemporaryRestoreDays ?? 1;
    if (permanent && input.TemporaryRestoreDays !== undefined) {
      throw new ApiError(
        'InvalidParameterCombination',
        'A permanent restore has no days. Leave out TemporaryRestoreDays or PermanentRestore.',
      );
    }
    if (days < 1 || days > limits.restoreDays)
      throw invalid(days, 'TemporaryRestoreDays', `Give 1 to ${limits.restoreDays} days.`);
    const { tiering } = row;
    const isBack = tiering?.storage === 'standard' && tiering.restoreExpiryTime !== undefined;
    if (tiering?.status === 'in-progress' || !(isBack || tiering?.storage === 'archive')) {
      throw new ApiError(
        'IncorrectState',
        `The snapshot ${row.snapshotId} is neither archived nor restored for a time.`,
      );
    }
    if (!isBack) checkInProgress(db, `${owner} restore`, limits.restores);
    const { restoreDays: _days, restoreExpiryTime: _expiry, ...kept } = tiering;
    const next: SnapshotTiering = {
      ...kept,
      operation: permanent ? 'permanent-restore' : 'temporary-restore',
      status: isBack ? 'completed' : 'in-progress',
      startTime: now,
      ...(!permanent && { restoreDays: days }),
      ...(!permanent && isBack && { restoreExpiryTime: now + days * day }),
    };
    db.put(snapshots, { ...row, tiering: next });
    return {
      SnapshotId: row.snapshotId,
      RestoreStartTime: new Date(now),
      RestoreDuration: permanent ? undefined : days,
      IsPermanentRestore: permanent,
    };
  },
});

function checkInProgress(db: Reader, key: string, limit: number): void {
  if (db.countBy(snapshots, 'tiering', key) < limit) return;
  throw new ApiError('ResourceLimitExceeded', `At most ${limit} of these may be in progress. Try again later.`);
}

const filters: FilterTable<SnapshotRow> = {
  'snapshot-id': row => row.snapshotId,
  'volume-id': row => row.volumeId,
  'last-tiering-operation': row => statusOf(row),
};

function statusOf({ tiering }: SnapshotRow): SnapshotTierStatus['LastTieringOperationStatus'] {
  return tiering && `${tiering.operation}-${tiering.status}`;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotTierStatus.html */
const describeSnapshotTierStatus = readOperation<DescribeSnapshotTierStatusRequest, DescribeSnapshotTierStatusResult>({
  service: 'ec2',
  name: 'DescribeSnapshotTierStatus',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: snapshots,
      kind: idKinds.snapshot,
      filters,
      keyFilter: 'snapshot-id',
      visible: row => row.owner === context.owner && row.recycleBin === undefined,
    });
    return { SnapshotTierStatuses: page.rows.map(row => render(context.db, row)), NextToken: page.nextToken };
  },
});

function render(db: Reader, row: SnapshotRow): SnapshotTierStatus {
  const { tiering } = row;
  return {
    SnapshotId: row.snapshotId,
    VolumeId: row.volumeId,
    Status: row.state,
    OwnerId: accountOf(row.owner),
    Tags: tagList(db, row.snapshotId) ?? [],
    StorageTier: tiering?.storage ?? 'standard',
    LastTieringStartTime: dateOf(tiering?.startTime),
    LastTieringProgress: tiering && (tiering.status === 'completed' ? 100 : 0),
    LastTieringOperationStatus: statusOf(row),
    ArchivalCompleteTime: dateOf(tiering?.archivalCompleteTime),
    RestoreExpiryTime: dateOf(tiering?.restoreExpiryTime),
  };
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}

export const snapshotTierOperations: readonly AnyOperation[] = [
  modifySnapshotTier,
  restoreSnapshotTier,
  describeSnapshotTierStatus,
];
