import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Entry, Table } from '../state/table.ts';
import { ApiError } from './errors.ts';
import type { ReadContext } from './operation.ts';

/** The paging members that Describe actions share. */
export interface PageInput {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

export interface Page<Row> {
  readonly rows: Row[];
  readonly nextToken: string | undefined;
}

export interface EntriesSource<Row> {
  /** Candidates just after a sequence number, in order of theirs. */
  readonly entries: (after: number) => Iterable<Readonly<Entry<Row>>>;
  readonly matches?: ((row: Row) => boolean) | undefined;
  /** Allowed `MaxResults`; EC2's usual range is 5 to 1000. */
  readonly range?: readonly [minimum: number, maximum: number] | undefined;
  /** Page size when `MaxResults` is absent; everything unless given. */
  readonly defaultSize?: number | undefined;
}

export interface PageSource<Row extends object, Index extends string> extends Omit<EntriesSource<Row>, 'entries'> {
  readonly table: Table<Row, Index>;
  /** Which rows; the caller's own in this region unless given. */
  readonly index?: Index;
  readonly value?: string;
}

/**
 * One page of a table, oldest rows first. The token holds the place of the last row served, so rows that come or
 * go between two calls neither repeat nor hide others. It is bound to the action, the caller, and the other parameters.
 * @throws ApiError `InvalidParameterValue` (MaxResults), `InvalidNextToken`.
 */
export function paginate<Row extends object, Index extends string>(
  context: ReadContext,
  input: PageInput,
  source: PageSource<Row, Index | 'owner'>,
): Page<Row> {
  const { table, index = 'owner', value = context.owner, ...rest } = source;
  return paginateEntries(context, input, {
    ...rest,
    entries: after => context.db.entries(table as Table<Row, string>, index, value, after),
  });
}

/** One page of entries from anywhere, as `paginate`. */
export function paginateEntries<Row>(context: ReadContext, input: PageInput, source: EntriesSource<Row>): Page<Row> {
  const size = pageSize(input.MaxResults, source.range ?? [5, 1000]) ?? source.defaultSize ?? Number.POSITIVE_INFINITY;
  const after = input.NextToken === undefined ? -1 : openToken(context, input.NextToken);
  const rows: Row[] = [];
  let last = after;
  for (const entry of source.entries(after)) {
    if (source.matches !== undefined && !source.matches(entry.row)) continue;
    // One more than the page shows that there is a next page; it is not served.
    if (rows.length >= size) return { rows, nextToken: sealPlace(context, last) };
    rows.push(entry.row);
    last = entry.sequence;
  }
  return { rows, nextToken: undefined };
}

/** Pages through an array made for this call, in its order; for lists that are not a table. */
export function paginateArray<Row>(
  context: ReadContext,
  input: PageInput,
  all: readonly Row[],
  options: { readonly range?: readonly [number, number]; readonly defaultSize?: number } = {},
): Page<Row> {
  const size = pageSize(input.MaxResults, options.range ?? [5, 1000]) ?? options.defaultSize ?? all.length;
  const start = input.NextToken === undefined ? 0 : openToken(context, input.NextToken);
  const end = start + size;
  return { rows: all.slice(start, end), nextToken: end < all.length ? sealPlace(context, end) : undefined };
}

/** Refuses `MaxResults` together with ids, as EC2 does for some actions. */
export function refuseMaxResultsWithIds(input: PageInput, ids: readonly string[] | undefined, name: string): void {
  if (ids !== undefined && ids.length > 0 && input.MaxResults !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${name} cannot be used with the parameter maxResults`,
    );
  }
}

function pageSize(value: number | undefined, [minimum, maximum]: readonly [number, number]): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < minimum) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${value} ) for parameter maxResults is invalid. Expecting a value greater than or equal to ${minimum}.`,
    );
  }
  if (value > maximum) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${value} ) for parameter maxResults is invalid. Expecting a value less than or equal to ${maximum}.`,
    );
  }
  return value;
}

const tokenVersion = 1;

/** A place in a listing as a token of this request. Layout: version, place (6 bytes), HMAC-SHA-256 of these and what the token is bound to, cut to 16 bytes. */
export function sealPlace(context: ReadContext, place: number): string {
  const head = Buffer.alloc(7);
  head.writeUInt8(tokenVersion, 0);
  head.writeUIntBE(place, 1, 6);
  return Buffer.concat([head, authenticate(context, head)]).toString('base64url');
}

function openToken(context: ReadContext, token: string): number {
  const place = openPlace(context, token);
  if (place !== undefined) return place;
  throw new ApiError(
    'InvalidNextToken',
    'The specified NextToken is not valid for this request. Use the token of the previous page with the same parameters.',
  );
}

/** The place in a token of `sealPlace`; undefined when it was made for another request, or by somebody else. */
export function openPlace(context: ReadContext, token: string): number | undefined {
  const bytes = Buffer.from(token, 'base64url');
  const head = bytes.subarray(0, 7);
  const isWhole = bytes.length === 23 && bytes.toString('base64url') === token;
  return isWhole && timingSafeEqual(bytes.subarray(7), authenticate(context, head)) ? head.readUIntBE(1, 6) : undefined;
}

function authenticate(context: ReadContext, head: Uint8Array): Buffer {
  const { NextToken: _token, MaxResults: _size, ...rest } = context.call.input as Record<string, unknown>;
  const bound = createHash('sha256')
    .update(JSON.stringify([context.call.service, context.call.operation, context.owner, rest]))
    .digest();
  return createHmac('sha256', context.services.tokenKey).update(head).update(bound).digest().subarray(0, 16);
}
