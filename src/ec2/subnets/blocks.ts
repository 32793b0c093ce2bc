import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { formatCidr, inside, overlap, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr, inside6, overlap6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import type { VpcRow } from '../vpcs/model.ts';
import { subnets } from './model.ts';

/**
 * Reads the IPv4 block of a new subnet; bits beyond the prefix are cleared.
 * @throws ApiError `InvalidParameterValue`, `InvalidSubnet.Range`, `InvalidSubnet.Conflict`.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
 */
export function subnetBlock(db: Reader, vpc: VpcRow, text: string): string {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw malformed('cidrBlock', text);
  const fits = vpc.cidrAssociations.some(one => {
    const outer = parseCidr(one.cidrBlock);
    return outer !== undefined && inside(cidr, outer);
  });
  if (!fits || cidr.prefixLength < 16 || cidr.prefixLength > 28) {
    throw new ApiError(
      'InvalidSubnet.Range',
      `The CIDR '${text}' is invalid. A subnet has a prefix of /16 to /28 within ${blocksOf(vpc)}.`,
    );
  }
  const taken = db.by(subnets, 'vpc', vpc.vpcId).find(one => {
    const other = parseCidr(one.cidrBlock);
    return other !== undefined && overlap(cidr, other);
  });
  if (taken !== undefined)
    throw new ApiError('InvalidSubnet.Conflict', `The CIDR '${text}' conflicts with another subnet`);
  return formatCidr(cidr);
}

/** Reads the IPv6 block of a subnet, a /64 of its VPC. @throws as `subnetBlock`. */
export function subnetIpv6Block(db: Reader, vpc: VpcRow, text: string): string {
  const canonical = canonicalIpv6Cidr(text);
  const cidr = canonical === undefined ? undefined : parseCidr6(canonical);
  if (canonical === undefined || cidr === undefined) throw malformed('ipv6CidrBlock', text);
  const fits = (vpc.ipv6Associations ?? []).some(one => {
    const outer = parseCidr6(one.ipv6CidrBlock);
    return outer !== undefined && inside6(cidr, outer);
  });
  if (!fits || cidr.prefixLength !== 64) {
    throw new ApiError(
      'InvalidSubnet.Range',
      `The IPv6 CIDR '${text}' is invalid. A subnet has a /64 of one of the VPC's IPv6 blocks.`,
    );
  }
  const taken = db.by(subnets, 'vpc', vpc.vpcId).some(one =>
    (one.ipv6Associations ?? []).some(association => {
      const other = parseCidr6(association.ipv6CidrBlock);
      return other !== undefined && overlap6(cidr, other);
    }),
  );
  if (taken) throw new ApiError('InvalidSubnet.Conflict', `The IPv6 CIDR '${text}' conflicts with another subnet`);
  return canonical;
}

function blocksOf(vpc: VpcRow): string {
  return vpc.cidrAssociations.map(one => one.cidrBlock).join(', ');
}

function malformed(name: string, text: string): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${name} is invalid. This is not a valid CIDR block.`,
  );
}
