import { randomInt } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { type Cidr, formatCidr, inside, overlap, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr, formatIpv6, inside6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import { type VpcRow, vpcs } from './model.ts';

/**
 * The pool that Amazon-provided IPv6 blocks come from here: a unique local prefix (RFC 4193), which no network
 * outside uses, so that the machine can really route it.
 */
export const ipv6Pool = 'fdf0:9ba0::/32';

function block(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is not an IPv4 block`);
  return cidr;
}

/** Never a VPC's: this host, loopback, link-local, multicast and beyond. */
const neverAllowed = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(block);

const tens = block('10.0.0.0/8');
const privates = [tens, block('172.16.0.0/12'), block('192.168.0.0/16')];
const benchmark = block('198.19.0.0/16');

/**
 * Reads an IPv4 block of a VPC; bits beyond the prefix are cleared.
 * @throws ApiError `InvalidParameterValue` when it is none, `InvalidVpc.Range` when a VPC cannot have it.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
 */
export function vpcBlock(text: string): string {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
    );
  }
  const allowed = cidr.prefixLength >= 16 && cidr.prefixLength <= 28 && !neverAllowed.some(one => overlap(one, cidr));
  if (!allowed) {
    throw new ApiError(
      'InvalidVpc.Range',
      `The CIDR '${text}' is invalid. A VPC's block has a prefix of /16 to /28 and lies outside 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3.`,
    );
  }
  return formatCidr(cidr);
}

/**
 * Whether a VPC may have a further IPv4 block besides its own ones.
 * @throws ApiError `InvalidVpc.Range`
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions
 */
export function checkSecondaryBlock(vpc: VpcRow, text: string): void {
  const added = block(text);
  const taken = vpc.cidrAssociations.find(one => overlap(block(one.cidrBlock), added));
  if (taken !== undefined) {
    throw new ApiError('CidrConflict', `The CIDR '${text}' conflicts with ${taken.cidrBlock}, which ${vpc.vpcId} has.`);
  }
  const primary = block(vpc.cidrBlock);
  const own = privates.find(range => inside(primary, range));
  const restricted =
    privates.some(range => range !== own && overlap(range, added)) ||
    (overlap(benchmark, added) && !overlap(benchmark, primary));
  if (restricted) {
    throw new ApiError(
      'InvalidVpc.Range',
      `The CIDR '${text}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html`,
    );
  }
}

/** A /56 of the pool that no VPC has, or `wanted`. @throws ApiError `InvalidParameterValue`, `CidrConflict`. */
export function allocateIpv6Block(db: Reader, wanted?: string): string {
  const pool = parseCidr6(ipv6Pool);
  if (pool === undefined) throw new Error('the IPv6 pool is no block');
  const isFree = (text: string) => db.countBy(vpcs, 'ipv6Block', text) === 0;
  if (wanted !== undefined) {
    const canonical = canonicalIpv6Cidr(wanted);
    const cidr = canonical === undefined ? undefined : parseCidr6(canonical);
    if (canonical === undefined || cidr?.prefixLength !== 56 || !inside6(cidr, pool)) {
      throw new ApiError('InvalidParameterValue', `The IPv6 block '${wanted}' is not a /56 of the pool ${ipv6Pool}.`);
    }
    if (!isFree(canonical)) throw new ApiError('CidrConflict', `The IPv6 block ${canonical} is in use.`);
    return canonical;
  }
  for (;;) {
    const text = `${formatIpv6(pool.first + (BigInt(randomInt(2 ** 24)) << 72n))}/56`;
    if (isFree(text)) return text;
  }
}
