import type { Store, StoreChange } from './stores/store.ts';
import type { Entry, Table } from './table.ts';
import { TableData } from './table-data.ts';

/** Any table, whatever its rows and indexes: the declaration is only invariant because its functions take rows. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyTable = Table<any, any>;

/** Reads of the state; what it returns is shared and must not be changed. */
export interface Reader {
  get<Row extends object>(table: Table<Row>, key: string): Row | undefined;
  /** Rows under an index value, oldest first. */
  by<Row extends object, Index extends string>(table: Table<Row, Index>, index: Index, value: string): Row[];
  /** The oldest row under an index value. */
  firstBy<Row extends object, Index extends string>(
    table: Table<Row, Index>,
    index: Index,
    value: string,
  ): Row | undefined;
  countBy<Row extends object, Index extends string>(table: Table<Row, Index>, index: Index, value: string): number;
  /** Walks rows under an index value (or all) in order of their sequence, from just after `after`. */
  entries<Row extends object, Index extends string>(
    table: Table<Row, Index>,
    index?: Index,
    value?: string,
    after?: number,
  ): Iterable<Readonly<Entry<Row>>>;
  entry<Row extends object>(table: Table<Row>, key: string): Readonly<Entry<Row>> | undefined;
  count(table: AnyTable): number;
}

/** A write in progress: everything happens when its function returns, nothing when it throws. */
export interface Tx extends Reader {
  put<Row extends object>(table: Table<Row>, row: Row): void;
  delete<Row extends object>(table: Table<Row>, key: string): void;
}

/** What a committed write did to one row. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly before: object | undefined;
  readonly after: object | undefined;
}

/** Keeps the lines that tell what happened. */
export interface Journal {
  /**
   * Takes the lines of one turn of the event loop.
   * @param note the number under which the store keeps them too, durable together with what the turn changed; the
   *   journal has it forgotten later. Undefined when the turn changed nothing.
   * @throws only without a note: the lines are nowhere then
   */
  append(lines: readonly string[], note: number | undefined): void;
}

interface Undo {
  readonly data: TableData<object>;
  readonly key: string;
  readonly before: object | undefined;
  readonly sequence: number;
}

/**
 * All resources, in memory, with a store behind. Writes are synchronous and therefore serial; the changes of one
 * turn of the event loop reach the store in one durable commit, and `settled` resolves after it.
 * Listeners hear of a change only when it is durable.
 */
export class State implements Reader {
  readonly #store: Store;
  readonly #journal: Journal | undefined;
  readonly #tables = new Map<string, TableData<object>>();
  #nextSequence = 1;
  #nextNote: number;
  #lines: string[] = [];
  #log: Undo[] | undefined;
  #batch: Undo[] = [];
  #flush: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;
  #listeners: ((changes: readonly Change[]) => void)[] = [];
  #closed = false;

