import { isIP } from 'node:net';
import type {
  CreateNetworkInsightsPathRequest,
  CreateNetworkInsightsPathResult,
  DeleteNetworkInsightsPathRequest,
  DeleteNetworkInsightsPathResult,
  DescribeNetworkInsightsPathsRequest,
  DescribeNetworkInsightsPathsResult,
  NetworkInsightsPath,
  PathFilter,
  PathRequestFilter,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { endpointId, idOf } from './endpoints.ts';
import {
  insightsLimits,
  type NetworkInsightsPathRow,
  networkInsightsAnalyses,
  networkInsightsPaths,
  type PathFilterRow,
} from './model.ts';
import { componentArn } from './render.ts';

const type = 'network-insights-path';

function render(context: ReadContext, row: NetworkInsightsPathRow): NetworkInsightsPath {
  const { destination, destinationIp, destinationPort, sourceIp, filterAtSource, filterAtDestination } = row;
  return {
    NetworkInsightsPathId: row.networkInsightsPathId,
    NetworkInsightsPathArn: arn(context, type, row.networkInsightsPathId),
    CreatedDate: new Date(row.createTime),
    Source: row.source,
    SourceArn: componentArn(context, row.source),
    Protocol: row.protocol,
    ...(destination === undefined
      ? {}
      : { Destination: destination, DestinationArn: componentArn(context, destination) }),
    ...(sourceIp === undefined ? {} : { SourceIp: sourceIp }),
    ...(destinationIp === undefined ? {} : { DestinationIp: destinationIp }),
    ...(destinationPort === undefined ? {} : { DestinationPort: destinationPort }),
    ...(filterAtSource === undefined ? {} : { FilterAtSource: renderFilter(filterAtSource) }),
    ...(filterAtDestination === undefined ? {} : { FilterAtDestination: renderFilter(filterAtDestination) }),
    Tags: tagList(context.db, row.networkInsightsPathId) ?? [],
  };
}

function renderFilter(row: PathFilterRow): PathFilter {
  const range = (ports: { from: number; to: number }) => ({ FromPort: ports.from, ToPort: ports.to });
  return {
    ...(row.sourceAddress === undefined ? {} : { SourceAddress: row.sourceAddress }),
    ...(row.sourcePorts === undefined ? {} : { SourcePortRange: range(row.sourcePorts) }),
    ...(row.destinationAddress === undefined ? {} : { DestinationAddress: row.destinationAddress }),
    ...(row.destinationPorts === undefined ? {} : { DestinationPortRange: range(row.destinationPorts) }),
  };
}

/** @throws ApiError `InvalidParameterValue` */
function checkAddress(text: string | undefined, name: string): void {
  if (text !== undefined && isIP(text) === 0)
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${text}) for parameter ${name} is invalid. Give an IP address.`,
    );
}

function checkPort(port: number | undefined, name: string): void {
  if (port === undefined || (port >= 0 && port <= 65_535)) return;
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${port}) for parameter ${name} is invalid. Ports are 0 to 65535.`,
  );
}

interface RangeInput {
  readonly FromPort?: number | undefined;
  readonly ToPort?: number | undefined;
}

function parseRange(input: RangeInput | undefined, name: string): { from: number; to: number } | undefined {
  if (input?.FromPort === undefined && input?.ToPort === undefined) return undefined;
  const { FromPort: from = input.ToPort ?? 0, ToPort: to = input.FromPort ?? 0 } = input;
  checkPort(from, name);
  checkPort(to, name);
  if (from > to) throw new ApiError('InvalidParameterValue', `${name} ends (${to}) before it begins (${from}).`);
  return { from, to };
}

function parseFilter(input: PathRequestFilter | undefined, name: string): PathFilterRow | undefined {
  if (input === undefined) return undefined;
  const { SourceAddress: sourceAddress, DestinationAddress: destinationAddress } = input;
  checkAddress(sourceAddress, `${name}.SourceAddress`);
  checkAddress(destinationAddress, `${name}.DestinationAddress`);
  const sourcePorts = parseRange(input.SourcePortRange, `${name}.SourcePortRange`);
  const destinationPorts = parseRange(input.DestinationPortRange, `${name}.DestinationPortRange`);
  return {
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
    ...(destinationAddress === undefined ? {} : { destinationAddress }),
    ...(destinationPorts === undefined ? {} : { destinationPorts }),
  };
}

function refuseTogether(one: unknown, other: unknown, names: string): void {
  if (one !== undefined && other !== undefined)
    throw new ApiError('InvalidParameterCombination', `${names} cannot be given together. Use the filter alone.`);
}

