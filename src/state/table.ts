/**
 * A kind of resource as the state keeps it: rows are immutable plain JSON objects (a change puts a new object),
 * found by key or by a declared index.
 */
export interface Table<Row extends object, Index extends string = string> {
  /** Name in the store; never reuse one for other contents. */
  readonly name: string;
  readonly key: (row: Row) => string;
  /** From a row to the value or values under which it is found; `undefined` leaves the row out. */
  readonly indexes: Readonly<Record<Index, (row: Row) => string | readonly string[] | undefined>>;
}

/** Declares a table: `defineTable<VpcRow>()({ name: 'vpcs', key: r => r.vpcId, indexes: { owner: r => … } })`. */
export function defineTable<Row extends object>() {
  return <Index extends string>(table: Table<Row, Index>): Table<Row, Index> => table;
}

/** A row and its place: `sequence` grows with every inserted row, never changes, and orders every listing. */
export interface Entry<Row> {
  readonly sequence: number;
  readonly key: string;
  row: Row;
}
