import { defineTable } from '../../state/table.ts';

/** Storing an AMI as an object in a bucket. Times are milliseconds since the epoch. */
export interface StoreTaskRow {
  /** `OWNER IMAGE`: an AMI has its last task. */
  readonly key: string;
  readonly owner: string;
  readonly imageId: string;
  readonly bucket: string;
  readonly state: 'InProgress' | 'Completed' | 'Failed';
  readonly failure?: string;
  /** Percent. */
  readonly progress: number;
  readonly started: number;
}

export const storeTasks = defineTable<StoreTaskRow>()({
  name: 'store_image_tasks',
  key: row => row.key,
  indexes: {
    owner: row => row.owner,
    open: row => (row.state === 'InProgress' ? 'yes' : undefined),
    bucket: row => row.bucket,
  },
});

export function storeKey(owner: string, imageId: string): string {
  return `${owner} ${imageId}`;
}

/** Bringing a stored AMI back: what is still to be done for a pending AMI. */
export interface RestoreTaskRow {
  readonly imageId: string;
  readonly owner: string;
  readonly bucket: string;
  readonly objectKey: string;
  /** Files of disks in the object, by the snapshots that they become. */
  readonly disks: Readonly<Record<string, string>>;
}

export const restoreTasks = defineTable<RestoreTaskRow>()({
  name: 'restore_image_tasks',
  key: row => row.imageId,
  indexes: { owner: row => row.owner, bucket: row => row.bucket },
});
