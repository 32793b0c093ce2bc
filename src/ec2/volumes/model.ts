import { defineTable } from '../../state/table.ts';
import type { DiskEncryption } from '../ebs-encryption/model.ts';

/** An EBS volume. Sizes in GiB, throughput in MiB/s, times in milliseconds since the epoch. */
export interface VolumeRow extends DiskEncryption {
  readonly volumeId: string;
  readonly owner: string;
  readonly availabilityZone: string;
  readonly size: number;
  readonly snapshotId?: string;
  readonly volumeType: 'gp2' | 'gp3' | 'io1' | 'io2' | 'st1' | 'sc1' | 'standard';
  readonly iops?: number;
  readonly throughput?: number;
  readonly multiAttachEnabled?: boolean;
  /** Fast restore of its snapshot was enabled when it was made. */
  readonly fastRestored?: true;
  readonly autoEnableIo?: boolean;
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'deleted' | 'error';
  /** Its disk is yet to be made. One that was made is never made again: what was on it would be missing unnoticed. */
  readonly unmade?: true;
  /** It was made as a copy of this volume. */
  readonly sourceVolumeId?: string;
  /** The volume that it is yet to be a copy of, and the engine's snapshot by way of which it is. */
  readonly copying?: { readonly volumeId: string; readonly snapshotId: string };
  /** Why it is in the state `error`. */
  readonly stateMessage?: string;
  readonly createTime: number;
  /** In the order in which they were made; several at once only with Multi-Attach. */
  readonly attachments: readonly VolumeAttachment[];
}

export interface VolumeAttachment {
  readonly instanceId: string;
  readonly device: string;
  readonly attachTime: number;
  readonly deleteOnTermination: boolean;
  /** `busy`: the guest was asked to let go of the volume, and has not. */
  readonly state: 'attaching' | 'attached' | 'detaching' | 'busy';
  /** It is to be cut off whatever the guest does. */
  readonly forceDetach?: true;
}

export const volumes = defineTable<VolumeRow>()({
  name: 'volumes',
  key: row => row.volumeId,
  indexes: {
    owner: row => row.owner,
    instance: row => row.attachments.map(one => one.instanceId),
    snapshot: row => row.snapshotId,
    /** Volumes that must stay until they are copied, and snapshots that are on the way. */
    copySource: row => row.copying?.volumeId,
    copySnapshot: row => row.copying?.snapshotId,
    /** `OWNER/TYPE` */
    type: row => `${row.owner}/${row.volumeType}`,
  },
});
