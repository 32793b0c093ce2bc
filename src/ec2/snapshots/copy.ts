import type { CopySnapshotRequest, CopySnapshotResult } from '@aws-sdk/client-ec2';
import type { ConditionKeys } from '../../api/access.ts';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { planCopy } from '../ebs-encryption/encryption.ts';
import { regionFacts } from '../regions/catalogue.ts';
import { addTags, parseTagSpecifications, type Tags, tagList } from '../tags/model.ts';
import { checkUsable, visibleSnapshot } from './access.ts';
import { checkDescription } from './create.ts';
import { encryptionOfCopy, type SnapshotEncryption } from './encryption.ts';
import { checkSnapshotLimits, snapshotLimits } from './limits.ts';
import { lineageOf, noVolume } from './lineage.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/** Minutes that a copy may be given. */
const durations = { least: 15, most: 2880, step: 15 } as const;

/**
 * Sent to the Region that the copy will be in. A presigned URL proves elsewhere that the caller may read the source; here
 * it is asked of his policies at once, whether there is a URL or not.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html
 */
export const copySnapshot = writeOperation<CopySnapshotRequest, CopySnapshotResult>({
  service: 'ec2',
  name: 'CopySnapshot',
  resources: (input, context) => {
    const place = { account: '', region: input.SourceRegion ?? context.region };
    const source = arn(place, 'snapshot', input.SourceSnapshotId);
    return [{ arn: arn(context, 'snapshot'), keys: newCopyKeys(input, context, source) }, source];
  },
  run: (input, context) => {
    refusePlaces(input);
    const { DestinationRegion: region } = input;
    if (region !== undefined && region !== context.region) {
      throw invalid(region, 'destinationRegion', `This request came to the endpoint of ${context.region}.`);
    }
    const completionMinutes = checkDuration(input.CompletionDurationMinutes);
    const { snapshot: tags = {} } = parseTagSpecifications(input.TagSpecifications, ['snapshot']);
    const description = checkDescription(input.Description);
    const source = copySource(context, input.SourceRegion ?? '', input.SourceSnapshotId ?? '');
    const encryption = encryptionOfCopy(context, input, source);
    const row = makeCopy(context, { source, description, tags, encryption, completionMinutes });
    return { SnapshotId: row.snapshotId, Tags: tagList(context.db, row.snapshotId) };
  },
});

/** Of the copy that would be; of a request that is wrong in itself, nothing is known but its source. */
function newCopyKeys(input: CopySnapshotRequest, context: ReadContext, source: string): ConditionKeys {
  const keys = { 'ec2:ParentSnapshot': source };
  try {
    const row = copySource(context, input.SourceRegion ?? '', input.SourceSnapshotId ?? '');
    return { ...keys, 'ec2:Encrypted': planCopy(context, input, row).encrypted, 'ec2:VolumeSize': row.volumeSize };
  } catch (error) {
    if (error instanceof ApiError) return keys;
    throw error;
  }
}

/**
 * A snapshot that the caller may copy, now.
 * @throws ApiError `InvalidParameterValue` (the Region), `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound`,
 * `IncorrectState`
 */
export function copySource(context: ReadContext, region: string, snapshotId: string): SnapshotRow {
  if (regionFacts(region) === undefined) throw invalid(region, 'sourceRegion', 'There is no such Region.');
  const there = { db: context.db, account: context.account, region, owner: `${context.account}/${region}` };
  const row = visibleSnapshot(there, snapshotId);
  checkUsable(row);
  return row;
}

export interface CopyRequest {
  readonly source: SnapshotRow;
  readonly description: string;
  readonly tags?: Tags;
  readonly encryption: SnapshotEncryption;
  readonly completionMinutes?: number | undefined;
}

/**
 * Makes a snapshot with another's content in the caller's Region, pending: the controller `snapshot-copies` copies it.
 * @throws ApiError `ResourceLimitExceeded`, `SnapshotLimitExceeded`, `PendingSnapshotLimitExceeded`
 */
export function makeCopy(context: WriteContext, request: CopyRequest): SnapshotRow {
  const { db, owner, now } = context;
  const { source, description, tags = {}, encryption, completionMinutes } = request;
  checkSnapshotLimits(context, 1);
  if (db.countBy(snapshots, 'copying', owner) >= snapshotLimits.copies) {
    throw new ApiError(
      'ResourceLimitExceeded',
      `Too many snapshot copies in progress. The limit is ${snapshotLimits.copies} for this destination region.`,
    );
  }
  const row: SnapshotRow = {
    snapshotId: newId('snap'),
    owner,
    volumeId: noVolume,
    lineage: lineageOf(source),
    volumeSize: source.volumeSize,
    state: 'pending',
    description,
    ...encryption,
    startTime: now,
    copied: completionMinutes === undefined ? {} : { completionMinutes },
    making: { kind: 'copy', sourceId: source.snapshotId },
  };
  db.put(snapshots, row);
  addTags(db, { resourceId: row.snapshotId, resourceType: 'snapshot', owner }, tags);
  return row;
}

/** @throws ApiError `InvalidParameterValue` */
export function checkDuration(minutes: number | undefined, name = 'CompletionDurationMinutes'): number | undefined {
  if (minutes === undefined) return undefined;
  if (minutes >= durations.least && minutes <= durations.most && minutes % durations.step === 0) return minutes;
  throw invalid(minutes, name, `Give a multiple of ${durations.step} from ${durations.least} to ${durations.most}.`);
}

function refusePlaces({ DestinationOutpostArn, DestinationAvailabilityZone }: CopySnapshotRequest): void {
  if (DestinationOutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out DestinationOutpostArn.');
  if (DestinationAvailabilityZone !== undefined)
    throw new ApiError('UnsupportedOperation', 'Local Zones are not supported. Leave out DestinationAvailabilityZone.');
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}
