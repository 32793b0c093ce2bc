import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { TrailRow } from './model.ts';

const compress = promisify(gzip);

/** Where a file of a trail goes, by AWS's rules, below the folder of all buckets. */
export interface LogFile {
  readonly trail: Pick<TrailRow, 'account' | 'bucket' | 'prefix' | 'trailArn'>;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Sequence of the first event that it may have: with the trail's ARN it makes the name unique, and the same again. */
  readonly first: number;
}

/**
 * `BUCKET/PREFIX/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz`
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html#cloudtrail-log-filename-format
 */
export function logFilePath({ trail, region, at, first }: LogFile): string {
  const { account, bucket, prefix = '' } = trail;
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  const minute = `${year}${month}${day}T${time.slice(0, 5).replace(':', '')}Z`;
  const name = `${account}_CloudTrail_${region}_${minute}_${unique(`${trail.trailArn} ${first}`)}.json.gz`;
  return join(bucket, prefix, 'AWSLogs', account, 'CloudTrail', region, year, month, day, name);
}

/** Sixteen letters and digits. */
function unique(of: string): string {
  const digest = createHash('sha256').update(of).digest('base64').replaceAll(/[+/=]/g, '');
  return digest.slice(0, 16);
}

/** Writes a file whole or not at all, and makes it safe from a loss of power. @param events JSON texts */
export async function writeLogFile(path: string, events: readonly string[]): Promise<void> {
  const data = await compress(`{"Records":[${events.join(',')}]}`);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const parent = await open(folder, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
