import { defineTable } from '../../state/table.ts';
import type { Selectors } from './selectors.ts';

/** A trail: which events go to which folder. */
export interface TrailRow {
  readonly trailArn: string;
  readonly account: string;
  /** Where it was made, and where it is changed. */
  readonly homeRegion: string;
  readonly name: string;
  readonly bucket: string;
  readonly prefix?: string;
  readonly includeGlobalServiceEvents: boolean;
  readonly isMultiRegion: boolean;
  /** Management events of all kinds unless given. */
  readonly selectors?: Selectors;
  readonly tags: Readonly<Record<string, string>>;
  /** It was deleted; the row goes when the last events have been delivered. */
  readonly isDeleted?: boolean;
}

export const trails = defineTable<TrailRow>()({
  name: 'trails',
  key: row => row.trailArn,
  indexes: { account: row => (row.isDeleted ? undefined : row.account) },
});

/** How far a trail has come. Times are milliseconds since the epoch. */
export interface TrailLogRow {
  readonly trailArn: string;
  readonly isLogging: boolean;
  /** Events up to this sequence have been delivered, or do not concern the trail. */
  readonly position: number;
  /** Request id of the call that stopped it: its event is the last one to be delivered. */
  readonly lastRequest?: string;
  /** A delivery that has begun: a crash repeats it, with the same files. */
  readonly delivery?: Delivery;
  readonly started?: number;
  readonly stopped?: number;
  readonly delivered?: number;
  readonly attempted?: number;
  /** Why the latest attempt failed: an error code of S3, or of the system. */
  readonly error?: string;
}

export interface Delivery {
  /** The last sequence. */
  readonly through: number;
  /** When it began: in the names of its files. */
  readonly at: number;
  /** As it was then; changes concern later deliveries. */
  readonly trail: TrailRow;
}

export const trailLogs = defineTable<TrailLogRow>()({ name: 'trail_logs', key: row => row.trailArn, indexes: {} });
