import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { type Cidr, overlap, parseCidr } from '../network-interfaces/ipv4.ts';

/**
 * A range of public IPv4 addresses that an account has brought, and the pool of its addresses. Times are milliseconds
 * since the epoch.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-byoip.html
 */
export interface ByoipCidrRow {
  /** `ipv4pool-ec2-…` */
  readonly poolId: string;
  readonly owner: string;
  readonly cidr: string;
  readonly description?: string;
  readonly state:
    | 'pending-provision'
    | 'failed-provision'
    | 'provisioned'
    | 'pending-advertising'
    | 'advertised'
    | 'pending-withdrawal'
    | 'pending-deprovision'
    | 'deprovisioned';
  readonly stateSince: number;
  readonly statusMessage?: string;
  /** What is wrong with the authorization, which shows once it has been looked at. */
  readonly objection?: string;
}

export const byoipCidrs = defineTable<ByoipCidrRow>()({
  name: 'byoip_cidrs',
  key: row => row.poolId,
  indexes: { owner: row => row.owner, cidr: row => row.cidr },
});

/** Whether a range is brought, and not about to go. */
export function isBrought(row: ByoipCidrRow): boolean {
  return !['failed-provision', 'pending-deprovision', 'deprovisioned'].includes(row.state);
}

/** Whether packets to its addresses come here. */
export function isAdvertised(row: ByoipCidrRow | undefined): boolean {
  return row?.state === 'advertised' || row?.state === 'pending-withdrawal';
}

/** Ranges that are not for anybody else, whatever becomes of them. */
export function takenRanges(db: Reader): Cidr[] {
  const ranges: Cidr[] = [];
  for (const { row } of db.entries(byoipCidrs)) {
    const cidr = row.state === 'failed-provision' || row.state === 'deprovisioned' ? undefined : parseCidr(row.cidr);
    if (cidr !== undefined) ranges.push(cidr);
  }
  return ranges;
}

/** A range that has addresses in common with `cidr`. */
export function overlapping(db: Reader, cidr: Cidr): Cidr | undefined {
  return takenRanges(db).find(range => overlap(range, cidr));
}
