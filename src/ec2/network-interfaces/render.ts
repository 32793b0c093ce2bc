import type { NetworkInterface, NetworkInterfaceAssociation } from '@aws-sdk/client-ec2';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { zonesOf } from '../regions/zones.ts';
import { securityGroups } from '../security-groups/model.ts';
import { tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { privateDnsName, publicDnsName } from './addresses.ts';
import type { NetworkInterfaceRow, PrivateIpAddress } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html */
export function renderNetworkInterface(db: Reader, row: NetworkInterfaceRow): NetworkInterface {
  const region = regionOf(row.owner);
  const dnsNames = db.get(vpcs, row.vpcId)?.enableDnsHostnames === true;
  const association = (one: PrivateIpAddress | undefined): NetworkInterfaceAssociation | undefined =>
    one?.publicIp === undefined
      ? undefined
      : {
          AllocationId: one.allocationId,
          AssociationId: one.associationId,
          IpOwnerId: one.publicIpOwner ?? 'amazon',
          PublicDnsName: dnsNames ? publicDnsName(region, one.publicIp) : '',
          PublicIp: one.publicIp,
        };
  const primary = row.privateIpAddresses[0];
  const privateName = (address: string) => (dnsNames ? privateDnsName(region, address) : undefined);
  return {
    Association: association(primary),
    Attachment: renderAttachment(row),
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zonesOf(region).find(zone => zone.name === row.availabilityZone)?.id,
    Description: row.description,
    Groups: row.groupIds.map(GroupId => ({ GroupId, GroupName: db.get(securityGroups, GroupId)?.groupName })),
    // EC2 writes `nat_gateway`, which is not among the enumerated types.
    InterfaceType: row.interfaceType as 'interface',
    Ipv4Prefixes: row.ipv4Prefixes?.map(Ipv4Prefix => ({ Ipv4Prefix })),
    Ipv6Address: row.ipv6Addresses?.[0],
    Ipv6Addresses: renderIpv6Addresses(row),
    Ipv6Prefixes: row.ipv6Prefixes?.map(Ipv6Prefix => ({ Ipv6Prefix })),
    MacAddress: row.macAddress,
    NetworkInterfaceId: row.networkInterfaceId,
    Operator: { Managed: false },
    OwnerId: accountOf(row.owner),
    PrivateDnsName: primary && privateName(primary.address),
    PrivateIpAddress: primary?.address,
    PrivateIpAddresses: row.privateIpAddresses.map(one => ({
      Association: association(one),
      Primary: one.primary,
      PrivateDnsName: privateName(one.address),
      PrivateIpAddress: one.address,
    })),
    RequesterManaged: row.requesterManaged,
    SourceDestCheck: row.sourceDestCheck,
    Status: row.status,
    SubnetId: row.subnetId,
    TagSet: tagList(db, row.networkInterfaceId) ?? [],
    VpcId: row.vpcId,
  };
}

export function renderIpv6Addresses(row: NetworkInterfaceRow): { Ipv6Address: string; IsPrimaryIpv6: boolean }[] {
  return (row.ipv6Addresses ?? []).map((Ipv6Address, index) => ({
    Ipv6Address,
    IsPrimaryIpv6: index === 0 && row.primaryIpv6 === true,
  }));
}

export function renderAttachment(row: NetworkInterfaceRow): NetworkInterface['Attachment'] {
  if (row.serviceAttachment !== undefined) {
    return {
      AttachTime: new Date(row.createTime),
      AttachmentId: row.serviceAttachment.attachmentId,
      DeleteOnTermination: false,
      DeviceIndex: 1,
      InstanceOwnerId: 'amazon-aws',
      Status: 'attached',
    };
  }
  return (
    row.attachment && {
      AttachTime: new Date(row.attachment.attachTime),
      AttachmentId: row.attachment.attachmentId,
      DeleteOnTermination: row.attachment.deleteOnTermination,
      DeviceIndex: row.attachment.deviceIndex,
      NetworkCardIndex: row.attachment.networkCardIndex,
      InstanceId: row.attachment.instanceId,
      InstanceOwnerId: accountOf(row.owner),
      Status: row.status === 'attaching' || row.status === 'detaching' ? row.status : 'attached',
    }
  );
}
