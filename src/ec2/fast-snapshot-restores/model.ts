import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';

/**
 * That an account wants volumes made of a snapshot in a zone to be as fast at once as later. Times are milliseconds since
 * the epoch; each state has had one since fast restore was last enabled.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-fast-snapshot-restore.html
 */
export interface FastSnapshotRestoreRow {
  /** Of the account that enabled it, which need not be the snapshot's. */
  readonly owner: string;
  readonly snapshotId: string;
  readonly availabilityZone: string;
  readonly state: 'enabling' | 'optimizing' | 'enabled' | 'disabling' | 'disabled';
  readonly stateTransitionReason: string;
  readonly enablingTime: number;
  readonly optimizingTime?: number;
  readonly enabledTime?: number;
  readonly disablingTime?: number;
  readonly disabledTime?: number;
}

type Place = Pick<FastSnapshotRestoreRow, 'owner' | 'snapshotId' | 'availabilityZone'>;

export const fastSnapshotRestoreKey = ({ owner, snapshotId, availabilityZone }: Place): string =>
  `${owner} ${snapshotId} ${availabilityZone}`;

export const fastSnapshotRestores = defineTable<FastSnapshotRestoreRow>()({
  name: 'fast_snapshot_restores',
  key: fastSnapshotRestoreKey,
  indexes: {
    owner: row => row.owner,
    snapshot: row => row.snapshotId,
    /** Owner of those that count. */
    wanted: row => (row.state === 'disabling' || row.state === 'disabled' ? undefined : row.owner),
  },
});

/** Whether a volume that is made of a snapshot is fast at once: `FastRestored` of volumes. */
export function isFastRestored(db: Reader, place: Place): boolean {
  return db.get(fastSnapshotRestores, fastSnapshotRestoreKey(place))?.state === 'enabled';
}
