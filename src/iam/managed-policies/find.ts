import type { Reader } from '../../state/state.ts';
import { isAwsManaged } from '../arns.ts';
import { awsManagedPolicy } from '../aws-managed/policies.ts';
import { invalidInput, noSuchEntity } from '../errors.ts';
import { managedPolicies, type PolicyRow, type PolicyVersionRow } from './model.ts';

/** A managed policy that an account may use: its own, or one of AWS's. */
export function managedPolicy(db: Reader, account: string, arn: string): PolicyRow | undefined {
  if (isAwsManaged(arn)) return awsManagedPolicy(arn);
  const row = db.get(managedPolicies, arn);
  return row?.account === account ? row : undefined;
}

/** @throws ApiError `InvalidInput` */
export function checkPolicyArn(arn: string): void {
  if (!/^arn:aws:iam::(?:aws|\d{12}):policy\/\S+$/.test(arn)) throw invalidInput(`ARN ${arn} is not valid.`);
}

/** @throws ApiError `InvalidInput`, `NoSuchEntity` */
export function findManagedPolicy(
  { db, account }: { readonly db: Reader; readonly account: string },
  arn: string,
): PolicyRow {
  checkPolicyArn(arn);
  const policy = managedPolicy(db, account, arn);
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  return policy;
}

/** @throws ApiError `NoSuchEntity` */
export function findVersion(policy: PolicyRow, versionId: string): PolicyVersionRow {
  const version = policy.versions.find(one => one.versionId === versionId);
  if (version === undefined) {
    throw noSuchEntity(`Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`);
  }
  return version;
}

/** The version that is in effect. */
export function defaultVersion(policy: PolicyRow): PolicyVersionRow {
  return findVersion(policy, policy.defaultVersionId);
}
