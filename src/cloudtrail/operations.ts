import type { AnyOperation } from '../api/operation.ts';
import { lookupOperations } from './lookup/operations.ts';
import { trailOperations } from './trails/operations.ts';

/** The operations of CloudTrail. */
export const cloudTrailOperations: readonly AnyOperation[] = [...lookupOperations, ...trailOperations];
