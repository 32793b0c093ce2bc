import type { Explanation, PathComponent } from '@aws-sdk/client-ec2';
import { defineTable } from '../../state/table.ts';

/** Of what a path is about at one of its ends; addresses of IPv4 or IPv6. */
export interface PathFilterRow {
  readonly sourceAddress?: string;
  readonly sourcePorts?: { readonly from: number; readonly to: number };
  readonly destinationAddress?: string;
  readonly destinationPorts?: { readonly from: number; readonly to: number };
}

/** What is to reach what. Times are milliseconds since the epoch. */
export interface NetworkInsightsPathRow {
  readonly networkInsightsPathId: string;
  readonly owner: string;
  readonly createTime: number;
  /** Ids of an instance, a network interface or an internet gateway. */
  readonly source: string;
  readonly destination?: string;
  readonly sourceIp?: string;
  readonly destinationIp?: string;
  readonly protocol: 'tcp' | 'udp';
  readonly destinationPort?: number;
  readonly filterAtSource?: PathFilterRow;
  readonly filterAtDestination?: PathFilterRow;
}

/** One look at a path, as it was when it was asked for: never computed again. */
export interface NetworkInsightsAnalysisRow {
  readonly networkInsightsAnalysisId: string;
  readonly owner: string;
  readonly networkInsightsPathId: string;
  readonly startTime: number;
  readonly filterInArns: readonly string[];
  readonly filterOutArns: readonly string[];
  readonly networkPathFound: boolean;
  /** As answers show them. */
  readonly forwardPathComponents: readonly PathComponent[];
  readonly returnPathComponents: readonly PathComponent[];
  readonly explanations: readonly Explanation[];
}

export const networkInsightsPaths = defineTable<NetworkInsightsPathRow>()({
  name: 'network_insights_paths',
  key: row => row.networkInsightsPathId,
  indexes: { owner: row => row.owner },
});

export const networkInsightsAnalyses = defineTable<NetworkInsightsAnalysisRow>()({
  name: 'network_insights_analyses',
  key: row => row.networkInsightsAnalysisId,
  indexes: { owner: row => row.owner, path: row => row.networkInsightsPathId },
});

/** @see https://docs.aws.amazon.com/vpc/latest/reachability/reachability-analyzer-limits.html */
export const insightsLimits = { paths: 1_000, analyses: 10_000 } as const;

/** After this, an analysis is forgotten. */
export const analysisLifetime = 120 * 24 * 3_600_000;
