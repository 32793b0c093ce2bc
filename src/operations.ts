import type { AnyOperation } from './api/operation.ts';
import { ec2Operations } from './ec2/operations.ts';

/** Every operation of every service. */
export const operations: readonly AnyOperation[] = [...ec2Operations];