  /** @throws Error when the store holds rows of a table that is not declared. */
  constructor(store: Store, tables: readonly AnyTable[], journal?: Journal) {
    this.#store = store;
    this.#journal = journal;
    this.#nextNote = (store.notes().at(-1)?.number ?? 0) + 1;
    for (const table of tables) {
      if (this.#tables.has(table.name)) throw new Error(`two tables are named ${table.name}`);
      this.#tables.set(table.name, new TableData<object>(table));
    }
    for (const row of store.load()) {
      const data = this.#tables.get(row.table);
      if (data === undefined) throw new Error(`the store holds rows of an unknown table ${row.table}`);
      data.set(row.key, JSON.parse(row.data), row.sequence);
      if (row.sequence >= this.#nextSequence) this.#nextSequence = row.sequence + 1;
    }
  }

  get<Row extends object>(table: Table<Row>, key: string): Row | undefined {
    return this.#data<Row>(table).entry(key)?.row;
  }

  entry<Row extends object>(table: Table<Row>, key: string): Readonly<Entry<Row>> | undefined {
    return this.#data<Row>(table).entry(key);
  }

  by<Row extends object, Index extends string>(table: Table<Row, Index>, index: Index, value: string): Row[] {
    const rows: Row[] = [];
    for (const entry of this.#data<Row>(table).entries(index, value)) rows.push(entry.row);
    return rows;
  }

  firstBy<Row extends object, Index extends string>(
    table: Table<Row, Index>,
    index: Index,
    value: string,
  ): Row | undefined {
    return this.#data<Row>(table).first(index, value);
  }

  countBy<Row extends object, Index extends string>(table: Table<Row, Index>, index: Index, value: string): number {
    return this.#data<Row>(table).count(index, value);
  }

  entries<Row extends object, Index extends string>(
    table: Table<Row, Index>,
    index?: Index,
    value?: string,
    after?: number,
  ): Iterable<Readonly<Entry<Row>>> {
    return this.#data<Row>(table).entries(index, value, after);
  }

  count(table: AnyTable): number {
    return this.#data(table).size;
  }

  /** Runs `change`; all of its writes happen, or (when it throws) none. Must not be asynchronous. */
  write<Result>(change: (tx: Tx) => Result): Result {
    if (this.#closed) throw new Error('the state is closed');
    if (this.#log !== undefined) throw new Error('a write cannot start inside another');
    const log: Undo[] = [];
    this.#log = log;
    try {
      const result = change(this.#tx);
      if (result instanceof Promise) throw new Error('a write must be synchronous');
      if (log.length > 0) {
        for (const undo of log) this.#batch.push(undo);
        this.#schedule();
      }
      return result;
    } catch (error) {
      this.#rollBack(log);
      throw error;
    } finally {
      this.#log = undefined;
    }
  }

  /** Adds a line to the journal: it is kept exactly if what this turn of the event loop wrote is kept. */
  note(line: string): void {
    if (this.#closed) throw new Error('the state is closed');
    this.#lines.push(line);
    this.#schedule();
  }

  /** Resolves when everything written so far is durable. Rejects when it could not be stored and was undone. */
  settled(): Promise<void> {
    return this.#flush?.promise ?? Promise.resolve();
  }

  /** Whether `settled` would resolve at once. */
  get isSettled(): boolean {
    return this.#flush === undefined;
  }

  /** Hears of every committed change, in order. A listener must not throw and should only take notes. */
  onCommit(listener: (changes: readonly Change[]) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    if (this.#closed) return;
    if (this.#flush !== undefined) this.#commit();
    this.#closed = true;
    this.#store.close();
  }

  readonly #tx: Tx = {
    get: (table, key) => this.get(table, key),
    entry: (table, key) => this.entry(table, key),
    by: (table, index, value) => this.by(table, index, value),
    firstBy: (table, index, value) => this.firstBy(table, index, value),
    countBy: (table, index, value) => this.countBy(table, index, value),
    entries: (table, index, value, after) => this.entries(table, index, value, after),
    count: table => this.count(table),
    put: (table, row) => this.#put(table, row),
    delete: (table, key) => this.#delete(table, key),
  };

  #data<Row extends object>(table: AnyTable): TableData<Row> {
    const data = this.#tables.get(table.name);
    if (data === undefined) throw new Error(`table ${table.name} is not declared`);
    // The name ties a table to its rows' type; `defineTable` is the only maker.
    return data as unknown as TableData<Row>;
  }

  #put<Row extends object>(table: Table<Row>, row: Row): void {
    const log = this.#writing();
    const data = this.#data<object>(table);
    const key = table.key(row);
    const present = data.entry(key);
    const before = present?.row;
    const sequence = present?.sequence ?? this.#nextSequence++;
    data.set(key, row, sequence);
    log.push({ data, key, before, sequence });
  }

  #delete(table: AnyTable, key: string): void {
    const log = this.#writing();
    const data = this.#data<object>(table);
    const present = data.entry(key);
    if (present === undefined) return;
    log.push({ data, key, before: present.row, sequence: present.sequence });
    data.delete(key);
  }

  #writing(): Undo[] {
    if (this.#log === undefined) throw new Error('this transaction has ended');
    return this.#log;
  }

  #rollBack(log: readonly Undo[]): void {
    for (let at = log.length - 1; at >= 0; at--) {
      const undo = log[at];
      if (undo === undefined) continue;
      if (undo.before === undefined) undo.data.delete(undo.key);
      else undo.data.set(undo.key, undo.before, undo.sequence);
    }
  }

  #schedule(): void {
    if (this.#flush !== undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever needs the outcome awaits it; a write by a controller nobody waits for must not end the process.
    promise.catch(() => {});
    this.#flush = { promise, resolve, reject };
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    const flush = this.#flush;
    if (flush === undefined) return;
    this.#flush = undefined;
    const batch = this.#batch;
    const lines = this.#lines;
    this.#batch = [];
    this.#lines = [];
    const changes: Change[] = [];
    try {
      const note = batch.length > 0 ? this.#storeBatch(batch, lines, changes) : undefined;
      if (lines.length > 0) this.#journal?.append(lines, note);
    } catch (error) {
      this.#rollBack(batch);
      flush.reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    flush.resolve();
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
  }

  /** Stores what a turn changed, with its lines. @returns the number of their note */
  #storeBatch(batch: readonly Undo[], lines: readonly string[], changes: Change[]): number | undefined {
    // A row written several times in the batch is stored once, as it is now.
    const firsts = new Map<string, Undo>();
    for (const undo of batch) {
      const id = `${undo.data.table.name}\0${undo.key}`;
      if (!firsts.has(id)) firsts.set(id, undo);
    }
    const stored: StoreChange[] = [];
    for (const first of firsts.values()) {
      const entry = first.data.entry(first.key);
      const table = first.data.table.name;
      if (entry === undefined && first.before === undefined) continue;
      // A row that was deleted and made again is a new row to the store.
      if (first.before !== undefined && entry?.sequence !== first.sequence)
        stored.push({ table, key: first.key, sequence: first.sequence, data: undefined });
      if (entry !== undefined)
        stored.push({ table, key: first.key, sequence: entry.sequence, data: JSON.stringify(entry.row) });
      changes.push({ table, key: first.key, before: first.before, after: entry?.row });
    }
    const isNoted = this.#journal !== undefined && lines.length > 0;
    const note = isNoted ? { number: this.#nextNote++, text: lines.join('\n') } : undefined;
    this.#store.commit({ changes: stored, note });
    return note?.number;
  }
}
