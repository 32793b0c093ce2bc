import type { AnyOperation } from './api/operation.ts';
import { cloudTrailOperations } from './cloudtrail/operations.ts';
import { ebsOperations } from './ebs/operations.ts';
import { ec2Operations } from './ec2/operations.ts';
import { iamOperations } from './iam/operations.ts';
import { kmsOperations } from './kms/operations.ts';
import { recycleBinOperations } from './rbin/operations.ts';
import { ssmOperations } from './ssm/operations.ts';
import { stsOperations } from './sts/operations.ts';

/** Every operation of every service. */
export const operations: readonly AnyOperation[] = [
  ...cloudTrailOperations,
  ...ebsOperations,
  ...ec2Operations,
  ...iamOperations,
  ...kmsOperations,
  ...recycleBinOperations,
  ...ssmOperations,
  ...stsOperations,
];
