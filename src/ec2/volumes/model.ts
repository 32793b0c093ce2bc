import { defineTable } from '../../state/table.ts';

/** An EBS volume. Sizes in GiB, throughput in MiB/s, times in milliseconds since the epoch. */
export interface VolumeRow {
  readonly volumeId: string;
  readonly owner: string;
  readonly availabilityZone: string;
  readonly size: number;
  readonly snapshotId?: string;
  readonly volumeType: 'gp2' | 'gp3' | 'io1' | 'io2' | 'st1' | 'sc1' | 'standard';
  readonly iops?: number;
  readonly throughput?: number;
  readonly encrypted: boolean;
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'deleted' | 'error';
  readonly stateMessage?: string;
  readonly createTime: number;
  readonly attachment?: {
    readonly instanceId: string;
    readonly device: string;
    readonly attachTime: number;
    readonly deleteOnTermination: boolean;
    readonly state: 'attaching' | 'attached' | 'detaching';
  };
}

export const volumes = defineTable<VolumeRow>()({
  name: 'volumes',
  key: row => row.volumeId,
  indexes: {
    owner: row => row.owner,
    instance: row => row.attachment?.instanceId,
    snapshot: row => row.snapshotId,
  },
});
