import type { AnyOperation } from '../api/operation.ts';

/** Every EC2 operation, by resource. A new resource adds one line. */
export const ec2Operations: readonly AnyOperation[] = [];
