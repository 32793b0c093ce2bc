import { randomInt } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { takenIpv6Ranges } from '../byoip/model.ts';
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

/** Prefix length of a VPC's block. */
const blockLength = 56;

/**
 * A /56 that no VPC has: of a range that was brought, or else of the pool and of no such range; or `wanted`.
 * @throws ApiError `InvalidParameterValue`, `CidrConflict`, `InsufficientCidrBlocks`.
 */
export function allocateIpv6Block(
  db: Reader,
  { range = ipv6Pool, wanted }: { readonly range?: string; readonly wanted?: string | undefined } = {},
): string {
  const source = parseCidr6(range);
  if (source === undefined) throw new Error(`${range} is no IPv6 block`);
  const closed = range === ipv6Pool ? takenIpv6Ranges(db) : [];
  const isFree = (text: string) => {
    const cidr = parseCidr6(text);
    return db.countBy(vpcs, 'ipv6Block', text) === 0 && !closed.some(one => cidr !== undefined && inside6(cidr, one));
  };
  if (wanted !== undefined) {
    const canonical = canonicalIpv6Cidr(wanted);
    const cidr = canonical === undefined ? undefined : parseCidr6(canonical);
    if (canonical === undefined || cidr?.prefixLength !== blockLength || !inside6(cidr, source))
      throw new ApiError('InvalidParameterValue', `The IPv6 block '${wanted}' is not a /${blockLength} of ${range}.`);
    if (!isFree(canonical)) throw new ApiError('CidrConflict', `The IPv6 block ${canonical} is in use.`);
    return canonical;
  }
  const size = 2 ** (blockLength - source.prefixLength);
  const start = randomInt(size);
  for (let offset = 0; offset < size; offset++) {
    const index = BigInt((start + offset) % size);
    const text = `${formatIpv6(source.first + (index << BigInt(128 - blockLength)))}/${blockLength}`;
    if (isFree(text)) return text;
  }
  throw new ApiError('InsufficientCidrBlocks', `Every /${blockLength} of ${range} is in use.`);
}
