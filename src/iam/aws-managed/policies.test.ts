import { describe, expect, test } from 'vitest';
import { serviceModel } from '../../models/models.ts';
import { validatePolicyDocument } from '../policy/validate.ts';
import { policySize } from '../policy-text.ts';
import { awsManagedPolicies, awsManagedPolicy } from './policies.ts';

const all = [...awsManagedPolicies().values()];

test('they are those that people use with EC2, under their ARNs', () => {
  for (const arn of [
    'AdministratorAccess',
    'PowerUserAccess',
    'ReadOnlyAccess',
    'SecurityAudit',
    'job-function/ViewOnlyAccess',
    'AmazonEC2FullAccess',
    'AmazonEC2ReadOnlyAccess',
    'AmazonSSMManagedInstanceCore',
    'AmazonSSMFullAccess',
    'AmazonSSMReadOnlyAccess',
    'AutoScalingFullAccess',
    'AutoScalingReadOnlyAccess',
    'CloudWatchFullAccess',
    'CloudWatchReadOnlyAccess',
    'CloudWatchAgentServerPolicy',
    'IAMFullAccess',
    'IAMReadOnlyAccess',
    'IAMUserChangePassword',
    'EC2InstanceConnect',
    'AmazonVPCFullAccess',
    'AmazonVPCReadOnlyAccess',
    'AWSCloudTrail_ReadOnlyAccess',
    'AWSCloudTrail_FullAccess',
    'service-role/AmazonEC2SpotFleetTaggingRole',
    'aws-service-role/AutoScalingServiceRolePolicy',
    'aws-service-role/AWSEC2SpotServiceRolePolicy',
  ]) {
    expect(awsManagedPolicy(`arn:aws:iam::aws:policy/${arn}`)?.policyName).toBe(arn.split('/').at(-1));
  }
  expect(new Set(all.map(row => row.policyId)).size).toBe(all.length);
  expect(new Set(all.map(row => row.policyName)).size).toBe(all.length);
});

describe.each(all.map(row => [row.policyName, row] as const))('%s', (_name, row) => {
  const document = row.versions[0]?.document ?? '';

  test('is a valid policy', () => {
    expect(() => validatePolicyDocument(document, 'managed')).not.toThrow();
    expect(policySize(document)).toBeLessThanOrEqual(6144);
    expect(row.policyId).toMatch(/^ANPA[0-9A-Z]{17}$/);
  });

  // A name that is misspelt allows nothing and says nothing.
  test('names operations that exist, where the service is one of those here', () => {
    const services: Readonly<Record<string, string>> = { monitoring: 'cloudwatch' };
    const unknown: string[] = [];
    for (const { Action } of JSON.parse(document).Statement) {
      for (const action of Action ?? []) {
        const [service = '', name = ''] = action.split(':');
        const model = serviceModel(services[service] ?? service);
        if (model === undefined || name.includes('*') || notOperations.has(action)) continue;
        if (!model.operationNames.some(operation => operation.toLowerCase() === name.toLowerCase()))
          unknown.push(action);
      }
    }
    expect(unknown).toEqual([]);
  });
});

/** Permissions that are not operations, and operations that the models have no more. */
const notOperations = new Set([
  'cloudwatch:GenerateQuery',
  'iam:PassRole',
  'ec2:RestoreAddressToClassic',
  'ssm:GetManifest',
  'ssm:PutConfigurePackageResult',
  'ssm:UpdateInstanceAssociationStatus',
  'ssm:UpdateInstanceInformation',
  'ssm:ListInstanceAssociations',
]);
