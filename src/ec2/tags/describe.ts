import type { DescribeTagsRequest } from '@aws-sdk/client-ec2';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import type { ReadContext } from '../../api/operation.ts';
import { type Page, paginateEntries } from '../../api/pagination.ts';
import type { Entry } from '../../state/table.ts';
import { entriesOf, sorted } from '../describe.ts';
import { resourceTags, type TagsRow, tagKey, tagLimits } from './model.ts';

/** One tag of one resource. */
export interface TagView {
  readonly owner: string;
  readonly resourceId: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}

const filters: FilterTable<TagView> = {
  key: row => row.key,
  'resource-id': row => row.resourceId,
  'resource-type': row => row.resourceType,
  value: row => row.value,
};

/** Places of two resources are this far apart, so that each of their tags has its own between. */
const placesPerResource = tagLimits.perResource + 1;

/** One page of the caller's tags. @throws ApiError what filters and paging throw. */
export function describeTagPage(context: ReadContext, input: DescribeTagsRequest): Page<TagView> {
  const { db, owner } = context;
  const matches = compileFilters(input.Filters, filters, row => ({ [row.key]: row.value }));
  const ids = input.Filters?.find(filter => filter.Name === 'resource-id')?.Values;
  const exact = ids?.every(id => !/[*?\\]/.test(id)) ? ids : undefined;
  const keys = (resourceId: string) => [resourceId, tagKey({ resourceId, owner, shared: true })];
  const rows = (after: number) =>
    exact === undefined
      ? db.entries(resourceTags, 'owner', owner, after)
      : sorted(entriesOf(context, resourceTags, exact.flatMap(keys)))(after);
  return paginateEntries(context, input, {
    matches: row => row.owner === owner && (matches?.(row) ?? true),
    entries: after => views(rows(Math.floor(after / placesPerResource) - 1), after),
  });
}

function* views(rows: Iterable<Readonly<Entry<TagsRow>>>, after: number): Generator<Entry<TagView>> {
  for (const { sequence, row } of rows) {
    let place = sequence * placesPerResource;
    for (const [key, value] of Object.entries(row.tags)) {
      place++;
      if (place <= after) continue;
      const { owner, resourceId, resourceType } = row;
      yield { sequence: place, key: `${resourceId} ${key}`, row: { owner, resourceId, resourceType, key, value } };
    }
  }
}
