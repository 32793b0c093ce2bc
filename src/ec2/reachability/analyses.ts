import type {
  DeleteNetworkInsightsAnalysisRequest,
  DeleteNetworkInsightsAnalysisResult,
  DescribeNetworkInsightsAnalysesRequest,
  DescribeNetworkInsightsAnalysesResult,
  NetworkInsightsAnalysis,
  StartNetworkInsightsAnalysisRequest,
  StartNetworkInsightsAnalysisResult,
} from '@aws-sdk/client-ec2';
import { arn, parseArn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findById, findByIds, idKinds, newId } from '../../api/ids.ts';
import {
  type AnyOperation,
  type ReadContext,
  readOperation,
  type WriteContext,
  writeOperation,
} from '../../api/operation.ts';
import { paginate, paginateEntries } from '../../api/pagination.ts';
import { entriesOf, sorted } from '../describe.ts';
import { checkLimit } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList, tagsOf } from '../tags/model.ts';
import { evaluatePath } from './evaluate.ts';
import {
  analysisLifetime,
  insightsLimits,
  type NetworkInsightsAnalysisRow,
  networkInsightsAnalyses,
  networkInsightsPaths,
} from './model.ts';

const type = 'network-insights-analysis';

/** What is known of an analysis while it runs. */
function renderStart(context: ReadContext, row: NetworkInsightsAnalysisRow): NetworkInsightsAnalysis {
  const { filterInArns, filterOutArns } = row;
  return {
    NetworkInsightsAnalysisId: row.networkInsightsAnalysisId,
    NetworkInsightsAnalysisArn: arn(context, type, row.networkInsightsAnalysisId),
    NetworkInsightsPathId: row.networkInsightsPathId,
    StartDate: new Date(row.startTime),
    ...(filterInArns.length === 0 ? {} : { FilterInArns: [...filterInArns] }),
    ...(filterOutArns.length === 0 ? {} : { FilterOutArns: [...filterOutArns] }),
    Status: 'running',
    Tags: tagList(context.db, row.networkInsightsAnalysisId) ?? [],
  };
}

function render(context: ReadContext, row: NetworkInsightsAnalysisRow): NetworkInsightsAnalysis {
  return {
    ...renderStart(context, row),
    Status: 'succeeded',
    NetworkPathFound: row.networkPathFound,
    ForwardPathComponents: [...row.forwardPathComponents],
    ReturnPathComponents: [...row.returnPathComponents],
    Explanations: [...row.explanations],
  };
}

