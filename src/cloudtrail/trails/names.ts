import { ApiError } from '../../api/errors.ts';

/** ARN of a trail. */
export function trailArn(account: string, region: string, name: string): string {
  return `arn:aws:cloudtrail:${region}:${account}:trail/${name}`;
}

/** @throws ApiError `InvalidTrailNameException` @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html */
export function checkTrailName(name: string): void {
  const problem =
    name.length < 3 || name.length > 128
      ? 'It must have 3 to 128 characters.'
      : !/^[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$/.test(name)
        ? 'It must have letters, digits, periods, underscores and dashes only, and begin and end with a letter or digit.'
        : /[._-]{2}/.test(name)
          ? 'It must not have periods, underscores or dashes next to each other.'
          : isAddress(name)
            ? 'It must not look like an IP address.'
            : undefined;
  if (problem !== undefined) {
    throw new ApiError('InvalidTrailNameException', `The trail name '${name.slice(0, 150)}' is not valid. ${problem}`);
  }
}

/**
 * Names of buckets and prefixes become names of folders.
 * @throws ApiError `InvalidS3BucketNameException`
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function checkBucketName(name: string): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes('..') || isAddress(name)) {
    throw new ApiError(
      'InvalidS3BucketNameException',
      `The bucket name '${name.slice(0, 100)}' is not valid. It must have 3 to 63 lower-case letters, digits, periods and ` +
        'hyphens, begin and end with a letter or digit, and not look like an IP address.',
    );
  }
}

/** @throws ApiError `InvalidS3PrefixException` */
export function checkPrefix(prefix: string): void {
  const isPath = prefix.split('/').every(part => /^[\w!.*'()-]+$/.test(part) && part !== '.' && part !== '..');
  if (prefix.length > 200 || !isPath) {
    throw new ApiError(
      'InvalidS3PrefixException',
      "The prefix must have at most 200 letters, digits and !-_.*'() in parts between slashes, without a slash at its ends.",
    );
  }
}

const isAddress = (name: string) => /^\d+\.\d+\.\d+\.\d+$/.test(name);
