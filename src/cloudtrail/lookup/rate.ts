import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { Services } from '../../api/services.ts';

/** Calls a second for each account and Region. */
const perSecond = 2;

interface Bucket {
  calls: number;
  /** Milliseconds since the epoch. */
  at: number;
}

const bucketsOf = new WeakMap<Services, Map<string, Bucket>>();

/**
 * Holds LookupEvents to its rate.
 * @throws ApiError `ThrottlingException`, which clients answer by waiting
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
export function limitLookups({ services, owner, now }: ReadContext): void {
  let buckets = bucketsOf.get(services);
  if (buckets === undefined) {
    buckets = new Map();
    bucketsOf.set(services, buckets);
  }
  const bucket = buckets.get(owner) ?? { calls: perSecond, at: now };
  const calls = Math.min(perSecond, bucket.calls + (Math.max(0, now - bucket.at) * perSecond) / 1000);
  if (calls < 1) throw new ApiError('ThrottlingException', 'Rate exceeded', 400);
  buckets.set(owner, { calls: calls - 1, at: now });
}