/** @throws ApiError `InvalidParameterValue` */
function checkArns(arns: readonly string[] | undefined, name: string): readonly string[] {
  for (const one of arns ?? []) {
    if (parseArn(one)?.service !== 'ec2') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${one}) for parameter ${name} is invalid. Give ARNs of EC2 resources.`,
      );
    }
  }
  return arns ?? [];
}

/** Analyses are kept for 120 days. */
function forgetOld({ db, owner, now }: WriteContext): void {
  for (const { row } of db.entries(networkInsightsAnalyses, 'owner', owner)) {
    // They are in the order of their start.
    if (isAlive(row, now)) return;
    db.delete(networkInsightsAnalyses, row.networkInsightsAnalysisId);
    removeAllTags(db, row.networkInsightsAnalysisId);
  }
}

function isAlive(row: NetworkInsightsAnalysisRow, now: number): boolean {
  return now - row.startTime < analysisLifetime;
}

/**
 * The analysis takes less than a millisecond, so it is done when the call is answered; the answer says `running`, as
 * EC2's does, and the first look at it `succeeded`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartNetworkInsightsAnalysis.html
 */
const startNetworkInsightsAnalysis = writeOperation<
  StartNetworkInsightsAnalysisRequest,
  StartNetworkInsightsAnalysisResult
>({
  service: 'ec2',
  name: 'StartNetworkInsightsAnalysis',
  resources: (input, context) => [
    arn(context, type),
    arn(context, 'network-insights-path', input.NetworkInsightsPathId),
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    if ((input.AdditionalAccounts ?? []).length > 0) {
      throw new ApiError(
        'UnsupportedOperation',
        'AdditionalAccounts needs trusted access of an organization, which this version of Fogbank does not have.',
      );
    }
    const path = findById(
      context,
      networkInsightsPaths,
      idKinds.networkInsightsPath,
      input.NetworkInsightsPathId ?? '',
    );
    const tags = parseTagSpecifications(input.TagSpecifications, [type])[type] ?? {};
    const filterInArns = checkArns(input.FilterInArns, 'FilterInArns');
    const filterOutArns = checkArns(input.FilterOutArns, 'FilterOutArns');
    forgetOld(context);
    const present = db.countBy(networkInsightsAnalyses, 'owner', owner);
    checkLimit(present, insightsLimits.analyses, 'ResourceLimitExceeded', 'network insights analyses');
    const row: NetworkInsightsAnalysisRow = {
      networkInsightsAnalysisId: newId('nia'),
      owner,
      networkInsightsPathId: path.networkInsightsPathId,
      startTime: now,
      filterInArns,
      filterOutArns,
      ...evaluatePath(context, path, { filterInArns, filterOutArns }),
    };
    db.put(networkInsightsAnalyses, row);
    addTags(db, { resourceId: row.networkInsightsAnalysisId, resourceType: type, owner }, tags);
    return { NetworkInsightsAnalysis: renderStart(context, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsAnalysis.html */
const deleteNetworkInsightsAnalysis = writeOperation<
  DeleteNetworkInsightsAnalysisRequest,
  DeleteNetworkInsightsAnalysisResult
>({
  service: 'ec2',
  name: 'DeleteNetworkInsightsAnalysis',
  resources: (input, context) => [arn(context, type, input.NetworkInsightsAnalysisId)],
  run: (input, context) => {
    const id = input.NetworkInsightsAnalysisId ?? '';
    findById(context, networkInsightsAnalyses, idKinds.networkInsightsAnalysis, id);
    context.db.delete(networkInsightsAnalyses, id);
    removeAllTags(context.db, id);
    return { NetworkInsightsAnalysisId: id };
  },
});

const filters: FilterTable<NetworkInsightsAnalysisRow> = {
  'path-found': row => row.networkPathFound,
  status: () => 'succeeded',
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsAnalyses.html */
const describeNetworkInsightsAnalyses = readOperation<
  DescribeNetworkInsightsAnalysesRequest,
  DescribeNetworkInsightsAnalysesResult
>({
  service: 'ec2',
  name: 'DescribeNetworkInsightsAnalyses',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, now } = context;
    const { NetworkInsightsAnalysisIds: ids = [], NetworkInsightsPathId: pathId } = input;
    const byFilter = compileFilters(input.Filters, filters, row => tagsOf(db, row.networkInsightsAnalysisId));
    if (pathId !== undefined) findById(context, networkInsightsPaths, idKinds.networkInsightsPath, pathId);
    const from = input.AnalysisStartTime?.getTime() ?? Number.NEGATIVE_INFINITY;
    const until = input.AnalysisEndTime?.getTime() ?? Number.POSITIVE_INFINITY;
    const matches = (row: NetworkInsightsAnalysisRow) =>
      row.owner === owner &&
      isAlive(row, now) &&
      (pathId === undefined || row.networkInsightsPathId === pathId) &&
      row.startTime >= from &&
      row.startTime <= until &&
      byFilter?.(row) !== false;
    const range = [1, 100] as const;
    const visible = (row: NetworkInsightsAnalysisRow) => row.owner === owner && isAlive(row, now);
    const found =
      ids.length === 0
        ? undefined
        : findByIds(context, networkInsightsAnalyses, idKinds.networkInsightsAnalysis, ids, visible).map(
            row => row.networkInsightsAnalysisId,
          );
    const rest = { matches, range };
    const page =
      found === undefined
        ? paginate(context, input, {
            table: networkInsightsAnalyses,
            ...(pathId === undefined ? {} : { index: 'path' as const, value: pathId }),
            ...rest,
          })
        : paginateEntries(context, input, {
            entries: sorted(entriesOf(context, networkInsightsAnalyses, found)),
            ...rest,
          });
    return { NetworkInsightsAnalyses: page.rows.map(row => render(context, row)), NextToken: page.nextToken };
  },
});

export const analysisOperations: readonly AnyOperation[] = [
  startNetworkInsightsAnalysis,
  deleteNetworkInsightsAnalysis,
  describeNetworkInsightsAnalyses,
];
