import { Bucket } from './bucket.ts';
import type { Entry, Table } from './table.ts';

type Slot<Row> = Entry<Row> | Bucket<Row>;

/** The rows of one table in memory with their indexes. Only `State` writes here. */
export class TableData<Row extends object> {
  readonly table: Table<Row>;
  readonly #rows = new Map<string, Entry<Row>>();
  readonly #all = new Bucket<Row>();
  readonly #indexes: [name: string, values: (row: Row) => string | readonly string[] | undefined][];
  readonly #slots = new Map<string, Map<string, Slot<Row>>>();

  constructor(table: Table<Row>) {
    this.table = table;
    this.#indexes = Object.entries(table.indexes);
    for (const [name] of this.#indexes) this.#slots.set(name, new Map());
  }

  get size(): number {
    return this.#rows.size;
  }

  entry(key: string): Entry<Row> | undefined {
    return this.#rows.get(key);
  }

  /** Entries under an index value, or all of them, after a sequence number. */
  *entries(index?: string, value?: string, after = -1): Generator<Entry<Row>> {
    if (index === undefined || value === undefined) {
      yield* this.#all.after(after);
      return;
    }
    const slot = this.#slot(index).get(value);
    if (slot === undefined) return;
    if (slot instanceof Bucket) yield* slot.after(after);
    else if (slot.sequence > after) yield slot;
  }

  first(index: string, value: string): Row | undefined {
    const slot = this.#slot(index).get(value);
    if (slot === undefined) return undefined;
    if (!(slot instanceof Bucket)) return slot.row;
    for (const entry of slot.after(-1)) return entry.row;
    return undefined;
  }

  count(index: string, value: string): number {
    const slot = this.#slot(index).get(value);
    if (slot === undefined) return 0;
    return slot instanceof Bucket ? slot.size : 1;
  }

  /** Inserts or replaces. `sequence` is that of a new row. */
  set(key: string, row: Row, sequence: number): Entry<Row> {
    const present = this.#rows.get(key);
    if (present === undefined) {
      const entry: Entry<Row> = { sequence, key, row };
      this.#rows.set(key, entry);
      this.#all.add(entry);
      for (const [name, values] of this.#indexes) this.#addTo(name, values(row), entry);
      return entry;
    }
    const old = present.row;
    present.row = row;
    for (const [name, values] of this.#indexes) {
      const before = values(old);
      const after = values(row);
      if (before === after) continue;
      this.#removeFrom(name, before, present);
      this.#addTo(name, after, present);
    }
    return present;
  }

  delete(key: string): void {
    const entry = this.#rows.get(key);
    if (entry === undefined) return;
    this.#rows.delete(key);
    this.#all.remove(entry);
    for (const [name, values] of this.#indexes) this.#removeFrom(name, values(entry.row), entry);
  }

  #slot(index: string): Map<string, Slot<Row>> {
    const slots = this.#slots.get(index);
    if (slots === undefined) throw new Error(`table ${this.table.name} declares no index ${index}`);
    return slots;
  }

  #addTo(index: string, values: string | readonly string[] | undefined, entry: Entry<Row>): void {
    if (values === undefined) return;
    const slots = this.#slot(index);
    for (const value of typeof values === 'string' ? [values] : values) {
      const slot = slots.get(value);
      if (slot === undefined || slot === entry) {
        slots.set(value, entry);
      } else if (slot instanceof Bucket) {
        slot.add(entry);
      } else {
        const bucket = new Bucket<Row>();
        bucket.add(slot);
        bucket.add(entry);
        slots.set(value, bucket);
      }
    }
  }

  #removeFrom(index: string, values: string | readonly string[] | undefined, entry: Entry<Row>): void {
    if (values === undefined) return;
    const slots = this.#slot(index);
    for (const value of typeof values === 'string' ? [values] : values) {
      const slot = slots.get(value);
      if (slot instanceof Bucket) {
        slot.remove(entry);
        if (slot.size === 0) slots.delete(value);
      } else if (slot === entry) {
        slots.delete(value);
      }
    }
  }
}
