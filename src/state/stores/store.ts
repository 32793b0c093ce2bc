/** One row as the store keeps it. */
export interface StoredRow {
  readonly table: string;
  readonly key: string;
  readonly sequence: number;
  /** JSON. */
  readonly data: string;
}

/** The new content of the row with this sequence, which never changes its table and key, or its removal. */
export type StoreChange =
  | StoredRow
  | { readonly table: string; readonly key: string; readonly sequence: number; readonly data: undefined };

/** Where the state survives a restart. SQLite today; the interface leaves room for a database on another machine. */
export interface Store {
  /** Every row, by ascending sequence. */
  load(): Iterable<StoredRow>;
  /** Makes all changes durable together, or none. @throws when it could not; nothing is written then. */
  commit(changes: readonly StoreChange[]): void;
  close(): void;
}
