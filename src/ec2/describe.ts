import { compileFilters, type Filter, type FilterTable } from '../api/filters.ts';
import { findByIds, type IdKind } from '../api/ids.ts';
import type { ReadContext } from '../api/operation.ts';
import { type Page, type PageInput, paginate, paginateEntries } from '../api/pagination.ts';
import type { Entry, Table } from '../state/table.ts';
import { resourceTags, tagPair, tagsOf } from './tags/model.ts';

interface OwnedRow {
  readonly owner: string;
}

export interface DescribeInput extends PageInput {
  readonly Filters?: readonly Filter[] | undefined;
}

export interface DescribeSource<Row extends OwnedRow, Index extends string> {
  readonly table: Table<Row, Index | 'owner'>;
  readonly kind: IdKind;
  readonly ids?: readonly string[] | undefined;
  readonly filters: FilterTable<Row>;
  /** The filter whose values are keys of the table. */
  readonly keyFilter: string;
  /** Filters whose values are values of an index. */
  readonly indexed?: Readonly<Record<string, Index>>;
  readonly range?: readonly [minimum: number, maximum: number];
  /** Which rows the caller sees; his own unless given. Those are in the `owner` index under him, too. */
  readonly visible?: (row: Row) => boolean;
  /** Where a row's tags are kept; under its key unless given. */
  readonly tagKey?: (row: Row) => string;
}

/**
 * One page of the caller's rows of a table, by ids and filters. Its cost grows with the rows that the most selective
 * id, indexed filter, or tag leaves, not with the table.
 * @throws ApiError `.Malformed`, `.NotFound` of the kind, and what filters and paging throw.
 */
export function describeOwn<Row extends OwnedRow, Index extends string>(
  context: ReadContext,
  input: DescribeInput,
  source: DescribeSource<Row, Index>,
): Page<Row> {
  const { db, owner } = context;
  const { table, tagKey = table.key, visible = (row: Row) => row.owner === owner } = source;
  const filtered = compileFilters(input.Filters, source.filters, row => tagsOf(db, tagKey(row)));
  const matches = (row: Row) => visible(row) && (filtered === undefined || filtered(row));
  const byIds =
    source.ids !== undefined && source.ids.length > 0
      ? findByIds(context, table, source.kind, source.ids, visible).map(row => table.key(row))
      : undefined;
  const entries =
    byIds === undefined ? narrowest(context, input.Filters, source) : sorted(entriesOf(context, table, byIds));
  const rest = { matches, range: source.range };
  return entries === undefined
    ? paginate(context, input, { table, ...rest })
    : paginateEntries(context, input, { entries, ...rest });
}

type Entries<Row> = (after: number) => Iterable<Readonly<Entry<Row>>>;

interface Candidate<Row> {
  readonly size: number;
  /** Whether its entries come in order without being collected first. */
  readonly lazy: boolean;
  readonly entries: Entries<Row>;
}

/** The smallest set of rows that a filter alone leaves, if that is worth it. */
function narrowest<Row extends OwnedRow, Index extends string>(
  context: ReadContext,
  filters: readonly Filter[] | undefined,
  source: DescribeSource<Row, Index>,
): Entries<Row> | undefined {
  const { db, owner } = context;
  let best: Candidate<Row> | undefined;
  for (const filter of filters ?? []) {
    const candidate = candidateOf(context, filter, source);
    if (candidate !== undefined && (best === undefined || candidate.size < best.size)) best = candidate;
  }
  const all = db.countBy(source.table, 'owner', owner);
  // Sorting a large part of the table costs more than a walk through all of it, which ends with the page.
  if (best === undefined || best.size > (best.lazy ? all : all / 4)) return undefined;
  return best.entries;
}

function candidateOf<Row extends OwnedRow, Index extends string>(
  context: ReadContext,
  filter: Filter,
  source: DescribeSource<Row, Index>,
): Candidate<Row> | undefined {
  const { db, owner } = context;
  const { Name: name = '', Values: values = [] } = filter;
  if (values.length === 0 || values.some(value => /[*?\\]/.test(value))) return undefined;
  const { table } = source;
  if (name === source.keyFilter)
    return { size: values.length, lazy: false, entries: sorted(entriesOf(context, table, values)) };
  const index = source.indexed !== undefined && Object.hasOwn(source.indexed, name) ? source.indexed[name] : undefined;
  if (index !== undefined) {
    return {
      size: values.reduce((sum, value) => sum + db.countBy(table, index, value), 0),
      lazy: true,
      entries: after => mergeEntries([...new Set(values)].map(value => db.entries(table, index, value, after))),
    };
  }
  if (!name.startsWith('tag:')) return undefined;
  const pairs = values.map(value => tagPair(owner, name.slice(4), value));
  return {
    size: pairs.reduce((sum, pair) => sum + db.countBy(resourceTags, 'pair', pair), 0),
    lazy: false,
    entries: after => {
      const ids = pairs.flatMap(pair => db.by(resourceTags, 'pair', pair).map(row => row.resourceId));
      return sorted(entriesOf(context, table, ids))(after);
    },
  };
}

/** Entries of keys, without those that do not exist. */
export function entriesOf<Row extends object>(
  context: Pick<ReadContext, 'db'>,
  table: Table<Row>,
  keys: readonly string[],
): Readonly<Entry<Row>>[] {
  return keys.flatMap(key => context.db.entry(table, key) ?? []);
}

/** Entries by sequence, each once, from just after those that were served. */
export function sorted<Row>(entries: readonly Readonly<Entry<Row>>[]): Entries<Row> {
  return after => {
    const bySequence = new Map<number, Readonly<Entry<Row>>>();
    for (const entry of entries) if (entry.sequence > after) bySequence.set(entry.sequence, entry);
    return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
  };
}

/** Merges walks that are each in order of their sequence into one; an entry that is in several comes once. */
export function* mergeEntries<Row>(parts: readonly Iterable<Readonly<Entry<Row>>>[]): Generator<Readonly<Entry<Row>>> {
  const walks = parts.map(part => part[Symbol.iterator]());
  const heads = walks.map(walk => walk.next());
  let last = -1;
  for (;;) {
    let least: Readonly<Entry<Row>> | undefined;
    let at = -1;
    for (const [index, head] of heads.entries()) {
      if (head.done !== true && (least === undefined || head.value.sequence < least.sequence)) {
        least = head.value;
        at = index;
      }
    }
    const walk = walks[at];
    if (least === undefined || walk === undefined) return;
    if (least.sequence > last) yield least;
    last = least.sequence;
    heads[at] = walk.next();
  }
}
