import type { VpcPeeringConnectionStateReason } from '@aws-sdk/client-ec2';
import { accountOf } from '../../api/owner.ts';
import type { PeeringStatus, VpcPeeringConnectionRow } from './model.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** A request that nobody accepts expires after a week. */
export const acceptanceTime = 7 * day;

/** What a connection is at a time: a request may have expired since its row was written. */
export function statusAt(row: VpcPeeringConnectionRow, now: number): PeeringStatus {
  return row.status === 'pending-acceptance' && now >= row.expirationTime ? 'expired' : row.status;
}

/** When a connection that is over stops being shown to one of its sides; undefined while it is not over. */
export function shownUntil(row: VpcPeeringConnectionRow, owner: string, now: number): number | undefined {
  switch (statusAt(row, now)) {
    case 'active':
    case 'pending-acceptance':
      return undefined;
    case 'failed':
      // Whom it names may have nothing to do with it.
      return owner === row.requester.owner ? row.statusSince + 2 * hour : 0;
    case 'expired':
      return row.expirationTime + 2 * day;
    case 'rejected':
      return row.statusSince + (owner === row.requester.owner ? 2 * day : 2 * hour);
    case 'deleted':
      return row.statusSince + (owner === row.deletedBy ? 2 * hour : 2 * day);
  }
}

/**
 * Whether an account sees a connection in a Region.
 * @see https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle
 */
export function isVisible(row: VpcPeeringConnectionRow, owner: string, now: number): boolean {
  if (owner !== row.requester.owner && owner !== row.accepter.owner) return false;
  return now < (shownUntil(row, owner, now) ?? Number.POSITIVE_INFINITY);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcPeeringConnectionStateReason.html */
export function renderStatus(row: VpcPeeringConnectionRow, now: number): VpcPeeringConnectionStateReason {
  const Code = statusAt(row, now);
  return { Code, Message: messageOf(row, Code) };
}

function messageOf(row: VpcPeeringConnectionRow, status: PeeringStatus): string {
  switch (status) {
    case 'pending-acceptance':
      return `Pending Acceptance by ${accountOf(row.accepter.owner)}`;
    case 'active':
      return 'Active';
    case 'failed':
      return 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range';
    case 'expired':
      return 'Expired';
    case 'rejected':
      return `Rejected by ${accountOf(row.accepter.owner)}`;
    case 'deleted':
      return `Deleted by ${accountOf(row.deletedBy ?? row.owner)}`;
  }
}
