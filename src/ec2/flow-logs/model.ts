import { defineTable } from '../../state/table.ts';

/** A record of the traffic of a VPC, a subnet or a network interface. Times are milliseconds since the epoch. */
export interface FlowLogRow {
  readonly flowLogId: string;
  readonly owner: string;
  /** Of the VPC, subnet or network interface. */
  readonly resourceId: string;
  readonly vpcId: string;
  readonly trafficType: 'ACCEPT' | 'REJECT' | 'ALL';
  /** `arn:aws:s3:::BUCKET/PREFIX/` */
  readonly logDestination: string;
  readonly logFormat: string;
  /** Seconds, 60 or 600. */
  readonly maxAggregationInterval: number;
  readonly hiveCompatiblePartitions: boolean;
  readonly perHourPartition: boolean;
  readonly createTime: number;
  /** Why the last file could not be written. */
  readonly deliveryError?: string;
}

export const flowLogs = defineTable<FlowLogRow>()({
  name: 'flow_logs',
  key: row => row.flowLogId,
  indexes: { owner: row => row.owner, vpc: row => row.vpcId, resource: row => row.resourceId },
});
