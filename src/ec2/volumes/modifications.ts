import type { Reader, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { type VolumeRow, volumes } from './model.ts';

/** What of a volume can be modified. */
export type VolumeShape = Pick<VolumeRow, 'size' | 'volumeType' | 'iops' | 'throughput' | 'multiAttachEnabled'>;

/** The latest modification of a volume. Times are milliseconds since the epoch. */
export interface VolumeModificationRow {
  readonly volumeId: string;
  readonly owner: string;
  /**
   * `modifying` until the disk is as large as it is to be. `optimizing`: the volume is what was asked for, and the last
   * machines hear of it.
   */
  readonly state: 'modifying' | 'optimizing' | 'completed' | 'failed';
  readonly statusMessage?: string;
  readonly original: VolumeShape;
  readonly target: VolumeShape;
  readonly startTime: number;
  readonly optimizingSince?: number;
  readonly endTime?: number;
  /** When this and the earlier ones of the last day began. */
  readonly recent: readonly number[];
}

export const volumeModifications = defineTable<VolumeModificationRow>()({
  name: 'volume_modifications',
  key: row => row.volumeId,
  indexes: { owner: row => row.owner },
});

/** Milliseconds that a volume is optimizing. Nothing is moved here, so that it is short. */
export const optimizingTime = 5_000;

export const modificationsPerDay = 4;
const day = 86_400_000;

/** The beginnings of modifications that count for the limit of a day. */
export function recentModifications(row: VolumeModificationRow | undefined, now: number): number[] {
  return (row?.recent ?? []).filter(time => time > now - day);
}

/** When the oldest of them does not count any more. */
export function nextModification(recent: readonly number[]): number {
  return (recent[0] ?? 0) + day;
}

export function isUnderWay(row: VolumeModificationRow | undefined): boolean {
  return row?.state === 'modifying' || row?.state === 'optimizing';
}

/** Percent. */
export function progressOf(row: VolumeModificationRow, now: number): number {
  if (row.state === 'completed') return 100;
  if (row.optimizingSince === undefined) return 0;
  return Math.min(99, Math.max(0, Math.floor(((now - row.optimizingSince) / optimizingTime) * 100)));
}

export function shapeOf({ size, volumeType, iops, throughput, multiAttachEnabled }: VolumeShape): VolumeShape {
  return {
    size,
    volumeType,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
    ...(multiAttachEnabled === true ? { multiAttachEnabled } : {}),
  };
}

/** The disk is as it is to be: now the volume is. */
export function recordModified(tx: Tx, volumeId: string, now: number): void {
  const row = tx.get(volumeModifications, volumeId);
  const volume = tx.get(volumes, volumeId);
  if (row?.state !== 'modifying' || volume === undefined) return;
  const { iops: _iops, throughput: _throughput, multiAttachEnabled: _multiAttach, ...rest } = volume;
  tx.put(volumes, { ...rest, ...row.target });
  tx.put(volumeModifications, { ...row, state: 'optimizing', optimizingSince: now });
}

export function recordCompleted(tx: Tx, volumeId: string, now: number): void {
  const row = tx.get(volumeModifications, volumeId);
  if (row?.state === 'optimizing') tx.put(volumeModifications, { ...row, state: 'completed', endTime: now });
}

/** The disk cannot be what was asked for; the volume stays what it was. */
export function recordModificationFailure(tx: Tx, volumeId: string, statusMessage: string, now: number): void {
  const row = tx.get(volumeModifications, volumeId);
  if (row?.state !== 'modifying') return;
  tx.put(volumeModifications, { ...row, state: 'failed', statusMessage, endTime: now });
}

/** The size that a volume has or is growing to, in GiB. */
export function coming(db: Reader, volume: VolumeRow): VolumeShape {
  const row = db.get(volumeModifications, volume.volumeId);
  return row?.state === 'modifying' ? row.target : volume;
}
