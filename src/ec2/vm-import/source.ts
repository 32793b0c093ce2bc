import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { trails } from '../../cloudtrail/trails/model.ts';
import { nameKey } from '../../iam/entity.ts';
import { roles } from '../../iam/roles/model.ts';
import { isBucketName, isObjectKey } from '../../images/buckets.ts';
import type { Reader } from '../../state/state.ts';
import { flowLogs } from '../flow-logs/model.ts';
import { type DiskSource, exportTasks, type ImportFormat } from './model.ts';
import { storeTasks } from './store-model.ts';

interface Container {
  readonly Url?: string | undefined;
  readonly UserBucket?: { readonly S3Bucket?: string | undefined; readonly S3Key?: string | undefined } | undefined;
}

/**
 * Where a request says that a disk's file is: in a bucket, or behind an HTTP address.
 * @throws ApiError `InvalidParameterValue`, `MissingParameter`
 */
export function diskSource(context: ReadContext, { Url: url, UserBucket: userBucket }: Container): DiskSource {
  if (url !== undefined && userBucket !== undefined)
    throw new ApiError('InvalidParameterCombination', 'A disk container has Url or UserBucket, not both.');
  if (userBucket !== undefined) return bucketSource(context, userBucket.S3Bucket, userBucket.S3Key);
  if (url === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter Url or UserBucket');
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
  if (bucket !== undefined) return bucketSource(context, bucket, key);
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${url.slice(0, 200)}) for parameter Url is invalid. Use s3://BUCKET/KEY, https://… or http://….`,
    );
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw new ApiError('InvalidParameterValue', 'The Url must not have a password in it: others may read the task.');
  return { kind: 'url', url };
}

function bucketSource(context: ReadContext, bucket = '', key = ''): DiskSource {
  checkBucket(context, bucket);
  if (isObjectKey(key)) return { kind: 'bucket', bucket, key };
  throw new ApiError('InvalidParameterValue', `Value (${key.slice(0, 200)}) for parameter S3Key is invalid.`);
}

/**
 * A bucket that the caller may use. There is no S3 that would know whose a bucket is: it is another account's when that
 * one has its logs, or what it exports, written there.
 * @throws ApiError `InvalidParameterValue`, `InvalidS3Bucket…`
 */
export function checkBucket({ db, account }: Pick<ReadContext, 'db' | 'account'>, bucket: string): void {
  if (!isBucketName(bucket)) {
    throw new ApiError('InvalidParameterValue', `Value (${bucket.slice(0, 100)}) for parameter S3Bucket is invalid.`);
  }
  for (const user of usersOf(db, bucket)) {
    if (user !== account) {
      throw new ApiError('InvalidParameterValue', `Access to the bucket ${bucket} is denied: it is another account's.`);
    }
  }
}

function* usersOf(db: Reader, bucket: string): Generator<string> {
  for (const row of db.by(exportTasks, 'bucket', bucket)) yield accountOf(row.owner);
  for (const row of db.by(storeTasks, 'bucket', bucket)) yield accountOf(row.owner);
  for (const { row } of db.entries(trails)) if (row.bucket === bucket) yield row.account;
  for (const { row } of db.entries(flowLogs)) {
    const destination = row.logDestination.slice('arn:aws:s3:::'.length);
    if (destination.split('/', 1)[0] === bucket) yield accountOf(row.owner);
  }
}

const formats: Readonly<Record<string, ImportFormat>> = {
  RAW: 'raw',
  VMDK: 'vmdk',
  VHD: 'vhd',
  VHDX: 'vhdx',
  OVA: 'ova',
  // Not on AWS.
  QCOW2: 'qcow2',
};

/** @throws ApiError `InvalidParameterValue` */
export function diskFormat(format: string | undefined, allowed: readonly string[]): ImportFormat | undefined {
  if (format === undefined || format === '') return undefined;
  const name = format.toUpperCase();
  const found = allowed.includes(name) ? formats[name] : undefined;
  if (found !== undefined) return found;
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${format.slice(0, 50)}) for parameter Format is invalid. Use one of ${allowed.join(', ')}.`,
  );
}

/**
 * The role that the request names must be there, as AWS has it. Without one none is needed: it would stand for access to
 * S3 alone.
 * @throws ApiError `InvalidParameter`
 */
export function checkRole({ db, account }: Pick<ReadContext, 'db' | 'account'>, name: string | undefined): void {
  if (name === undefined || name === '' || db.firstBy(roles, 'name', nameKey(account, name)) !== undefined) return;
  throw new ApiError(
    'InvalidParameter',
    `The service role ${name} provided does not exist or does not have sufficient permissions`,
  );
}
