import type { AnyOperation } from '../api/operation.ts';
import { ruleOperations } from './rule-operations.ts';
import { ruleTagOperations } from './tag-operations.ts';

/** The Recycle Bin. @see https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html */
export const recycleBinOperations: readonly AnyOperation[] = [...ruleOperations, ...ruleTagOperations];
