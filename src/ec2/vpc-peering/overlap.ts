import type { Reader } from '../../state/state.ts';
import { overlap, parseCidr } from '../network-interfaces/ipv4.ts';
import { type VpcRow, vpcs } from '../vpcs/model.ts';
import { otherSide, vpcPeeringConnections } from './model.ts';

/** Whether two VPCs have IPv4 blocks in common: packets could not tell them apart. */
export function blocksOverlap(first: VpcRow, second: VpcRow): boolean {
  return first.cidrAssociations.some(one => overlapsAny(one.cidrBlock, second));
}

/** A VPC, peered with `vpcId`, that an IPv4 block would overlap with. */
export function peerOverlapping(db: Reader, vpcId: string, cidrBlock: string): VpcRow | undefined {
  for (const row of db.by(vpcPeeringConnections, 'activeVpc', vpcId)) {
    const peer = db.get(vpcs, otherSide(row, vpcId)?.vpcId ?? '');
    if (peer !== undefined && overlapsAny(cidrBlock, peer)) return peer;
  }
  return undefined;
}

function overlapsAny(cidrBlock: string, vpc: VpcRow): boolean {
  const block = parseCidr(cidrBlock);
  return vpc.cidrAssociations.some(one => {
    const other = parseCidr(one.cidrBlock);
    return block !== undefined && other !== undefined && overlap(block, other);
  });
}
