import { deflateRawSync } from 'node:zlib';
import type { PrincipalSession } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';

/** Bytes that policies and tags of a session may take together when packed. */
const allotted = 2_048;

/**
 * How much of the space for policies and tags a session takes, in per cent; undefined when it has none.
 * @throws ApiError `PackedPolicyTooLarge`
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
 */
export function packedSize({
  policies,
  policyArns,
  tags,
}: Pick<PrincipalSession, 'policies' | 'policyArns' | 'tags'>): number | undefined {
  if (policies.length === 0 && policyArns.length === 0 && Object.keys(tags).length === 0) return undefined;
  const bytes = deflateRawSync(JSON.stringify([policies, policyArns, tags])).length;
  const percent = Math.ceil((bytes * 100) / allotted);
  if (percent > 100) {
    throw new ApiError(
      'PackedPolicyTooLarge',
      `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
    );
  }
  return percent;
}
