import type {
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  InstanceStatus,
  InstanceStatusSummary,
} from '@aws-sdk/client-ec2';
import { compileFilters } from '../../api/filters.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { readOperation } from '../../api/operation.ts';
import { paginate, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import { zoneId } from '../regions/zones.ts';
import { type InstanceRow, instances, stateCodes } from './model.ts';
import { stateMember } from './state-reasons.ts';

type Summary = 'ok' | 'initializing' | 'not-applicable' | 'impaired';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html */
export const describeInstanceStatus = readOperation<DescribeInstanceStatusRequest, DescribeInstanceStatusResult>({
  service: 'ec2',
  name: 'DescribeInstanceStatus',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.InstanceIds, 'instancesSet');
    const filter = compileFilters(input.Filters, filters);
    const all = input.IncludeAllInstances === true;
    const shown = (row: InstanceRow) => (all || row.state === 'running') && (filter === undefined || filter(row));
    if (input.InstanceIds !== undefined && input.InstanceIds.length > 0) {
      return {
        InstanceStatuses: findByIds(context, instances, idKinds.instance, input.InstanceIds).filter(shown).map(render),
      };
    }
    const page = paginate(context, input, { table: instances, matches: shown, defaultSize: 1000 });
    return { InstanceStatuses: page.rows.map(render), NextToken: page.nextToken };
  },
});

const filters = {
  'availability-zone': (row: InstanceRow) => row.availabilityZone,
  'availability-zone-id': (row: InstanceRow) => zoneId(row.availabilityZone),
  // Nothing here schedules events, so no instance has one.
  'event.code': () => undefined,
  'event.description': () => undefined,
  'event.instance-event-id': () => undefined,
  'event.not-after': () => undefined,
  'event.not-before': () => undefined,
  'event.not-before-deadline': () => undefined,
  'instance-state-code': (row: InstanceRow) => stateCodes[row.state],
  'instance-state-name': (row: InstanceRow) => row.state,
  'instance-status.reachability': (row: InstanceRow) => reachability(instanceSummary(row)),
  'instance-status.status': (row: InstanceRow) => instanceSummary(row),
  'operator.managed': () => false,
  'operator.principal': () => undefined,
  'system-status.reachability': (row: InstanceRow) => reachability(systemSummary(row)),
  'system-status.status': (row: InstanceRow) => systemSummary(row),
  'attached-ebs-status.status': (row: InstanceRow) => systemSummary(row),
};

function render(row: InstanceRow): InstanceStatus {
  return {
    InstanceId: row.instanceId,
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zoneId(row.availabilityZone),
    InstanceState: stateMember(row.state),
    InstanceStatus: summary(instanceSummary(row)),
    SystemStatus: summary(systemSummary(row)),
    AttachedEbsStatus:
      row.state === 'running'
        ? { Status: systemSummary(row), Details: [{ Name: 'reachability', Status: reachability(systemSummary(row)) }] }
        : undefined,
    Operator: { Managed: false },
  };
}

/** The host runs the machine. */
function systemSummary(row: InstanceRow): Summary {
  return row.state === 'running' ? 'ok' : 'not-applicable';
}

/** The guest has been heard on the network since it started. */
function instanceSummary(row: InstanceRow): Summary {
  if (row.state !== 'running') return 'not-applicable';
  return row.reachableSince === undefined ? 'initializing' : 'ok';
}

function reachability(status: Summary): 'passed' | 'initializing' | 'failed' | undefined {
  return ({ ok: 'passed', initializing: 'initializing', impaired: 'failed', 'not-applicable': undefined } as const)[
    status
  ];
}

function summary(status: Summary): InstanceStatusSummary {
  const detail = reachability(status);
  return { Status: status, Details: detail === undefined ? undefined : [{ Name: 'reachability', Status: detail }] };
}
