import type { SnapshotRow } from './model.ts';

/** The volume of which AWS says that copies are. */
export const noVolume = 'vol-ffffffff';

/** What snapshots have in common that can be compared: their volume, or the snapshot that they began with. */
export function lineageOf({ snapshotId, volumeId, lineage }: SnapshotRow): string {
  return lineage ?? (volumeId === noVolume ? snapshotId : volumeId);
}
