import type { AttributeKey } from '../record/attributes.ts';

/** A recorded event: its JSON text on one line. */
export interface StoredEvent {
  /** Grows by one with every event of this installation; gives events of the same second their order. */
  readonly sequence: number;
  readonly text: string;
}

/** What an event must be to be found. Times are milliseconds since the epoch. */
export interface EventQuery {
  readonly account: string;
  readonly region: string;
  /** Only events before this one. */
  readonly before?: number | undefined;
  readonly attribute?: { readonly key: AttributeKey; readonly value: string } | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Where recorded events are found. */
export interface EventReader {
  /** The sequence of the last event. */
  readonly last: number;
  /** Events newest first; more than those that the query asks for, never less. */
  candidates(query: EventQuery): Iterable<StoredEvent>;
  /** Every event after one, oldest first, up to and including another. */
  following(after: number, through: number): Iterable<StoredEvent>;
  /** Makes what has been recorded safe from a loss of power; resolves to the last sequence that is. */
  sync(): Promise<number>;
}
