import { ApiError } from './errors.ts';

/** A filter as EC2's Describe actions take it: any of its values may match, all filters must. */
export interface Filter {
  readonly Name?: string | undefined;
  readonly Values?: readonly string[] | undefined;
}

export type FilterValue = string | number | boolean | undefined | readonly (string | undefined)[];

/** The filters of one resource: name to the value or values of a row. A row without a value never matches. */
export type FilterTable<Row> = Readonly<Record<string, (row: Row) => FilterValue>>;

const maximumValues = 200;

/**
 * Compiles filters to a predicate; `undefined` when there is nothing to filter. `tags` serves `tag:KEY`,
 * `tag-key` and `tag-value`.
 * @throws ApiError `InvalidParameterValue` for unknown names, `FilterLimitExceeded` beyond 200 values.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
 */
export function compileFilters<Row>(
  filters: readonly Filter[] | undefined,
  table: FilterTable<Row>,
  tags?: (row: Row) => Readonly<Record<string, string>>,
): ((row: Row) => boolean) | undefined {
  if (filters === undefined || filters.length === 0) return undefined;
  let total = 0;
  const predicates = filters.map(filter => {
    const name = filter.Name ?? '';
    const values = filter.Values ?? [];
    total += values.length;
    if (total > maximumValues) {
      throw new ApiError(
        'FilterLimitExceeded',
        `The request has more than the ${maximumValues} filter values that are allowed. Split it into several requests.`,
      );
    }
    const read = filterReader(name, table, tags);
    if (values.length === 0) {
      throw new ApiError('InvalidParameterValue', `The filter '${name}' has no values. Give at least one.`);
    }
    const matches = matcher(values);
    return (row: Row) => {
      const value = read(row);
      if (value === undefined) return false;
      if (typeof value === 'object') return value.some(one => one !== undefined && matches(one));
      return matches(String(value));
    };
  });
  return row => predicates.every(predicate => predicate(row));
}

function filterReader<Row>(
  name: string,
  table: FilterTable<Row>,
  tags?: (row: Row) => Readonly<Record<string, string>>,
): (row: Row) => FilterValue {
  if (tags !== undefined) {
    if (name === 'tag-key') return row => Object.keys(tags(row));
    if (name === 'tag-value') return row => Object.values(tags(row));
    if (name.startsWith('tag:') && name.length > 4) {
      const key = name.slice(4);
      return row => {
        const all = tags(row);
        return Object.hasOwn(all, key) ? all[key] : undefined;
      };
    }
  }
  if (!Object.hasOwn(table, name)) throw new ApiError('InvalidParameterValue', `The filter '${name}' is invalid`);
  const read = table[name];
  if (read === undefined) throw new ApiError('InvalidParameterValue', `The filter '${name}' is invalid`);
  return read;
}

/** Matches any of several patterns: plain ones by a set, those with wildcards one by one. */
function matcher(patterns: readonly string[]): (value: string) => boolean {
  const plain = new Set<string>();
  const wild: ((value: string) => boolean)[] = [];
  for (const pattern of patterns) {
    if (!/[*?\\]/.test(pattern)) plain.add(pattern);
    else wild.push(value => matchesPattern(pattern, value));
  }
  return value => plain.has(value) || wild.some(matches => matches(value));
}

/**
 * Whether a value fits a filter pattern: `*` is any number of characters, `?` is one, `\` takes the next one
 * literally. Case-sensitive. Linear but for one backtrack point, so that no pattern can stall the server.
 */
export function matchesPattern(pattern: string, value: string): boolean {
  let p = 0;
  let v = 0;
  let star = -1;
  let mark = 0;
  while (v < value.length) {
    const c = pattern[p];
    if (c === '*') {
      star = p++;
      mark = v;
      continue;
    }
    if (c === '?') {
      p++;
      v++;
      continue;
    }
    const escaped = c === '\\' && p + 1 < pattern.length;
    if (c !== undefined && value[v] === (escaped ? pattern[p + 1] : c)) {
      p += escaped ? 2 : 1;
      v++;
      continue;
    }
    if (star < 0) return false;
    p = star + 1;
    v = ++mark;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