/** @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter`, and those of `endpointId`. */
function parsePath(context: ReadContext, input: CreateNetworkInsightsPathRequest) {
  const protocol = String(input.Protocol).toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp')
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${input.Protocol}) for parameter protocol is invalid. Use tcp or udp.`,
    );
  const { SourceIp: sourceIp, DestinationIp: destinationIp, DestinationPort: destinationPort } = input;
  checkAddress(sourceIp, 'SourceIp');
  checkAddress(destinationIp, 'DestinationIp');
  checkPort(destinationPort, 'DestinationPort');
  const { FilterAtSource, FilterAtDestination } = input;
  refuseTogether(FilterAtSource, sourceIp, 'FilterAtSource and SourceIp');
  refuseTogether(FilterAtSource, destinationPort, 'FilterAtSource and DestinationPort');
  refuseTogether(FilterAtDestination, destinationIp, 'FilterAtDestination and DestinationIp');
  const filterAtSource = parseFilter(FilterAtSource, 'FilterAtSource');
  const filterAtDestination = parseFilter(FilterAtDestination, 'FilterAtDestination');
  const source = endpointId(context, input.Source ?? '', 'source');
  const destination =
    input.Destination === undefined ? undefined : endpointId(context, input.Destination, 'destination');
  const address = destinationIp ?? filterAtSource?.destinationAddress ?? filterAtDestination?.destinationAddress;
  if (destination === undefined && address === undefined) {
    throw new ApiError(
      'MissingParameter',
      'The request must contain a destination: Destination, DestinationIp, or the DestinationAddress of a filter.',
    );
  }
  if (destination === source)
    throw new ApiError('InvalidParameterValue', `Source and destination are the same: ${source}.`);
  if (source.startsWith('igw-') && destination?.startsWith('igw-'))
    throw new ApiError('InvalidParameterCombination', 'Source and destination cannot both be internet gateways.');
  return {
    source,
    protocol: protocol as 'tcp' | 'udp',
    ...(destination === undefined ? {} : { destination }),
    ...(sourceIp === undefined ? {} : { sourceIp }),
    ...(destinationIp === undefined ? {} : { destinationIp }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(filterAtSource === undefined ? {} : { filterAtSource }),
    ...(filterAtDestination === undefined ? {} : { filterAtDestination }),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInsightsPath.html */
const createNetworkInsightsPath = writeOperation<CreateNetworkInsightsPathRequest, CreateNetworkInsightsPathResult>({
  service: 'ec2',
  name: 'CreateNetworkInsightsPath',
  resources: (input, context) => [
    arn(context, type),
    ...[input.Source, input.Destination].flatMap(text => {
      const id = idOf(text ?? '');
      return /^(i|eni|igw)-/.test(id) ? [componentArn(context, id)] : [];
    }),
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    const path = parsePath(context, input);
    const tags = parseTagSpecifications(input.TagSpecifications, [type])[type] ?? {};
    const present = db.countBy(networkInsightsPaths, 'owner', owner);
    checkLimit(present, insightsLimits.paths, 'ResourceLimitExceeded', 'network insights paths');
    const row: NetworkInsightsPathRow = { networkInsightsPathId: newId('nip'), owner, createTime: now, ...path };
    db.put(networkInsightsPaths, row);
    addTags(db, { resourceId: row.networkInsightsPathId, resourceType: type, owner }, tags);
    return { NetworkInsightsPath: render(context, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsPath.html */
const deleteNetworkInsightsPath = writeOperation<DeleteNetworkInsightsPathRequest, DeleteNetworkInsightsPathResult>({
  service: 'ec2',
  name: 'DeleteNetworkInsightsPath',
  resources: (input, context) => [arn(context, type, input.NetworkInsightsPathId)],
  run: (input, context) => {
    const { db } = context;
    const id = input.NetworkInsightsPathId ?? '';
    findById(context, networkInsightsPaths, idKinds.networkInsightsPath, id);
    const analyses = db.countBy(networkInsightsAnalyses, 'path', id);
    if (analyses > 0) {
      throw new ApiError(
        'AnalysisExistsForNetworkInsightsPath',
        `The network insights path '${id}' has ${analyses} ${analyses === 1 ? 'analysis' : 'analyses'}. Delete them first.`,
      );
    }
    db.delete(networkInsightsPaths, id);
    removeAllTags(db, id);
    return { NetworkInsightsPathId: id };
  },
});

const rangeText = (ports: { from: number; to: number } | undefined) =>
  ports === undefined ? undefined : `${ports.from}-${ports.to}`;

const filters: FilterTable<NetworkInsightsPathRow> = {
  destination: row => row.destination,
  source: row => row.source,
  protocol: row => row.protocol,
  'filter-at-source.source-address': row => row.filterAtSource?.sourceAddress,
  'filter-at-source.source-port-range': row => rangeText(row.filterAtSource?.sourcePorts),
  'filter-at-source.destination-address': row => row.filterAtSource?.destinationAddress,
  'filter-at-source.destination-port-range': row => rangeText(row.filterAtSource?.destinationPorts),
  'filter-at-destination.source-address': row => row.filterAtDestination?.sourceAddress,
  'filter-at-destination.source-port-range': row => rangeText(row.filterAtDestination?.sourcePorts),
  'filter-at-destination.destination-address': row => row.filterAtDestination?.destinationAddress,
  'filter-at-destination.destination-port-range': row => rangeText(row.filterAtDestination?.destinationPorts),
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsPaths.html */
const describeNetworkInsightsPaths = readOperation<
  DescribeNetworkInsightsPathsRequest,
  DescribeNetworkInsightsPathsResult
>({
  service: 'ec2',
  name: 'DescribeNetworkInsightsPaths',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: networkInsightsPaths,
      kind: idKinds.networkInsightsPath,
      ids: input.NetworkInsightsPathIds,
      filters,
      keyFilter: '',
      range: [1, 100],
    });
    return { NetworkInsightsPaths: page.rows.map(row => render(context, row)), NextToken: page.nextToken };
  },
});

export const pathOperations: readonly AnyOperation[] = [
  createNetworkInsightsPath,
  deleteNetworkInsightsPath,
  describeNetworkInsightsPaths,
];
