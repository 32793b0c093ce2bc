import type { DiskFileFormat } from '../../engine/engine.ts';
import { defineTable } from '../../state/table.ts';
import type { DiskEncryption } from '../ebs-encryption/model.ts';
import type { ImageRow } from '../images/model.ts';

/** Where the file of a disk comes from. */
export type DiskSource =
  | { readonly kind: 'bucket'; readonly bucket: string; readonly key: string }
  | { readonly kind: 'url'; readonly url: string };

/** One disk of an import. */
export interface ImportDisk {
  readonly description?: string;
  readonly deviceName?: string;
  /** As the request says; found out when it does not. */
  readonly format?: ImportFormat;
  /** Absent where the request names a snapshot that is there. */
  readonly source?: DiskSource;
  readonly snapshotId?: string;
  /** How that snapshot is encrypted; not at all without it. */
  readonly encryption?: DiskEncryption;
  /** Size of the file. */
  readonly bytes?: number;
  /** Percent. */
  readonly progress?: number;
  readonly done?: true;
}

/** `ova`: an archive with a vmdk in it. */
export type ImportFormat = DiskFileFormat | 'ova';

/** What becomes an AMI of the disks. */
export interface ImportedImage {
  readonly architecture: ImageRow['architecture'];
  /** Found out by the disk's partitions when the request does not say. */
  readonly bootMode?: 'legacy-bios' | 'uefi';
  readonly licenseType?: string;
  readonly usageOperation?: string;
  /** When it is there. */
  readonly imageId?: string;
}

/** Importing a snapshot, or an AMI. Times are milliseconds since the epoch. */
export interface ImportTaskRow {
  /** `import-snap-…`, `import-ami-…` */
  readonly taskId: string;
  readonly owner: string;
  readonly description?: string;
  /** `deleted`: it failed or was cancelled. */
  readonly state: 'active' | 'deleting' | 'deleted' | 'completed';
  readonly message?: string;
  readonly disks: readonly ImportDisk[];
  /** Absent for a snapshot. */
  readonly image?: ImportedImage;
  readonly created: number;
}

export const importTasks = defineTable<ImportTaskRow>()({
  name: 'import_tasks',
  key: row => row.taskId,
  indexes: {
    owner: row => row.owner,
    /** Those on which something is to be done. */
    open: row => (row.state === 'active' || row.state === 'deleting' ? 'yes' : undefined),
  },
});

/** Writing the disk of an AMI into a bucket. */
export interface ExportTaskRow {
  /** `export-ami-…` */
  readonly taskId: string;
  readonly owner: string;
  readonly imageId: string;
  readonly snapshotId: string;
  readonly description?: string;
  readonly format: DiskFileFormat;
  readonly bucket: string;
  readonly prefix: string;
  readonly roleName?: string;
  readonly state: 'active' | 'deleting' | 'deleted' | 'completed';
  readonly message?: string;
  /** Percent. */
  readonly progress?: number;
  readonly created: number;
}

export const exportTasks = defineTable<ExportTaskRow>()({
  name: 'export_tasks',
  key: row => row.taskId,
  indexes: {
    owner: row => row.owner,
    open: row => (row.state === 'active' || row.state === 'deleting' ? 'yes' : undefined),
    bucket: row => row.bucket,
  },
});
