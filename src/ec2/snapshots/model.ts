import { defineTable } from '../../state/table.ts';

/** An EBS snapshot. */
export interface SnapshotRow {
  readonly snapshotId: string;
  readonly owner: string;
  readonly volumeId: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly state: 'pending' | 'completed' | 'error';
  readonly stateMessage?: string;
  readonly description: string;
  readonly encrypted: boolean;
  readonly startTime: number;
  /** `amazon` for those of the AMIs that come with Fogbank; everybody may use these. */
  readonly ownerAlias?: 'amazon';
  /** Absolute path of the file with its content while it must still be taken over by the engine. */
  readonly sourceFile?: string;
}

export const snapshots = defineTable<SnapshotRow>()({
  name: 'snapshots',
  key: row => row.snapshotId,
  indexes: {
    owner: row => row.owner,
    alias: row => (row.ownerAlias === undefined ? undefined : `${row.ownerAlias}/${row.owner.split('/')[1]}`),
  },
});
