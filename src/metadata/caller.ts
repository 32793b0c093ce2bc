import { regionOf } from '../api/owner.ts';
import { dhcpOptions } from '../ec2/dhcp-options/model.ts';
import { type InstanceRow, instances } from '../ec2/instances/model.ts';
import { privateHostName, publicDnsName } from '../ec2/network-interfaces/addresses.ts';
import { formatCidr, parseCidr } from '../ec2/network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr } from '../ec2/network-interfaces/ipv6.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../ec2/network-interfaces/model.ts';
import { internalDomain } from '../ec2/regions/zones.ts';
import { securityGroups } from '../ec2/security-groups/model.ts';
import { vpcs } from '../ec2/vpcs/model.ts';
import type { Reader } from '../state/state.ts';

/** Who asks: an instance, known by the interface that its packets came from. */
export interface Caller {
  readonly db: Reader;
  readonly instance: InstanceRow;
  /** The interface that the request came through, any of the instance's. */
  readonly networkInterfaceId: string;
}

/** The owner of a private or IPv6 address in a VPC, also one of a delegated prefix, when it is an instance's. */
export function findCaller(db: Reader, vpcId: string, address: string): Caller | undefined {
  const isIpv6 = address.includes(':');
  const row =
    db.firstBy(networkInterfaces, isIpv6 ? 'ipv6Address' : 'privateIp', `${vpcId} ${address}`) ??
    db.firstBy(
      networkInterfaces,
      'prefix',
      `${vpcId} ${isIpv6 ? canonicalIpv6Cidr(`${address}/80`) : ipv4Prefix(address)}`,
    );
  if (row?.attachment === undefined) return undefined;
  const instance = db.get(instances, row.attachment.instanceId);
  if (instance === undefined || instance.state === 'terminated') return undefined;
  return { db, instance, networkInterfaceId: row.networkInterfaceId };
}

/** The block of a size that EC2 delegates (/28) in which an address lies. */
function ipv4Prefix(address: string): string | undefined {
  const cidr = parseCidr(`${address}/28`);
  return cidr === undefined ? undefined : formatCidr(cidr);
}

/** The interfaces of an instance in order of device index. */
export function interfacesOf({ db, instance }: Caller): NetworkInterfaceRow[] {
  return db
    .by(networkInterfaces, 'instance', instance.instanceId)
    .sort((a, b) => (a.attachment?.deviceIndex ?? 0) - (b.attachment?.deviceIndex ?? 0));
}

export function primaryInterface(caller: Caller): NetworkInterfaceRow | undefined {
  const [first] = interfacesOf(caller);
  return first?.attachment?.deviceIndex === 0 ? first : undefined;
}

/**
 * The host name that DHCP gives too: `ip-172-31-0-10.ec2.internal`, or the instance id for the primary interface of an
 * instance with resource names. The domain is that of the VPC's DHCP options.
 */
export function localHostName(caller: Caller, row: NetworkInterfaceRow): string | undefined {
  const address = row.privateIpAddresses[0]?.address;
  if (address === undefined) return undefined;
  const byResource =
    caller.instance.privateDnsNameOptions.hostnameType === 'resource-name' && row.attachment?.deviceIndex === 0;
  const label = byResource ? caller.instance.instanceId : privateHostName(address);
  const options = caller.db.get(dhcpOptions, caller.db.get(vpcs, row.vpcId)?.dhcpOptionsId ?? '');
  return `${label}.${options?.configurations['domain-name']?.[0] ?? internalDomain(regionOf(row.owner))}`;
}

/** `ec2-198-18-0-5.compute-1.amazonaws.com`, only where the VPC gives public host names. */
export function publicHostName(db: Reader, row: NetworkInterfaceRow): string | undefined {
  const address = publicAddresses(row)[0];
  if (address === undefined || db.get(vpcs, row.vpcId)?.enableDnsHostnames !== true) return undefined;
  return publicDnsName(regionOf(row.owner), address);
}

export function publicAddresses(row: NetworkInterfaceRow): string[] {
  return row.privateIpAddresses.flatMap(one => one.publicIp ?? []);
}

export function groupNames(db: Reader, groupIds: readonly string[]): string[] {
  return groupIds.flatMap(id => db.get(securityGroups, id)?.groupName ?? []);
}
