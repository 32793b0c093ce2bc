import type { FilterTable } from '../../api/filters.ts';
import { regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { privateDnsName, publicDnsName } from '../network-interfaces/addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { zonesOf } from '../regions/zones.ts';
import { securityGroups } from '../security-groups/model.ts';
import { tagsOf } from '../tags/model.ts';
import { deviceStatus } from '../volumes/attachments.ts';
import { type InstanceRow, stateCodes } from './model.ts';
import { instancePrivateDnsName } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export function instanceFilters(db: Reader): FilterTable<InstanceRow> {
  const interfaces = (row: InstanceRow) => row.networkInterfaceIds.flatMap(id => db.get(networkInterfaces, id) ?? []);
  const ofInterfaces =
    (read: (one: NetworkInterfaceRow) => string | undefined | (string | undefined)[]) => (row: InstanceRow) =>
      interfaces(row).flatMap(one => read(one));
  const time = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
  const groupNames = (ids: readonly string[]) => ids.map(id => db.get(securityGroups, id)?.groupName);
  const publicIps = (one: NetworkInterfaceRow) => one.privateIpAddresses.map(address => address.publicIp);
  const associationOwners = (one: NetworkInterfaceRow) =>
    one.privateIpAddresses.map(address => address.publicIp && (address.publicIpOwner ?? 'amazon'));
  return {
    affinity: () => undefined,
    architecture: row => row.architecture,
    'availability-zone': row => row.availabilityZone,
    'availability-zone-id': row => zonesOf(regionOf(row.owner)).find(zone => zone.name === row.availabilityZone)?.id,
    'block-device-mapping.attach-time': row => row.blockDevices.map(one => time(one.attachTime)),
    'block-device-mapping.delete-on-termination': row => row.blockDevices.map(one => String(one.deleteOnTermination)),
    'block-device-mapping.device-name': row => row.blockDevices.map(one => one.deviceName),
    'block-device-mapping.status': row => row.blockDevices.map(device => deviceStatus(db, row.instanceId, device)),
    'block-device-mapping.volume-id': row => row.blockDevices.map(one => one.volumeId),
    'boot-mode': row => row.imageBootMode ?? row.bootMode,
    'capacity-reservation-id': () => undefined,
    'capacity-reservation-specification.capacity-reservation-preference': () => 'open',
    'client-token': row => row.clientToken,
    'current-instance-boot-mode': row => row.bootMode,
    'dns-name': row => row.publicIpAddress && publicDnsName(regionOf(row.owner), row.publicIpAddress),
    'ebs-optimized': row => row.ebsOptimized,
    'ena-support': () => true,
    'enclave-options.enabled': () => false,
    'group-id': row => [...row.securityGroupIds],
    'group-name': row => groupNames(row.securityGroupIds),
    'hibernation-options.configured': row => row.hibernationConfigured === true,
    'host-id': () => undefined,
    hypervisor: () => 'xen',
    'iam-instance-profile.arn': row => row.instanceProfile?.arn,
    'iam-instance-profile.id': row => row.instanceProfile?.instanceProfileId,
    'image-id': row => row.imageId,
    'instance-id': row => row.instanceId,
    'instance-lifecycle': () => undefined,
    'instance-state-code': row => stateCodes[row.state],
    'instance-state-name': row => row.state,
    'instance-type': row => row.instanceType,
    'instance.group-id': row => [...row.securityGroupIds],
    'instance.group-name': row => groupNames(row.securityGroupIds),
    'ip-address': row => row.publicIpAddress,
    'ipv6-address': ofInterfaces(one => [...(one.ipv6Addresses ?? [])]),
    'kernel-id': () => undefined,
    'key-name': row => row.keyName,
    'launch-index': row => row.amiLaunchIndex,
    'launch-time': row => time(row.launchTime),
    'maintenance-options.auto-recovery': row => row.autoRecovery,
    'metadata-options.http-endpoint': row => row.metadataOptions.httpEndpoint,
    'metadata-options.http-protocol-ipv4': row => row.metadataOptions.httpEndpoint,
    'metadata-options.http-protocol-ipv6': row => row.metadataOptions.httpProtocolIpv6,
    'metadata-options.http-put-response-hop-limit': row => row.metadataOptions.httpPutResponseHopLimit,
    'metadata-options.http-tokens': row => row.metadataOptions.httpTokens,
    'metadata-options.instance-metadata-tags': row => row.metadataOptions.instanceMetadataTags,
    'metadata-options.state': row => row.metadataOptions.state,
    'monitoring-state': row => row.monitoring,
    'network-interface.addresses.association.allocation-id': () => undefined,
    'network-interface.addresses.association.association-id': () => undefined,
    'network-interface.addresses.association.carrier-ip': () => undefined,
    'network-interface.addresses.association.customer-owned-ip': () => undefined,
    'network-interface.addresses.association.ip-owner-id': ofInterfaces(associationOwners),
    'network-interface.addresses.association.public-dns-name': row =>
      interfaces(row).flatMap(one =>
        publicIps(one).map(address => address && publicDnsName(regionOf(row.owner), address)),
      ),
    'network-interface.addresses.association.public-ip': ofInterfaces(publicIps),
    'network-interface.addresses.primary': ofInterfaces(one =>
      one.privateIpAddresses.map(address => String(address.primary)),
    ),
    'network-interface.addresses.private-dns-name': row =>
      interfaces(row).flatMap(one =>
        one.privateIpAddresses.map(address => privateDnsName(regionOf(row.owner), address.address)),
      ),
    'network-interface.addresses.private-ip-address': ofInterfaces(one =>
      one.privateIpAddresses.map(address => address.address),
    ),
    'network-interface.association.allocation-id': () => undefined,
    'network-interface.association.association-id': () => undefined,
    'network-interface.association.ip-owner-id': ofInterfaces(associationOwners),
    'network-interface.association.public-dns-name': row =>
      interfaces(row).flatMap(one =>
        publicIps(one).map(address => address && publicDnsName(regionOf(row.owner), address)),
      ),
    'network-interface.association.public-ip': ofInterfaces(publicIps),
    'network-interface.attachment.attach-time': ofInterfaces(one => time(one.attachment?.attachTime)),
    'network-interface.attachment.attachment-id': ofInterfaces(one => one.attachment?.attachmentId),
    'network-interface.attachment.delete-on-termination': ofInterfaces(
      one => one.attachment && String(one.attachment.deleteOnTermination),
    ),
    'network-interface.attachment.device-index': ofInterfaces(
      one => one.attachment && String(one.attachment.deviceIndex),
    ),
    'network-interface.attachment.instance-id': ofInterfaces(one => one.attachment?.instanceId),
    'network-interface.attachment.instance-owner-id': ofInterfaces(one => one.owner.slice(0, 12)),
    'network-interface.attachment.network-card-index': ofInterfaces(
      one => one.attachment && String(one.attachment.networkCardIndex),
    ),
    'network-interface.attachment.status': ofInterfaces(one => one.attachment && 'attached'),
    'network-interface.availability-zone': ofInterfaces(one => one.availabilityZone),
    'network-interface.description': ofInterfaces(one => one.description),
    'network-interface.group-id': ofInterfaces(one => [...one.groupIds]),
    'network-interface.group-name': ofInterfaces(one => groupNames(one.groupIds)),
    'network-interface.ipv6-addresses.ipv6-address': ofInterfaces(one => [...(one.ipv6Addresses ?? [])]),
    'network-interface.mac-address': ofInterfaces(one => one.macAddress),
    'network-interface.network-interface-id': ofInterfaces(one => one.networkInterfaceId),
    'network-interface.owner-id': ofInterfaces(one => one.owner.slice(0, 12)),
    'network-interface.private-dns-name': row =>
      interfaces(row).map(
        one => one.privateIpAddresses[0] && privateDnsName(regionOf(row.owner), one.privateIpAddresses[0].address),
      ),
    'network-interface.private-ip-address': ofInterfaces(one => one.privateIpAddresses[0]?.address),
    'network-interface.requester-id': () => undefined,
    'network-interface.requester-managed': ofInterfaces(one => String(one.requesterManaged)),
    'network-interface.source-dest-check': ofInterfaces(one => String(one.sourceDestCheck)),
    'network-interface.status': ofInterfaces(one => one.status),
    'network-interface.subnet-id': ofInterfaces(one => one.subnetId),
    'network-interface.vpc-id': ofInterfaces(one => one.vpcId),
    'network-performance-options.bandwidth-weighting': () => 'default',
    'operator.managed': () => false,
    'operator.principal': () => undefined,
    'outpost-arn': () => undefined,
    'owner-id': row => row.owner.slice(0, 12),
    'placement-group-name': () => undefined,
    'placement-partition-number': () => undefined,
    platform: () => undefined,
    'platform-details': () => 'Linux/UNIX',
    'private-dns-name': instancePrivateDnsName,
    'private-dns-name-options.enable-resource-name-dns-a-record': row =>
      row.privateDnsNameOptions.enableResourceNameDnsARecord,
    'private-dns-name-options.enable-resource-name-dns-aaaa-record': row =>
      row.privateDnsNameOptions.enableResourceNameDnsAaaaRecord === true,
    'private-dns-name-options.hostname-type': row => row.privateDnsNameOptions.hostnameType,
    'private-ip-address': row => row.privateIpAddress,
    'product-code': () => undefined,
    'product-code.type': () => undefined,
    'ramdisk-id': () => undefined,
    reason: row => row.stateTransitionReason,
    'requester-id': row => row.requesterId,
    'reservation-id': row => row.reservationId,
    'root-device-name': row => row.rootDeviceName,
    'root-device-type': () => 'ebs',
    'source-dest-check': row => interfaces(row)[0]?.sourceDestCheck,
    'spot-instance-request-id': () => undefined,
    'state-reason-code': row => row.stateReason?.code,
    'state-reason-message': row => row.stateReason?.message,
    'subnet-id': row => (row.state === 'terminated' ? undefined : row.subnetId),
    tenancy: () => 'default',
    'tpm-support': () => undefined,
    'usage-operation': () => 'RunInstances',
    'usage-operation-update-time': row => time(row.createTime),
    'virtualization-type': () => 'hvm',
    'vpc-id': row => (row.state === 'terminated' ? undefined : row.vpcId),
  };
}

export function instanceTags(db: Reader): (row: InstanceRow) => Readonly<Record<string, string>> {
  return row => tagsOf(db, row.instanceId);
}
