import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { tagKey } from '../tags/model.ts';

/** One of the two VPCs of a peering connection; it may be gone. */
export interface PeeringSide {
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly vpcId: string;
  /** Its public host names are private addresses to the other side. */
  readonly allowDnsResolution?: boolean;
}

/** A VPC peering connection. Times are milliseconds since the epoch. */
export interface VpcPeeringConnectionRow {
  readonly vpcPeeringConnectionId: string;
  /** The requester's. */
  readonly owner: string;
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly status: PeeringStatus;
  readonly statusSince: number;
  /** `ACCOUNT/REGION` of who deleted it. */
  readonly deletedBy?: string;
  /** When a request that nobody has accepted ends. */
  readonly expirationTime: number;
}

/** The statuses that last; those between come in the answers of the calls that change them. */
export type PeeringStatus = 'pending-acceptance' | 'failed' | 'rejected' | 'active' | 'expired' | 'deleted';

export const vpcPeeringConnections = defineTable<VpcPeeringConnectionRow>()({
  name: 'vpc_peering_connections',
  key: row => row.vpcPeeringConnectionId,
  indexes: {
    /** Both sides'. */
    owner: row => [...new Set([row.requester.owner, row.accepter.owner])],
    /** VPCs of connections that are active. */
    activeVpc: row => (row.status === 'active' ? [row.requester.vpcId, row.accepter.vpcId] : undefined),
    requesterVpc: row => row.requester.vpcId,
    accepterVpc: row => row.accepter.vpcId,
    /** The requester of a connection that waits for acceptance. */
    outstanding: row => (row.status === 'pending-acceptance' ? row.owner : undefined),
    pair: row => pairOf(row.requester.vpcId, row.accepter.vpcId),
  },
});

/** Where a side's tags of a connection are kept. */
export function peeringTagKey(row: VpcPeeringConnectionRow, owner: string): string {
  const resourceId = row.vpcPeeringConnectionId;
  return owner === row.owner ? resourceId : tagKey({ resourceId, owner, shared: true });
}

/** Two VPCs, in whatever order. */
export function pairOf(first: string, second: string): string {
  return first < second ? `${first} ${second}` : `${second} ${first}`;
}

/** The side of a connection that is `vpcId`. */
export function sideOf(row: VpcPeeringConnectionRow, vpcId: string): PeeringSide | undefined {
  if (row.requester.vpcId === vpcId) return row.requester;
  return row.accepter.vpcId === vpcId ? row.accepter : undefined;
}

/** The side of a connection that is not `vpcId`; undefined when neither is. */
export function otherSide(row: VpcPeeringConnectionRow, vpcId: string): PeeringSide | undefined {
  if (row.requester.vpcId === vpcId) return row.accepter;
  return row.accepter.vpcId === vpcId ? row.requester : undefined;
}

/** The active peering connection between two VPCs. */
export function activePeering(db: Reader, first: string, second: string): VpcPeeringConnectionRow | undefined {
  return db.by(vpcPeeringConnections, 'pair', pairOf(first, second)).find(row => row.status === 'active');
}
