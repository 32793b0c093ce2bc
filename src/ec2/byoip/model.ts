import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { type Cidr, parseCidr } from '../network-interfaces/ipv4.ts';
import { type Cidr6, parseCidr6 } from '../network-interfaces/ipv6.ts';

/**
 * A range of public addresses that an account has brought, and the pool of its addresses. Times are milliseconds
 * since the epoch.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-byoip.html
 */
export interface ByoipCidrRow {
  /** `ipv4pool-ec2-…` or `ipv6pool-ec2-…` */
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
  return taken(db).flatMap(row => parseCidr(row.cidr) ?? []);
}

function taken(db: Reader): ByoipCidrRow[] {
  const all = Array.from(db.entries(byoipCidrs), entry => entry.row);
  return all.filter(row => row.state !== 'failed-provision' && row.state !== 'deprovisioned');
}

/** As `takenRanges`, of IPv6. */
export function takenIpv6Ranges(db: Reader): Cidr6[] {
  return taken(db).flatMap(row => parseCidr6(row.cidr) ?? []);
}

export function isIpv6(row: Pick<ByoipCidrRow, 'cidr'>): boolean {
  return row.cidr.includes(':');
}
