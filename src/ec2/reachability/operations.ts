import type { AnyOperation } from '../../api/operation.ts';
import { analysisOperations } from './analyses.ts';
import { pathOperations } from './paths.ts';

/** Reachability Analyzer. @see https://docs.aws.amazon.com/vpc/latest/reachability/ */
export const reachabilityOperations: readonly AnyOperation[] = [...pathOperations, ...analysisOperations];
