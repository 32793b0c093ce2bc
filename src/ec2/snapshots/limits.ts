import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { VolumeRow } from '../volumes/model.ts';
import { snapshots } from './model.ts';

/**
 * EC2's default quotas of snapshots, of an account in a Region unless they say otherwise.
 * @see https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
 */
export const snapshotLimits = {
  snapshots: 100_000,
  pending: 100,
  /** Of one volume, at the same time. */
  pendingOfVolume: { gp2: 5, gp3: 5, io1: 5, io2: 5, standard: 5, st1: 1, sc1: 1 },
  /** Into one Region, at the same time. */
  copies: 20,
  /** Milliseconds between snapshots of one volume of which the first is not complete. */
  betweenPending: 15_000,
  /** Accounts that are named in one change of permissions. */
  modifications: 500,
} as const;

/** @throws ApiError `SnapshotLimitExceeded`, `PendingSnapshotLimitExceeded` when there is no room for `more`. */
export function checkSnapshotLimits({ db, owner }: Pick<ReadContext, 'db' | 'owner'>, more: number): void {
  if (db.countBy(snapshots, 'owner', owner) + more > snapshotLimits.snapshots) {
    throw new ApiError(
      'SnapshotLimitExceeded',
      `You have reached the maximum of ${snapshotLimits.snapshots} snapshots in this Region. Delete some first.`,
    );
  }
  if (db.countBy(snapshots, 'pending', owner) + more > snapshotLimits.pending) {
    throw new ApiError(
      'PendingSnapshotLimitExceeded',
      `There may be at most ${snapshotLimits.pending} pending snapshots. Try again when some are complete.`,
    );
  }
}

/** @throws ApiError `ConcurrentSnapshotLimitExceeded`, `SnapshotCreationPerVolumeRateExceeded` */
export function checkVolumeLimits({ db, now }: Pick<ReadContext, 'db' | 'now'>, volume: VolumeRow): void {
  const pending = db.by(snapshots, 'pendingVolume', volume.volumeId);
  const limit = snapshotLimits.pendingOfVolume[volume.volumeType];
  if (pending.length >= limit) {
    throw new ApiError(
      'ConcurrentSnapshotLimitExceeded',
      `A volume of type ${volume.volumeType} may have at most ${limit} pending snapshots; ${volume.volumeId} has ${pending.length}.`,
    );
  }
  if (pending.some(one => now - one.startTime < snapshotLimits.betweenPending)) {
    throw new ApiError(
      'SnapshotCreationPerVolumeRateExceeded',
      `The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests; ${volume.volumeId} has a snapshot pending.`,
    );
  }
}
