import type { AnyOperation } from '../api/operation.ts';
import { aliasOperations } from './aliases/operations.ts';
import { cryptographicOperations } from './cryptography/operations.ts';
import { grantOperations } from './grants/operations.ts';
import { createKey } from './keys/create.ts';
import { describeKey, listKeys, updateKeyDescription } from './keys/describe.ts';
import { getKeyPolicy, listKeyPolicies, putKeyPolicy } from './keys/policy-operations.ts';
import {
  disableKeyRotation,
  enableKeyRotation,
  getKeyRotationStatus,
  listKeyRotations,
  rotateKeyOnDemand,
} from './keys/rotation.ts';
import { cancelKeyDeletion, disableKey, enableKey, scheduleKeyDeletion } from './keys/states.ts';
import { listResourceTags, tagResource, untagResource } from './keys/tag-operations.ts';

export const kmsOperations: readonly AnyOperation[] = [
  createKey,
  describeKey,
  listKeys,
  updateKeyDescription,
  enableKey,
  disableKey,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  getKeyPolicy,
  putKeyPolicy,
  listKeyPolicies,
  tagResource,
  untagResource,
  listResourceTags,
  enableKeyRotation,
  disableKeyRotation,
  getKeyRotationStatus,
  rotateKeyOnDemand,
  listKeyRotations,
  ...aliasOperations,
  ...grantOperations,
  ...cryptographicOperations,
];
