import type { Snapshot, SnapshotInfo } from '@aws-sdk/client-ec2';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import type { SnapshotRow } from './model.ts';

/**
 * Its tags are their owner's, as AWS has it.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html
 */
export function renderSnapshot(db: Reader, row: SnapshotRow, own = true): Snapshot {
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
    CompletionTime: dateOf(row.completionTime),
    Description: row.description,
    Encrypted: row.encrypted,
    KmsKeyId: row.kmsKeyId,
    FullSnapshotSizeInBytes: row.fullBytes,
    TransferType: transferTypeOf(row),
    CompletionDurationMinutes: row.copied?.completionMinutes,
    StorageTier: row.tiering?.storage ?? 'standard',
    RestoreExpiryTime: dateOf(row.tiering?.restoreExpiryTime),
    Tags: own ? tagList(db, row.snapshotId) : undefined,
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SnapshotInfo.html */
export function renderSnapshotInfo(db: Reader, row: SnapshotRow): SnapshotInfo {
  return {
    SnapshotId: row.snapshotId,
    OwnerId: accountOf(row.owner),
    VolumeId: row.volumeId,
    VolumeSize: row.volumeSize,
    State: row.state,
    Progress: row.progress === undefined ? '' : progressOf(row),
    StartTime: new Date(row.startTime),
    Description: row.description,
    Encrypted: row.encrypted,
    Tags: tagList(db, row.snapshotId),
  };
}

export function progressOf(row: SnapshotRow): string {
  return row.state === 'completed' ? '100%' : `${row.progress ?? 0}%`;
}

export function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}

/** Of copies only. */
export function transferTypeOf(row: SnapshotRow): 'time-based' | 'standard' | undefined {
  if (row.copied === undefined) return undefined;
  return row.copied.completionMinutes === undefined ? 'standard' : 'time-based';
}
