import { randomInt } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import { randomHex } from '../../api/random.ts';
import type { Reader } from '../../state/state.ts';
import { addresses } from '../addresses/model.ts';
import { takenRanges } from '../byoip/model.ts';
import { internalDomain, publicDomain } from '../regions/zones.ts';
import { type SubnetCidrReservationRow, type SubnetRow, subnetCidrReservations } from '../subnets/model.ts';
import { addressToNumber, type Cidr, cidrSize, contains, formatCidr, numberToAddress, parseCidr } from './ipv4.ts';
import { type Cidr6, formatIpv6, parseCidr6, parseIpv6 } from './ipv6.ts';
import { networkInterfaces } from './model.ts';

export { addressToNumber, type Cidr, contains, numberToAddress, parseCidr } from './ipv4.ts';

/** In every subnet the first four addresses and the last one are not for interfaces. */
const reservedAtStart = 4;
const reservedPerSubnet = reservedAtStart + 1;
const randomProbes = 48;

/**
 * How many addresses of a subnet are free. Does not grow with the number of its interfaces.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
 */
export function availableAddressCount(db: Reader, subnet: SubnetRow): number {
  let used = 0;
  // The nth address of every interface is counted under n: nobody has an nth address without the one before.
  for (let ordinal = 0; ; ordinal++) {
    const count = db.countBy(networkInterfaces, 'addressOrdinal', `${subnet.subnetId} ${ordinal}`);
    if (count === 0) break;
    used += count;
  }
  for (let ordinal = 0; ; ordinal++) {
    const count = db.countBy(networkInterfaces, 'prefixOrdinal', `${subnet.subnetId} ${ordinal}`);
    if (count === 0) break;
    used += count * prefixSize;
  }
  return cidrSize(cidrOf(subnet.cidrBlock)) - reservedPerSubnet - used;
}

/**
 * A private address of a subnet that no interface has: a random one, or `wanted` when that is possible.
 * @throws ApiError `InsufficientFreeAddressesInSubnet`; for `wanted`, `InvalidParameterValue` or `InvalidIPAddress.InUse`.
 */
export function allocatePrivateAddress(db: Reader, subnet: SubnetRow, wanted?: string): string {
  const cidr = cidrOf(subnet.cidrBlock);
  const isFree = (address: string) =>
    db.countBy(networkInterfaces, 'privateIp', `${subnet.vpcId} ${address}`) === 0 &&
    db.countBy(networkInterfaces, 'prefix', `${subnet.vpcId} ${prefixOf(address)}`) === 0;
  if (wanted !== undefined) {
    checkWanted(cidr, wanted);
    if (!isFree(wanted)) throw new ApiError('InvalidIPAddress.InUse', `Address ${wanted} is in use.`);
    return wanted;
  }
  // Reserved parts of the subnet are given out by request only.
  const reserved = reservedBlocks(db, subnet, ['prefix', 'explicit']);
  const choosable = (address: string) => isFree(address) && !reserved.some(one => holds(one, address));
  const free =
    availableAddressCount(db, subnet) > 0
      ? findFree(cidr.first + reservedAtStart, cidr.last - 1, reserved.length === 0 ? isFree : choosable)
      : undefined;
  if (free === undefined) throw insufficient(subnet);
  return free;
}

/** Addresses of an IPv4 prefix of an interface. */
const prefixSize = 16;

/** The /28 that an address lies in. */
function prefixOf(address: string): string {
  const cidr = cidrOf(`${address}/28`);
  return formatCidr(cidr);
}

/**
 * A /28 of a subnet whose addresses are all free, or `wanted`: of its reservations for prefixes, else of what is not
 * reserved.
 * @throws ApiError `InsufficientCidrBlocks`; for `wanted`, `InvalidParameterValue` or `InvalidIPAddress.InUse`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
 */
