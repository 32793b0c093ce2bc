import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { addresses } from '../addresses/model.ts';
import {
  type Cidr,
  cidrSize,
  formatCidr,
  inside,
  numberToAddress,
  overlap,
  parseCidr,
} from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr, inside6, overlap6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { ipv6Pool } from '../vpcs/blocks.ts';
import { vpcs } from '../vpcs/model.ts';
import { takenIpv6Ranges, takenRanges } from './model.ts';

/** What ranges can be brought: those that the host routes to Fogbank, and that nobody has anything of. */

/** Prefix lengths that may not be exceeded. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/byoip-requirements.html */
const mostSpecific = { ipv4: 24, ipv6: 48 } as const;

export function canonicalCidr(text: string): string | undefined {
  const ipv4 = parseCidr(text);
  return ipv4 === undefined ? canonicalIpv6Cidr(text) : formatCidr(ipv4);
}

/** @throws ApiError `InvalidParameterValue` for what is no range, too small, not routed by the host, or in use. */
export function ipv4Range(db: Reader, text: string, publicPool: string): string {
  const range = parseCidr(text);
  const pool = parseCidr(publicPool);
  if (range === undefined || pool === undefined) throw malformed(text);
  const cidr = formatCidr(range);
  if (range.prefixLength > mostSpecific.ipv4) throw tooSpecific(cidr, mostSpecific.ipv4);
  // The first addresses of the pool, and the last, belong to the network itself.
  if (!inside(range, pool) || range.first === pool.first || range.last === pool.last) {
    throw new ApiError(
      'InvalidParameterValue',
      `The host does not route ${cidr} to Fogbank. A range that is brought lies within the public pool ${publicPool} (--public-pool), not at its beginning or end.`,
    );
  }
  const other = takenRanges(db).find(one => overlap(one, range));
  if (other !== undefined) throw inUse(cidr, `${formatCidr(other)} is brought already`);
  const used = firstUsed(db, range);
  if (used !== undefined) throw inUse(cidr, `its address ${used} is in use`);
  return cidr;
}

function firstUsed(db: Reader, range: Cidr): string | undefined {
  for (let offset = 0; offset < cidrSize(range); offset++) {
    const address = numberToAddress(range.first + offset);
    if (db.countBy(addresses, 'publicIp', address) + db.countBy(networkInterfaces, 'publicIp', address) > 0)
      return address;
  }
  return undefined;
}

/** @throws ApiError as `ipv4Range`. */
export function ipv6Range(db: Reader, text: string): string {
  const cidr = canonicalIpv6Cidr(text);
  const range = cidr === undefined ? undefined : parseCidr6(cidr);
  const pool = parseCidr6(ipv6Pool);
  if (cidr === undefined || range === undefined || pool === undefined) throw malformed(text);
  if (range.prefixLength > mostSpecific.ipv6) throw tooSpecific(cidr, mostSpecific.ipv6);
  if (!inside6(range, pool) || range.prefixLength === pool.prefixLength) {
    throw new ApiError(
      'InvalidParameterValue',
      `The host does not route ${cidr} to Fogbank. An IPv6 range that is brought is a part of ${ipv6Pool}.`,
    );
  }
  if (takenIpv6Ranges(db).some(one => overlap6(one, range))) throw inUse(cidr, 'a part of it is brought already');
  for (const { row } of db.entries(vpcs)) {
    for (const { ipv6CidrBlock } of row.ipv6Associations ?? []) {
      const block = parseCidr6(ipv6CidrBlock);
      if (block !== undefined && overlap6(block, range)) throw inUse(cidr, 'a VPC has a block of it');
    }
  }
  return cidr;
}

function malformed(text: string): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${text}) for parameter cidr is invalid. This is not a valid CIDR block.`,
  );
}

function tooSpecific(cidr: string, length: number): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `The range ${cidr} is too specific. The most specific range that can be brought is a /${length}.`,
  );
}

function inUse(cidr: string, why: string): ApiError {
  return new ApiError('InvalidParameterValue', `The range ${cidr} cannot be brought now: ${why}.`);
}
