import { createHash } from 'node:crypto';
import { awsManagedAccount, entityArn } from '../arns.ts';
import { uniqueIdPrefixes } from '../ids.ts';
import type { PolicyRow } from '../managed-policies/model.ts';
import type { AwsManagedPolicy } from './declare.ts';
import { ec2Policies } from './ec2.ts';
import { generalPolicies } from './general.ts';
import { identityPolicies } from './identity.ts';
import { managementPolicies } from './management.ts';

/** AWS's managed policies date from when there were managed policies. */
const created = Date.UTC(2015, 1, 6, 18, 40, 0);

let made: ReadonlyMap<string, PolicyRow> | undefined;

/**
 * The policies that AWS manages and that people use with EC2, the same for every account, by ARN. What they grant is
 * what AWS's grant on the services that are here; wide read-only policies are written by the verbs of reading.
 * @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html
 */
export function awsManagedPolicies(): ReadonlyMap<string, PolicyRow> {
  made ??= new Map(
    [...generalPolicies, ...ec2Policies, ...managementPolicies, ...identityPolicies]
      .map(rowOf)
      .map(row => [row.arn, row]),
  );
  return made;
}

export function awsManagedPolicy(arn: string): PolicyRow | undefined {
  return awsManagedPolicies().get(arn);
}

function rowOf({ name, path, description, statements }: AwsManagedPolicy): PolicyRow {
  const arn = entityArn(awsManagedAccount, 'policy', path, name);
  const document = JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 2);
  return {
    arn,
    account: awsManagedAccount,
    policyId: uniqueIdPrefixes.policy + createHash('sha256').update(arn).digest('hex').toUpperCase().slice(0, 17),
    policyName: name,
    path,
    description,
    createDate: created,
    updateDate: created,
    defaultVersionId: 'v1',
    versions: [{ versionId: 'v1', document, createDate: created }],
    nextVersion: 2,
    tags: [],
  };
}
