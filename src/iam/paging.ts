import { openMarker, sealMarker } from '../api/markers.ts';
import type { ReadContext } from '../api/operation.ts';
import { validationError } from './errors.ts';

/** How IAM's listings are paged. */
export interface MarkerInput {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

export interface MarkerPage<Row> {
  readonly rows: Row[];
  /** To be spread into the answer. */
  readonly end: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/**
 * One page of a listing, in order of `keyOf`, which must differ from row to row. The marker names the last row served,
 * so rows that come or go between two calls neither repeat nor hide others. It is bound to the action, the account and
 * the other parameters.
 * @throws ApiError `ValidationError` for MaxItems outside 1 to 1000 and for markers of another listing
 */
export function pageByKey<Row>(
  context: ReadContext,
  input: MarkerInput,
  all: Iterable<Row>,
  keyOf: (row: Row) => string,
): MarkerPage<Row> {
  const size = input.MaxItems ?? 100;
  if (!Number.isInteger(size) || size < 1 || size > 1000) {
    throw validationError(
      `1 validation error detected: Value '${size}' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000`,
    );
  }
  const after = input.Marker === undefined ? undefined : checkedMarker(context, input.Marker);
  const keyed: { readonly key: string; readonly row: Row }[] = [];
  for (const row of all) {
    const key = keyOf(row);
    if (after === undefined || key > after) keyed.push({ key, row });
  }
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = keyed.slice(0, size);
  const rows = page.map(one => one.row);
  const last = page.at(-1);
  if (keyed.length <= size || last === undefined) return { rows, end: { IsTruncated: false } };
  return { rows, end: { IsTruncated: true, Marker: sealMarker(context, last.key) } };
}

/** The place of something in a list, as a key that sorts as the list does. */
export function ordinalKey(index: number): string {
  return String(index).padStart(9, '0');
}

function checkedMarker(context: ReadContext, marker: string): string {
  const key = openMarker(context, marker);
  if (key !== undefined) return key;
  throw validationError(
    'Invalid Marker. Use the Marker of the previous page, with the same parameters as in that request.',
  );
}
