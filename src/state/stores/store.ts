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

/** Text that belongs to a commit and has its lasting place elsewhere: in the journal. */
export interface StoredNote {
  /** Grows with every note. */
  readonly number: number;
  /** Lines. */
  readonly text: string;
}

/** What becomes durable together, or not at all. */
export interface Commit {
  readonly changes: readonly StoreChange[];
  readonly note?: StoredNote | undefined;
}

/** Where the state survives a restart. SQLite today; the interface leaves room for a database on another machine. */
export interface Store {
  /** Every row, by ascending sequence. */
  load(): Iterable<StoredRow>;
  /** The notes that were not forgotten, oldest first. */
  notes(): readonly StoredNote[];
  /** Makes all of it durable together, or none. @throws when it could not; nothing is written then. */
  commit(commit: Commit): void;
  /** Removes the notes up to this number: they have reached their lasting place. */
  forgetNotes(through: number): void;
  close(): void;
}
