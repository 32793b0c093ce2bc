import type { AnyOperation } from '../api/operation.ts';
import { groupOperations } from './groups/operations.ts';
import { instanceProfileOperations } from './instance-profiles/operations.ts';
import { accessKeyOperations } from './keys/operations.ts';
import { managedPolicyOperations } from './managed-policies/operations.ts';
import { roleOperations } from './roles/operations.ts';
import { userOperations } from './users/operations.ts';

/** Every operation of IAM, by resource. */
export const iamOperations: readonly AnyOperation[] = [
  ...accessKeyOperations,
  ...groupOperations,
  ...instanceProfileOperations,
  ...managedPolicyOperations,
  ...roleOperations,
  ...userOperations,
];
