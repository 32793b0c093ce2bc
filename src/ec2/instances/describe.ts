import type { DescribeInstancesRequest, DescribeInstancesResult, Reservation } from '@aws-sdk/client-ec2';
import { compileFilters, type Filter } from '../../api/filters.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { type Page, paginate, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { instanceFilters, instanceTags } from './filters.ts';
import { type InstanceRow, instances } from './model.ts';
import { renderReservation } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export const describeInstances = readOperation<DescribeInstancesRequest, DescribeInstancesResult>({
  service: 'ec2',
  name: 'DescribeInstances',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.InstanceIds, 'instancesSet');
    const page = selectInstances(context, input);
    return { Reservations: byReservation(context.db, page.rows), NextToken: page.nextToken };
  },
});

export interface InstanceSelection {
  readonly InstanceIds?: readonly string[] | undefined;
  readonly Filters?: readonly Filter[] | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

/** One page of the caller's instances by ids, or by filters. `extra` narrows it further. */
export function selectInstances(
  context: ReadContext,
  input: InstanceSelection,
  options: { readonly extra?: (row: InstanceRow) => boolean; readonly defaultSize?: number } = {},
): Page<InstanceRow> {
  const filter = compileFilters(input.Filters, instanceFilters(context.db), instanceTags(context.db));
  const { extra } = options;
  const matches =
    extra === undefined ? filter : (row: InstanceRow) => extra(row) && (filter === undefined || filter(row));
  if (input.InstanceIds !== undefined && input.InstanceIds.length > 0) {
    const rows = findByIds(context, instances, idKinds.instance, input.InstanceIds);
    return { rows: matches === undefined ? rows : rows.filter(matches), nextToken: undefined };
  }
  return paginate(context, input, {
    table: instances,
    matches,
    ...narrow(context, input.Filters),
    defaultSize: options.defaultSize,
  });
}

/** Uses an index when a filter names exactly one reservation, image, or VPC, so that the cost is that of its members. */
function narrow(
  context: ReadContext,
  filters: readonly Filter[] | undefined,
): { index?: 'reservation' | 'vpc' | 'image'; value?: string } {
  const indexed = { 'reservation-id': 'reservation', 'vpc-id': 'vpc' } as const;
  for (const filter of filters ?? []) {
    const value = filter.Values?.[0];
    if (filter.Values?.length !== 1 || value === undefined || /[*?\\]/.test(value)) continue;
    const name = filter.Name ?? '';
    if (!Object.hasOwn(indexed, name)) continue;
    const index = indexed[name as keyof typeof indexed];
    const first = context.db.firstBy(instances, index, value);
    // Ids of other accounts must find nothing, as if they did not exist.
    if (first === undefined || first.owner === context.owner) return { index, value };
  }
  return {};
}

/** Instances that follow each other in one reservation are shown together, as EC2 does. */
export function byReservation(db: Reader, rows: readonly InstanceRow[]): Reservation[] {
  const groups = new Map<string, InstanceRow[]>();
  for (const row of rows) {
    const group = groups.get(row.reservationId);
    if (group === undefined) groups.set(row.reservationId, [row]);
    else group.push(row);
  }
  return [...groups.values()].map(group => renderReservation(db, group));
}
