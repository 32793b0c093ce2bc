import type {
  CreateTrailRequest,
  CreateTrailResponse,
  DeleteTrailRequest,
  DeleteTrailResponse,
  DescribeTrailsRequest,
  DescribeTrailsResponse,
  GetTrailRequest,
  GetTrailResponse,
  ListTrailsRequest,
  ListTrailsResponse,
  Trail,
  UpdateTrailRequest,
  UpdateTrailResponse,
} from '@aws-sdk/client-cloudtrail';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { openPlace, sealPlace } from '../../api/pagination.ts';
import { unsupported } from '../errors.ts';
import { arnOf, findOwnTrail, findTrail, trailsIn } from './find.ts';
import { loggingOperations } from './logging.ts';
import { type TrailRow, trailLogs, trails } from './model.ts';
import { checkBucketName, checkPrefix, checkTrailName, trailArn } from './names.ts';
import { selectorOperations } from './selector-operations.ts';
import { newTags, tagOperations } from './tags.ts';

/** Trails that may be seen in a Region. @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html */
const largestNumber = 5;
const service = 'cloudtrail';

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html */
const createTrail = writeOperation<CreateTrailRequest, CreateTrailResponse>({
  service,
  name: 'CreateTrail',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const { Name: name = '', S3BucketName: bucket = '', S3KeyPrefix: prefix } = input;
    const { account, region: homeRegion, db } = context;
    checkTrailName(name);
    checkDestination(input);
    checkSupported(input);
    const isMultiRegion = input.IsMultiRegionTrail ?? false;
    const includeGlobalServiceEvents = input.IncludeGlobalServiceEvents ?? true;
    checkGlobal(isMultiRegion, includeGlobalServiceEvents);
    const arn = trailArn(account, homeRegion, name);
    if (trailsIn(context).some(row => row.name === name)) {
      throw new ApiError('TrailAlreadyExistsException', `Trail ${name} already exists for customer: ${account}`);
    }
    if (trailsIn(context).length >= largestNumber) {
      throw new ApiError(
        'MaximumNumberOfTrailsExceededException',
        `User: ${account} already has ${largestNumber} trails in ${homeRegion}. Delete one first.`,
      );
    }
    const row: TrailRow = {
      trailArn: arn,
      account,
      homeRegion,
      name,
      bucket,
      ...(prefix && { prefix }),
      includeGlobalServiceEvents,
      isMultiRegion,
      tags: newTags(input.TagsList),
    };
    db.put(trails, row);
    db.put(trailLogs, { trailArn: arn, isLogging: false, position: context.services.events.last });
    const { HomeRegion: _home, HasCustomEventSelectors: _c, HasInsightSelectors: _i, ...shown } = shownTrail(row);
    return shown;
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html */
const updateTrail = writeOperation<UpdateTrailRequest, UpdateTrailResponse>({
  service,
  name: 'UpdateTrail',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const row = findOwnTrail(context, input.Name ?? '');
    checkDestination(input);
    checkSupported(input);
    const { prefix: _prefix, ...rest } = row;
    const prefix = input.S3KeyPrefix ?? row.prefix;
    const changed: TrailRow = {
      ...rest,
      bucket: input.S3BucketName ?? row.bucket,
      ...(prefix && { prefix }),
      includeGlobalServiceEvents: input.IncludeGlobalServiceEvents ?? row.includeGlobalServiceEvents,
      isMultiRegion: input.IsMultiRegionTrail ?? row.isMultiRegion,
    };
    checkGlobal(changed.isMultiRegion, changed.includeGlobalServiceEvents);
    context.db.put(trails, changed);
    const { HomeRegion: _home, HasCustomEventSelectors: _c, HasInsightSelectors: _i, ...shown } = shownTrail(changed);
    return shown;
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html */
const deleteTrail = writeOperation<DeleteTrailRequest, DeleteTrailResponse>({
  service,
  name: 'DeleteTrail',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => {
    const row = findOwnTrail(context, input.Name ?? '');
    const log = context.db.get(trailLogs, row.trailArn);
    // What has happened up to this call is still delivered.
    context.db.put(trails, { ...row, isDeleted: true });
    if (log !== undefined) {
      const lastRequest = log.isLogging ? context.call.requestId : log.lastRequest;
      context.db.put(trailLogs, { ...log, isLogging: false, ...(lastRequest !== undefined && { lastRequest }) });
    }
    return {};
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrail.html */
const getTrail = readOperation<GetTrailRequest, GetTrailResponse>({
  service,
  name: 'GetTrail',
  resources: (input, context) => [arnOf(context, input.Name ?? '')],
  run: (input, context) => ({ Trail: shownTrail(findTrail(context, input.Name ?? '')) }),
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html */
const describeTrails = readOperation<DescribeTrailsRequest, DescribeTrailsResponse>({
  service,
  name: 'DescribeTrails',
  resources: () => ['*'],
  run: (input, context) => {
    const { trailNameList: names = [], includeShadowTrails = true } = input;
    const found =
      names.length === 0
        ? trailsIn(context)
        : [...new Set(names)].flatMap(name =>
            trailsIn(context).filter(row => row.name === name || row.trailArn === name),
          );
    const rows = found.filter(row => includeShadowTrails || row.homeRegion === context.region);
    return { trailList: rows.map(shownTrail) };
  },
});

const pageSize = 100;

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html */
const listTrails = readOperation<ListTrailsRequest, ListTrailsResponse>({
  service,
  name: 'ListTrails',
  resources: () => ['*'],
  run: (input, context) => {
    const start = input.NextToken === undefined ? 0 : openPlace(context, input.NextToken);
    if (start === undefined) throw new ApiError('InvalidNextTokenException', 'This NextToken is not of this listing.');
    const all = context.db.by(trails, 'account', context.account);
    const Trails = all
      .slice(start, start + pageSize)
      .map(row => ({ TrailARN: row.trailArn, Name: row.name, HomeRegion: row.homeRegion }));
    const end = start + pageSize;
    return { Trails, ...(end < all.length && { NextToken: sealPlace(context, end) }) };
  },
});

function shownTrail(row: TrailRow): Trail {
  return {
    Name: row.name,
    S3BucketName: row.bucket,
    ...(row.prefix !== undefined && { S3KeyPrefix: row.prefix }),
    IncludeGlobalServiceEvents: row.includeGlobalServiceEvents,
    IsMultiRegionTrail: row.isMultiRegion,
    HomeRegion: row.homeRegion,
    TrailARN: row.trailArn,
    LogFileValidationEnabled: false,
    HasCustomEventSelectors: row.selectors !== undefined,
    HasInsightSelectors: false,
    IsOrganizationTrail: false,
  };
}

function checkDestination({ S3BucketName, S3KeyPrefix }: UpdateTrailRequest): void {
  if (S3BucketName !== undefined) checkBucketName(S3BucketName);
  if (S3KeyPrefix) checkPrefix(S3KeyPrefix);
}

/** A trail of all Regions has the events of global services, which AWS does not let one switch off. */
function checkGlobal(isMultiRegion: boolean, includeGlobal: boolean): void {
  if (isMultiRegion && !includeGlobal) {
    throw new ApiError(
      'InvalidParameterCombinationException',
      'Multi-Region trail must include global service events.',
    );
  }
}

function checkSupported(input: UpdateTrailRequest): void {
  if (input.EnableLogFileValidation) {
    throw unsupported(
      'Log file validation is not supported: digests carry their signature in metadata of S3, which folders do not have.',
    );
  }
  const parts: [given: unknown, what: string][] = [
    [input.SnsTopicName, 'Notifications by Amazon SNS are'],
    [input.CloudWatchLogsLogGroupArn ?? input.CloudWatchLogsRoleArn, 'Delivery to CloudWatch Logs is'],
    [input.KmsKeyId, 'Encryption under a key of AWS KMS is'],
    [input.IsOrganizationTrail, 'Trails of an organization are'],
  ];
  for (const [given, what] of parts) if (given) throw unsupported(`${what} not supported. Leave the parameter out.`);
}

export const trailOperations: readonly AnyOperation[] = [
  createTrail,
  updateTrail,
  deleteTrail,
  getTrail,
  describeTrails,
  listTrails,
  ...loggingOperations,
  ...selectorOperations,
  ...tagOperations,
];