export function allocateIpv4Prefix(db: Reader, subnet: SubnetRow, wanted?: string): string {
  const own = cidrOf(subnet.cidrBlock);
  const isFree = (first: number) => {
    const last = first + prefixSize - 1;
    if (first < own.first + reservedAtStart || last >= own.last) return false;
    if (db.countBy(networkInterfaces, 'prefix', `${subnet.vpcId} ${numberToAddress(first)}/28`) > 0) return false;
    for (let at = first; at <= last; at++)
      if (db.countBy(networkInterfaces, 'privateIp', `${subnet.vpcId} ${numberToAddress(at)}`) > 0) return false;
    return true;
  };
  if (wanted !== undefined) {
    const cidr = parseCidr(wanted);
    if (cidr?.prefixLength !== 28 || !contains(own, cidr.first)) {
      throw new ApiError('InvalidParameterValue', `The prefix ${wanted} is not a /28 within ${subnet.cidrBlock}.`);
    }
    if (!isFree(cidr.first)) throw new ApiError('InvalidIPAddress.InUse', `Addresses of ${wanted} are in use.`);
    return formatCidr(cidr);
  }
  const reserved = reservedBlocks(db, subnet, ['prefix']);
  const closed = reservedBlocks(db, subnet, ['prefix', 'explicit']);
  for (const block of reserved.length > 0 ? reserved : [own]) {
    const start = Math.ceil(block.first / prefixSize) * prefixSize;
    for (let first = start; first + prefixSize - 1 <= block.last; first += prefixSize) {
      if (reserved.length === 0 && closed.some(one => first <= one.last && one.first < first + prefixSize)) continue;
      if (isFree(first)) return `${numberToAddress(first)}/28`;
    }
  }
  throw new ApiError(
    'InsufficientCidrBlocks',
    `The specified subnet does not have enough free cidr blocks to satisfy the request: ${subnet.subnetId} has no free /28.`,
  );
}

/** Random tries; an IPv6 block is never nearly full. */
const ipv6Tries = 64;

/**
 * An IPv6 address of a subnet that no interface has: a random one, or `wanted`.
 * @throws ApiError `InvalidParameterValue` (no IPv6 block, outside of it, reserved), `InvalidIPAddress.InUse`.
 */
export function allocateIpv6Address(db: Reader, subnet: SubnetRow, wanted?: string): string {
  const block = ipv6BlockOf(subnet);
  const isFree = (address: bigint) =>
    db.countBy(networkInterfaces, 'ipv6Address', `${subnet.vpcId} ${formatIpv6(address)}`) === 0 &&
    db.countBy(networkInterfaces, 'prefix', `${subnet.vpcId} ${ipv6PrefixOf(address)}`) === 0;
  if (wanted !== undefined) {
    const address = parseIpv6(wanted);
    if (address === undefined || address < block.first || address > block.last) {
      throw new ApiError('InvalidParameterValue', `Address ${wanted} does not fall within the subnet's IPv6 block.`);
    }
    if (address < block.first + BigInt(reservedAtStart) || address === block.last)
      throw new ApiError('InvalidParameterValue', `Address ${wanted} is in subnet's reserved address range`);
    if (!isFree(address)) throw new ApiError('InvalidIPAddress.InUse', `Address ${wanted} is in use.`);
    return formatIpv6(address);
  }
  for (let attempt = 0; attempt < ipv6Tries; attempt++) {
    const address = block.first + BigInt(`0x${randomHex(8)}`);
    if (address >= block.first + BigInt(reservedAtStart) && address < block.last && isFree(address))
      return formatIpv6(address);
  }
  throw insufficient(subnet);
}

/** A /80 of a subnet that is free, or `wanted`. @throws ApiError as `allocateIpv6Address`. */
export function allocateIpv6Prefix(db: Reader, subnet: SubnetRow, wanted?: string): string {
  const block = ipv6BlockOf(subnet);
  const users = db.by(networkInterfaces, 'subnet', subnet.subnetId);
  const isFree = (first: bigint) =>
    first !== block.first &&
    db.countBy(networkInterfaces, 'prefix', `${subnet.vpcId} ${formatIpv6(first)}/80`) === 0 &&
    !users.some(row =>
      (row.ipv6Addresses ?? []).some(one => ipv6PrefixOf(parseIpv6(one) ?? 0n) === `${formatIpv6(first)}/80`),
    );
  if (wanted !== undefined) {
    const cidr = parseCidr6(wanted);
    if (cidr?.prefixLength !== 80 || cidr.first < block.first || cidr.last > block.last)
      throw new ApiError('InvalidParameterValue', `The prefix ${wanted} is not a /80 within the subnet's IPv6 block.`);
    if (!isFree(cidr.first)) throw new ApiError('InvalidIPAddress.InUse', `Addresses of ${wanted} are in use.`);
    return `${formatIpv6(cidr.first)}/80`;
  }
  for (let attempt = 0; attempt < ipv6Tries; attempt++) {
    const first = block.first + (BigInt(randomInt(1, 65_536)) << 48n);
    if (isFree(first)) return `${formatIpv6(first)}/80`;
  }
  throw insufficient(subnet);
}

function ipv6PrefixOf(address: bigint): string {
  return `${formatIpv6((address >> 48n) << 48n)}/80`;
}

