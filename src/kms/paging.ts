import { ApiError } from '../api/errors.ts';
import { openMarker, sealMarker } from '../api/markers.ts';
import type { ReadContext } from '../api/operation.ts';
import { inRange } from './errors.ts';

interface PageInput {
  readonly Limit?: number | undefined;
  readonly Marker?: string | undefined;
}

/**
 * One page of a listing in order of `keyOf`, which must differ from row to row.
 * @returns the rows, and the members that every listing of KMS ends with
 * @throws ApiError `ValidationException` for a limit out of range, `InvalidMarkerException`
 */
export function page<Row>(
  context: ReadContext,
  input: PageInput,
  all: Iterable<Row>,
  keyOf: (row: Row) => string,
  size: { readonly usual: number; readonly most: number },
): { rows: Row[]; end: { Truncated: boolean; NextMarker?: string } } {
  const limit = input.Limit === undefined ? size.usual : inRange('limit', input.Limit, 1, size.most);
  const after = input.Marker === undefined ? undefined : openMarker(context, input.Marker);
  if (input.Marker !== undefined && after === undefined) {
    throw new ApiError(
      'InvalidMarkerException',
      'Could not deserialize marker. Use the NextMarker of the previous page.',
    );
  }
  const rest = [...all]
    .map(row => ({ key: keyOf(row), row }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const served = rest.slice(0, limit);
  const last = served.at(-1);
  const rows = served.map(({ row }) => row);
  if (rest.length <= limit || last === undefined) return { rows, end: { Truncated: false } };
  return { rows, end: { Truncated: true, NextMarker: sealMarker(context, last.key) } };
}
