import type { FilterTable } from '../../api/filters.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { zonesOf } from '../regions/zones.ts';
import { vpcs } from '../vpcs/model.ts';
import { privateDnsName, publicDnsName } from './addresses.ts';
import type { NetworkInterfaceRow } from './model.ts';
import { renderAttachment } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html */
export function networkInterfaceFilters(db: Reader): FilterTable<NetworkInterfaceRow> {
  const dnsNames = (row: NetworkInterfaceRow) => db.get(vpcs, row.vpcId)?.enableDnsHostnames === true;
  const addresses = (row: NetworkInterfaceRow) => row.privateIpAddresses.map(one => one.address);
  const publicIps = (row: NetworkInterfaceRow) => row.privateIpAddresses.map(one => one.publicIp);
  const publicOwners = (row: NetworkInterfaceRow) => row.privateIpAddresses.map(one => one.publicIpOwner);
  return {
    'association.allocation-id': row => row.privateIpAddresses.map(one => one.allocationId),
    'association.association-id': row => row.privateIpAddresses.map(one => one.associationId),
    'addresses.association.owner-id': publicOwners,
    'addresses.association.public-ip': publicIps,
    'addresses.primary': row => row.privateIpAddresses.map(one => String(one.primary)),
    'addresses.private-ip-address': addresses,
    'association.ip-owner-id': publicOwners,
    'association.public-ip': publicIps,
    'association.public-dns-name': row =>
      dnsNames(row) ? publicIps(row).map(ip => ip && publicDnsName(regionOf(row.owner), ip)) : undefined,
    'attachment.attach-time': row => renderAttachment(row)?.AttachTime?.toISOString(),
    'attachment.attachment-id': row => row.attachment?.attachmentId,
    'attachment.delete-on-termination': row => row.attachment?.deleteOnTermination,
    'attachment.device-index': row => row.attachment?.deviceIndex,
    'attachment.instance-id': row => row.attachment?.instanceId,
    'attachment.instance-owner-id': row => renderAttachment(row)?.InstanceOwnerId,
    'attachment.status': row => renderAttachment(row)?.Status,
    'availability-zone': row => row.availabilityZone,
    'availability-zone-id': row => zonesOf(regionOf(row.owner)).find(zone => zone.name === row.availabilityZone)?.id,
    description: row => row.description,
    'group-id': row => [...row.groupIds],
    'ipv6-addresses.ipv6-address': row => row.ipv6Addresses ?? [],
    'interface-type': row => row.interfaceType,
    'mac-address': row => row.macAddress,
    'network-interface-id': row => row.networkInterfaceId,
    'operator.managed': () => false,
    'operator.principal': () => undefined,
    'owner-id': row => accountOf(row.owner),
    'private-dns-name': row =>
      dnsNames(row) ? addresses(row).map(address => privateDnsName(regionOf(row.owner), address)) : undefined,
    'private-ip-address': addresses,
    'requester-id': () => undefined,
    'requester-managed': row => row.requesterManaged,
    'source-dest-check': row => row.sourceDestCheck,
    status: row => row.status,
    'subnet-id': row => row.subnetId,
    'vpc-id': row => row.vpcId,
  };
}