function ipv6BlockOf(subnet: SubnetRow): Cidr6 {
  const text = subnet.ipv6Associations?.[0]?.ipv6CidrBlock;
  const cidr = text === undefined ? undefined : parseCidr6(text);
  if (cidr === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `The subnet ${subnet.subnetId} has no IPv6 CIDR block. Associate one with AssociateSubnetCidrBlock first.`,
    );
  }
  return cidr;
}

function reservedBlocks(
  db: Reader,
  subnet: SubnetRow,
  types: readonly SubnetCidrReservationRow['reservationType'][],
): Cidr[] {
  return db
    .by(subnetCidrReservations, 'subnet', subnet.subnetId)
    .flatMap(row => (types.includes(row.reservationType) ? (parseCidr(row.cidr) ?? []) : []));
}

function holds(block: Cidr, address: string): boolean {
  const number = addressToNumber(address);
  return number !== undefined && contains(block, number);
}

function insufficient(subnet: SubnetRow): ApiError {
  return new ApiError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnet.subnetId}' to satisfy the request.`,
  );
}

/** The first addresses of the public pool belong to the fabric (network, host, edge); the last is its broadcast. */
const reservedOfPool = 4;

/**
 * A public address of the pool that nobody has, or `wanted`.
 * @throws ApiError `InsufficientAddressCapacity` when the pool is used up; for `wanted`, `InvalidAddress.NotFound`.
 */
export function allocatePublicAddress(db: Reader, poolCidr: string, wanted?: string): string {
  const pool = cidrOf(poolCidr);
  const brought = takenRanges(db);
  const isFree = (address: string) =>
    !brought.some(range => holds(range, address)) &&
    db.countBy(networkInterfaces, 'publicIp', address) === 0 &&
    db.countBy(addresses, 'publicIp', address) === 0;
  if (wanted !== undefined) {
    const number = addressToNumber(wanted);
    const inPool = number !== undefined && number >= pool.first + reservedOfPool && number < pool.last;
    if (inPool && isFree(wanted)) return wanted;
    throw new ApiError('InvalidAddress.NotFound', `Address '${wanted}' is not a free address of the pool ${poolCidr}.`);
  }
  const free = findFree(pool.first + reservedOfPool, pool.last - 1, isFree);
  if (free === undefined) {
    throw new ApiError(
      'InsufficientAddressCapacity',
      `Every public address of the pool ${poolCidr} is in use. Terminate instances, launch without a public address, or start Fogbank with a larger --public-pool.`,
    );
  }
  return free;
}

/** A MAC address that no interface has, locally administered as EC2's are. */
export function newMacAddress(db: Reader): string {
  for (;;) {
    const bytes = Buffer.from(randomHex(6), 'hex');
    // The lowest bits of the first byte: unicast, locally administered.
    bytes[0] = [0x02, 0x06, 0x0a, 0x0e][(bytes[0] ?? 0) & 3] ?? 0x02;
    const address = bytes.toString('hex').match(/../g)?.join(':') ?? '';
    if (db.countBy(networkInterfaces, 'mac', address) === 0) return address;
  }
}

/** `ip-172-31-0-10`, the host name of an instance with name type `ip-name`. */
export function privateHostName(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

/** `ip-172-31-0-10.ec2.internal` */
export function privateDnsName(region: string, address: string): string {
  return `${privateHostName(address)}.${internalDomain(region)}`;
}

/** `ec2-198-18-0-1.compute-1.amazonaws.com` */
export function publicDnsName(region: string, address: string): string {
  return `ec2-${address.replaceAll('.', '-')}.${publicDomain(region)}`;
}

function checkWanted(cidr: Cidr, wanted: string): void {
  const number = addressToNumber(wanted);
  if (number === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${wanted}) for parameter privateIpAddress is invalid. Give an IPv4 address.`,
    );
  }
  if (!contains(cidr, number)) {
    throw new ApiError('InvalidParameterValue', `Address ${wanted} does not fall within the subnet's address range`);
  }
  if (number < cidr.first + reservedAtStart || number === cidr.last) {
    throw new ApiError('InvalidParameterValue', `Address ${wanted} is in subnet's reserved address range`);
  }
}

/** Random tries find a free address at once unless nearly all are used; then every address is looked at. */
function findFree(first: number, last: number, isFree: (address: string) => boolean): string | undefined {
  const size = last - first + 1;
  if (size <= 0) return undefined;
  for (let probe = 0; probe < randomProbes; probe++) {
    const address = numberToAddress(first + randomInt(size));
    if (isFree(address)) return address;
  }
  const start = randomInt(size);
  for (let offset = 0; offset < size; offset++) {
    const address = numberToAddress(first + ((start + offset) % size));
    if (isFree(address)) return address;
  }
  return undefined;
}

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} is not an IPv4 block`);
  return cidr;
}
