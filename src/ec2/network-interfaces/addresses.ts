import { randomInt } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import { randomHex } from '../../api/random.ts';
import type { Reader } from '../../state/state.ts';
import { internalDomain, publicDomain } from '../regions/zones.ts';
import type { SubnetRow } from '../subnets/model.ts';
import { addressToNumber, type Cidr, cidrSize, contains, numberToAddress, parseCidr } from './ipv4.ts';
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
  return cidrSize(cidrOf(subnet.cidrBlock)) - reservedPerSubnet - used;
}

/**
 * A private address of a subnet that no interface has: a random one, or `wanted` when that is possible.
 * @throws ApiError `InsufficientFreeAddressesInSubnet`; for `wanted`, `InvalidParameterValue` or `InvalidIPAddress.InUse`.
 */
export function allocatePrivateAddress(db: Reader, subnet: SubnetRow, wanted?: string): string {
  const cidr = cidrOf(subnet.cidrBlock);
  const isFree = (address: string) => db.countBy(networkInterfaces, 'privateIp', `${subnet.vpcId} ${address}`) === 0;
  if (wanted !== undefined) {
    checkWanted(cidr, wanted);
    if (!isFree(wanted)) throw new ApiError('InvalidIPAddress.InUse', `Address ${wanted} is in use.`);
    return wanted;
  }
  const free =
    availableAddressCount(db, subnet) > 0 ? findFree(cidr.first + reservedAtStart, cidr.last - 1, isFree) : undefined;
  if (free === undefined) {
    throw new ApiError(
      'InsufficientFreeAddressesInSubnet',
      `There are not enough free addresses in subnet '${subnet.subnetId}' to satisfy the request.`,
    );
  }
  return free;
}

/** The first addresses of the public pool belong to the fabric (network, host, edge); the last is its broadcast. */
const reservedOfPool = 4;

/**
 * A public address of the pool that nobody has.
 * @throws ApiError `InsufficientAddressCapacity` when the pool is used up.
 */
export function allocatePublicAddress(db: Reader, poolCidr: string): string {
  const pool = cidrOf(poolCidr);
  const isFree = (address: string) => db.countBy(networkInterfaces, 'publicIp', address) === 0;
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
