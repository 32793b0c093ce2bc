import { defineTable } from '../../state/table.ts';

/** A change of an instance's root volume while it runs. Times are milliseconds since the epoch. */
export interface ReplaceRootVolumeTaskRow {
  /** `replacevol-…` */
  readonly taskId: string;
  readonly owner: string;
  readonly instanceId: string;
  /**
   * `pending` until the replacement is there; `in-progress` until the instance has been rebooted with it; `failed`: the
   * instance has the root volume that it had.
   */
  readonly state: 'pending' | 'in-progress' | 'succeeded' | 'failed';
  /** The replacement. */
  readonly volumeId: string;
  /** Whether the task made it. */
  readonly ownVolume: boolean;
  readonly imageId?: string;
  readonly snapshotId?: string;
  /** Of which the instance's first root volume was made. */
  readonly launchSnapshotId?: string;
  readonly deleteReplaced: boolean;
  readonly startTime: number;
  /** When the one volume took the place of the other. */
  readonly replacedAt?: number;
  readonly completeTime?: number;
}

export const replaceRootVolumeTasks = defineTable<ReplaceRootVolumeTaskRow>()({
  name: 'replace_root_volume_tasks',
  key: row => row.taskId,
  indexes: {
    owner: row => row.owner,
    instance: row => row.instanceId,
    /** The volume whose creation it waits for. */
    volume: row => (row.state === 'pending' ? row.volumeId : undefined),
    /** The instance whose machine must be down for it. */
    waiting: row => (row.state === 'in-progress' && row.replacedAt === undefined ? row.instanceId : undefined),
  },
});

export function isUnderWay(row: ReplaceRootVolumeTaskRow): boolean {
  return row.state === 'pending' || row.state === 'in-progress';
}
