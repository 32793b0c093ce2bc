import type { DescribeInstancesRequest, DescribeInstancesResult, Reservation } from '@aws-sdk/client-ec2';
import { compileFilters } from '../../api/filters.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { type Page, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
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

/** One page of the caller's instances by ids, or by filters. */
function selectInstances(context: ReadContext, input: DescribeInstancesRequest): Page<InstanceRow> {
  const filters = instanceFilters(context.db);
  if (input.InstanceIds !== undefined && input.InstanceIds.length > 0) {
    const rows = findByIds(context, instances, idKinds.instance, input.InstanceIds);
    const matches = compileFilters(input.Filters, filters, instanceTags(context.db));
    return { rows: matches === undefined ? rows : rows.filter(matches), nextToken: undefined };
  }
  return describeOwn(context, input, {
    table: instances,
    kind: idKinds.instance,
    filters,
    keyFilter: 'instance-id',
    indexed: { 'reservation-id': 'reservation', 'vpc-id': 'vpc' },
  });
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
