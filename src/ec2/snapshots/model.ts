import { regionOf } from '../../api/owner.ts';
import { defineTable } from '../../state/table.ts';
import type { DiskEncryption } from '../ebs-encryption/model.ts';

/** An EBS snapshot. Times are milliseconds since the epoch. */
export interface SnapshotRow extends DiskEncryption {
  readonly snapshotId: string;
  readonly owner: string;
  /** Of a copy, or of one that was written block by block: an id that no volume has. */
  readonly volumeId: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly state: 'pending' | 'completed' | 'error';
  readonly stateMessage?: string;
  readonly description: string;
  readonly startTime: number;
  readonly completionTime?: number;
  /** Percent, while it is made. */
  readonly progress?: number;
  /** What is still to be done; absent when its content is there. */
  readonly making?: SnapshotMaking;
  /** What it and those that it can be compared with come from, when that is not its volume. */
  readonly lineage?: string;
  /** A copy, and the minutes within which it was asked for if it was. */
  readonly copied?: { readonly completionMinutes?: number };
  /** Bytes that its content takes by itself; known when it is complete. */
  readonly fullBytes?: number;
  /** Accounts that may make volumes of it besides its owner. */
  readonly createVolumePermissions?: readonly string[];
  /** Everybody may, unless the owner's account blocks public access. */
  readonly public?: true;
  readonly lock?: SnapshotLock;
  /** It is deleted, and kept in the Recycle Bin until it leaves it. */
  readonly recycleBin?: { readonly enterTime: number; readonly exitTime: number };
  readonly tiering?: SnapshotTiering;
  /** `amazon` for those of the AMIs that come with Fogbank; everybody may use these. */
  readonly ownerAlias?: 'amazon';
  /** Absolute path of the file with its content while it must still be taken over by the engine. */
  readonly sourceFile?: string;
}

/** Keeps a snapshot from being deleted until it expires; it stays, expired, until another takes its place. */
export interface SnapshotLock {
  readonly mode: 'governance' | 'compliance';
  readonly createdOn: number;
  readonly durationDays: number;
  /** When the duration began; absent while the snapshot is pending. */
  readonly startedOn?: number;
  /** Absent while the snapshot is pending, unless a date was given. */
  readonly expiresOn?: number;
  /** In compliance mode: hours from `coolOffFrom` in which it can be changed and taken off. */
  readonly coolOffHours?: number;
  readonly coolOffFrom?: number;
}

/** The last archival or restore of a snapshot. */
export interface SnapshotTiering {
  /** Where it is. In the archive it cannot be used. */
  readonly storage: 'standard' | 'archive';
  readonly operation: 'archival' | 'temporary-restore' | 'permanent-restore';
  readonly status: 'in-progress' | 'completed';
  readonly startTime: number;
  /** Of the last archival. */
  readonly archivalCompleteTime?: number;
  /** For how long it is restored. */
  readonly restoreDays?: number;
  /** When it goes back to the archive. */
  readonly restoreExpiryTime?: number;
}

/** Where the content of a snapshot that is pending comes from. */
export type SnapshotMaking =
  /** Its volume, cut together with those of every other snapshot with this `cutId`. Held: not yet. */
  | { readonly kind: 'cut'; readonly cutId: string; readonly held?: true }
  /** Another snapshot, perhaps of another Region and account. */
  | { readonly kind: 'copy'; readonly sourceId: string }
  /** Blocks that are written by the EBS direct API, over those of a parent. Sealed: all of them were. */
  | {
      readonly kind: 'draft';
      readonly parentId?: string;
      readonly timeoutMinutes: number;
      readonly sealed?: true;
    };

/** The snapshot that another is made of. */
export function sourceOf(making: SnapshotMaking | undefined): string | undefined {
  if (making?.kind === 'copy') return making.sourceId;
  return making?.kind === 'draft' ? making.parentId : undefined;
}

export const snapshots = defineTable<SnapshotRow>()({
  name: 'snapshots',
  key: row => row.snapshotId,
  indexes: {
    owner: row => row.owner,
    alias: row => (row.ownerAlias === undefined ? undefined : `${row.ownerAlias}/${regionOf(row.owner)}`),
    /** `REGION` of those that their owners made public. */
    public: row => (row.public === true ? regionOf(row.owner) : undefined),
    /** `ACCOUNT/REGION` of those that it is shared with. */
    shared: row => row.createVolumePermissions?.map(account => `${account}/${regionOf(row.owner)}`),
    /** Owner of those that have a lock, expired or not. */
    locked: row => (row.lock === undefined ? undefined : row.owner),
    /** Owner of those that are being archived, or brought back: `OWNER archival`, `OWNER restore`. */
    tiering: row =>
      row.tiering?.status === 'in-progress'
        ? `${row.owner} ${row.tiering.operation === 'archival' ? 'archival' : 'restore'}`
        : undefined,
    /** The volume of those that are in the archive. */
    archivedVolume: row => (row.tiering?.storage === 'archive' ? row.volumeId : undefined),
    /** Owner of those in the Recycle Bin. */
    recycled: row => (row.recycleBin === undefined ? undefined : row.owner),
    /** Owner of those that are pending. */
    pending: row => (row.state === 'pending' ? row.owner : undefined),
    /** The volume that one which is pending was asked for. */
    pendingVolume: row => (row.state === 'pending' ? row.volumeId : undefined),
    cut: row => (row.making?.kind === 'cut' ? row.making.cutId : undefined),
    /** The snapshot that must stay until this one, which is made of it, is complete. */
    madeFrom: row => sourceOf(row.making),
    /** Owner of those that are being copied. */
    copying: row => (row.making?.kind === 'copy' ? row.owner : undefined),
    /** The volume that must stay until it was cut. */
    uncut: row => (row.making?.kind === 'cut' ? row.volumeId : undefined),
  },
});

/** Whether an account lets its snapshots of a Region be public. There is no row where it does. */
export interface SnapshotPublicAccessRow {
  readonly owner: string;
  readonly state: 'block-all-sharing' | 'block-new-sharing';
}

export const snapshotPublicAccess = defineTable<SnapshotPublicAccessRow>()({
  name: 'snapshot_public_access',
  key: row => row.owner,
  indexes: {},
});
