import type {
  CreateFlowLogsRequest,
  CreateFlowLogsResult,
  DeleteFlowLogsRequest,
  DeleteFlowLogsResult,
  DescribeFlowLogsRequest,
  DescribeFlowLogsResult,
  FlowLog,
  UnsuccessfulItem,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { checkId, findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { subnets } from '../subnets/model.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { checkFormat, defaultFormat } from './format.ts';
import { type FlowLogRow, flowLogs } from './model.ts';

const type = 'vpc-flow-log';

function render(db: Reader, row: FlowLogRow): FlowLog {
  const { deliveryError } = row;
  return {
    CreationTime: new Date(row.createTime),
    DeliverLogsStatus: deliveryError === undefined ? 'SUCCESS' : 'FAILED',
    ...(deliveryError === undefined ? {} : { DeliverLogsErrorMessage: deliveryError }),
    DestinationOptions: {
      FileFormat: 'plain-text',
      HiveCompatiblePartitions: row.hiveCompatiblePartitions,
      PerHourPartition: row.perHourPartition,
    },
    FlowLogId: row.flowLogId,
    FlowLogStatus: 'ACTIVE',
    LogDestination: row.logDestination,
    LogDestinationType: 's3',
    LogFormat: row.logFormat,
    MaxAggregationInterval: row.maxAggregationInterval,
    ResourceId: row.resourceId,
    TrafficType: row.trafficType,
    Tags: tagList(db, row.flowLogId) ?? [],
  };
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}

/** @throws ApiError `UnsupportedOperation`, `InvalidParameterValue`, `MissingParameter` */
function parseDestination(input: CreateFlowLogsRequest): string {
  const { LogDestination: destination, LogDestinationType: kind = 'cloud-watch-logs' } = input;
  for (const name of ['LogGroupName', 'DeliverLogsPermissionArn', 'DeliverCrossAccountRole'] as const) {
    if (input[name] !== undefined) {
      throw new ApiError(
        'UnsupportedOperation',
        `${name}: this version of Fogbank has no CloudWatch Logs. Use LogDestinationType s3, whose objects are files in its data folder.`,
      );
    }
  }
  if (kind !== 's3') {
    throw new ApiError(
      'UnsupportedOperation',
      `Flow logs go to s3 only, not to ${kind}: give LogDestinationType s3 and a LogDestination such as arn:aws:s3:::bucket/prefix/.`,
    );
  }
  if (destination === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter LogDestination');
  // It becomes a path.
  const bucket = /^arn:aws:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9!_.*'()-]+)*\/?$/;
  if (!bucket.test(destination) || destination.split(/[:/]/).some(part => part === '.' || part === '..'))
    throw invalid(destination, 'LogDestination', 'Give the ARN of a bucket, or of a folder in it.');
  if (/(^|\/)AWSLogs(\/|$)/.test(destination))
    throw invalid(destination, 'LogDestination', 'AWSLogs is reserved as the name of a folder.');
  return destination;
}

interface Resource {
  readonly resourceId: string;
  readonly vpcId: string;
}

/** @throws ApiError `.NotFound` of its kind, `UnsupportedOperation` */
function findResource(context: ReadContext, kind: string | undefined, id: string): Resource {
  switch (kind) {
    case 'VPC':
      return { resourceId: id, vpcId: findById(context, vpcs, idKinds.vpc, id).vpcId };
    case 'Subnet':
      return { resourceId: id, vpcId: findById(context, subnets, idKinds.subnet, id).vpcId };
    case 'NetworkInterface':
      return { resourceId: id, vpcId: findById(context, networkInterfaces, idKinds.networkInterface, id).vpcId };
    default:
      throw new ApiError(
        'UnsupportedOperation',
        `Flow logs of ${kind} are not supported by this version of Fogbank. Use VPC, Subnet or NetworkInterface.`,
      );
  }
}

const resourceTypes: Readonly<Record<string, string>> = {
  VPC: 'vpc',
  Subnet: 'subnet',
  NetworkInterface: 'network-interface',
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html */
const createFlowLogs = writeOperation<CreateFlowLogsRequest, CreateFlowLogsResult>({
  service: 'ec2',
  name: 'CreateFlowLogs',
  resources: (input, context) => [
    arn(context, type),
    ...arns(context, resourceTypes[input.ResourceType ?? ''] ?? 'vpc', input.ResourceIds),
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    const logDestination = parseDestination(input);
    const {
      TrafficType: trafficType,
      MaxAggregationInterval: interval = 600,
      LogFormat: logFormat = defaultFormat,
    } = input;
    if (trafficType === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter TrafficType');
    if (!['ACCEPT', 'REJECT', 'ALL'].includes(trafficType))
      throw invalid(trafficType, 'trafficType', 'Use ACCEPT, REJECT or ALL.');
    if (interval !== 60 && interval !== 600) throw invalid(interval, 'maxAggregationInterval', 'Use 60 or 600.');
    checkFormat(logFormat);
    const options = input.DestinationOptions;
    if (options?.FileFormat === 'parquet' || (input.TagFieldSpecifications ?? []).length > 0) {
      throw new ApiError(
        'UnsupportedOperation',
        'Flow logs are written as plain text without fields of tags by this version of Fogbank.',
      );
    }
    const tags = parseTagSpecifications(input.TagSpecifications, [type])[type] ?? {};
    const made: string[] = [];
    const failed: UnsuccessfulItem[] = [];
    for (const id of new Set(input.ResourceIds)) {
      try {
        const resource = findResource(context, input.ResourceType, id);
        const same = (row: FlowLogRow) => row.logDestination === logDestination && row.trafficType === trafficType;
        if (db.by(flowLogs, 'resource', id).some(same)) {
          throw new ApiError(
            'FlowLogAlreadyExists',
            `There is an existing Flow Log with the same configuration and log destination for ${id}.`,
          );
        }
        const row: FlowLogRow = {
          flowLogId: newId('fl'),
          owner,
          ...resource,
          trafficType,
          logDestination,
          logFormat,
          maxAggregationInterval: interval,
          hiveCompatiblePartitions: options?.HiveCompatiblePartitions ?? false,
          perHourPartition: options?.PerHourPartition ?? false,
          createTime: now,
        };
        db.put(flowLogs, row);
        addTags(db, { resourceId: row.flowLogId, resourceType: type, owner }, tags);
        made.push(row.flowLogId);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code === 'UnsupportedOperation') throw error;
        failed.push({ ResourceId: id, Error: { Code: error.code, Message: error.message } });
      }
    }
    return { ClientToken: input.ClientToken, FlowLogIds: made, Unsuccessful: failed };
  },
});

/** Files stay. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteFlowLogs.html */
const deleteFlowLogs = writeOperation<DeleteFlowLogsRequest, DeleteFlowLogsResult>({
  service: 'ec2',
  name: 'DeleteFlowLogs',
  resources: (input, context) => arns(context, type, input.FlowLogIds),
  run: (input, context) => {
    const { db, owner } = context;
    const ids = [...new Set(input.FlowLogIds)];
    for (const id of ids) checkId(idKinds.flowLog, id);
    const failed: UnsuccessfulItem[] = [];
    for (const id of ids) {
      if (db.get(flowLogs, id)?.owner === owner) {
        db.delete(flowLogs, id);
        removeAllTags(db, id);
        continue;
      }
      const Message = `The flow log ID '${id}' does not exist`;
      failed.push({ ResourceId: id, Error: { Code: idKinds.flowLog.notFound, Message } });
    }
    return { Unsuccessful: failed };
  },
});

const filters: FilterTable<FlowLogRow> = {
  'deliver-log-status': row => (row.deliveryError === undefined ? 'SUCCESS' : 'FAILED'),
  'log-destination-type': () => 's3',
  'flow-log-id': row => row.flowLogId,
  'log-group-name': () => undefined,
  'resource-id': row => row.resourceId,
  'traffic-type': row => row.trafficType,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html */
const describeFlowLogs = readOperation<DescribeFlowLogsRequest, DescribeFlowLogsResult>({
  service: 'ec2',
  name: 'DescribeFlowLogs',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(
      context,
      { ...input, Filters: input.Filter },
      {
        table: flowLogs,
        kind: idKinds.flowLog,
        ids: input.FlowLogIds,
        filters,
        keyFilter: 'flow-log-id',
        indexed: { 'resource-id': 'resource' },
        range: [1, 1000],
      },
    );
    return { FlowLogs: page.rows.map(row => render(context.db, row)), NextToken: page.nextToken };
  },
});

export const flowLogOperations: readonly AnyOperation[] = [createFlowLogs, deleteFlowLogs, describeFlowLogs];
